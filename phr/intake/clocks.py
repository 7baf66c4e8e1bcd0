"""Learns how far devices' clocks are off from when their payloads arrive, and opens a period where one is.

A delay only ever adds to arrival minus ``sent_at``: many live payloads that agree on a smallest difference show the
clock. Collection ``clock_samples``, a row a device that seems off: what workers have seen of it, so that none of them
has to see all of it and a restart loses nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.errors import NotFound
from phr.intake import devices
from phr.intake.device import Device
from phr.intake.device_clock import CORRECTED_FROM_MS, MOST_PERIODS, Clock, Period, Removal, next_offset_ms

BIN_MS = 5 * 60_000  # of all payloads that arrive in one, the smallest difference counts
WINDOW = 24  # bins
ENOUGH = 10  # bins that agree
AGREE_MS = 60_000
SPREAD_MS = 3_600_000
MARGIN_MS = 5 * 60_000  # a period begins so much later, when every worker knows it
SETTLED_MS = 60_000
KEPT = timedelta(days=90)
CAPACITY = 20_000  # devices; some hundred bytes each


@dataclass(frozen=True, slots=True)
class Sign:
    """What one payload tells of its device's clock. ``is_live``: it did not wait, and came for the first time."""

    device: str
    arrived_at_ms: int
    sent_at_ms: int
    is_live: bool

    @property
    def lag_ms(self) -> int:
        return self.arrived_at_ms - self.sent_at_ms


@dataclass(frozen=True, slots=True)
class Sample:
    """One bin: the first arrival, the smallest difference and how far the others lay above it."""

    arrived_at_ms: int
    lag_ms: int
    spread_ms: int = 0

    def joined(self, other: Sample) -> Sample:
        least = min(self.lag_ms, other.lag_ms)
        most = max(self.lag_ms + self.spread_ms, other.lag_ms + other.spread_ms)
        return Sample(min(self.arrived_at_ms, other.arrived_at_ms), least, most - least)


def estimate(samples: Iterable[Sample]) -> int | None:
    """The smallest difference, where enough samples over enough time agree on it; else nobody knows yet.

    A queue that empties gives differences that shrink from one to the next: few of them are near the smallest, or all
    of those came at once. Bins in which they lie apart came out of a queue: they can show that a clock is less behind,
    not that it is behind.
    """
    newest = sorted(samples, key=lambda one: one.arrived_at_ms)[-WINDOW:]
    least = min((one.lag_ms for one in newest), default=0)
    near = [one.arrived_at_ms for one in newest if one.lag_ms - least <= AGREE_MS and one.spread_ms <= AGREE_MS]
    if len(near) < ENOUGH or near[-1] - near[0] < SPREAD_MS:
        return None
    return least


def is_off(clock: Clock, lag_ms: int) -> bool:
    """True where a difference does not go with what is known of the clock."""
    return abs(lag_ms - clock.offset_ms) > CORRECTED_FROM_MS


def is_refuted(clock: Clock, sign: Sign) -> bool:
    """True where a payload came sooner than a clock that far behind allows: somebody has set it."""
    return clock.offset_ms > 0 and sign.lag_ms < clock.offset_ms - CORRECTED_FROM_MS


def learned(clock: Clock, estimate_ms: int, now_ms: int) -> Period:
    """The period that an estimate opens: at device times that no worker can have seen yet."""
    period = Period(now_ms - estimate_ms + MARGIN_MS, next_offset_ms(clock, estimate_ms), now_ms)
    before = max((one.from_device_ms for one in clock.periods if one.is_usable), default=None)
    if before is None or not period.is_usable:
        return period
    return Period(max(period.from_device_ms, before + 1), period.offset_ms, now_ms)


def refuted(clock: Clock, sign: Sign) -> Period:
    """The period of a clock that was set forward: it begins in the time that the device leapt over."""
    latest = clock.latest
    assert latest
    leapt_ms = sign.arrived_at_ms - latest.offset_ms + SETTLED_MS
    return Period(leapt_ms if latest.is_usable else latest.learned_at_ms, 0, sign.arrived_at_ms)


class Learner:
    """What one worker has seen of many clocks; used from one thread."""

    def __init__(self, database: Database, capacity: int = CAPACITY) -> None:
        self._database = database
        self._capacity = capacity
        self._bins: OrderedDict[str, dict[int, Sample]] = OrderedDict()

    def observe(self, signs: Iterable[Sign], known: dict[str, Device | None]) -> list[tuple[Device, Period]]:
        """The periods that these payloads show, at most one a device; nothing is opened yet."""
        found: dict[str, tuple[Device, Period]] = {}
        for sign in signs:
            device = known.get(sign.device)
            if device is None or sign.device in found or len(device.clock.periods) >= MOST_PERIODS:
                continue
            period = self._period(device.clock, sign)
            if period:
                found[sign.device] = (device, period)
        return list(found.values())

    def _period(self, clock: Clock, sign: Sign) -> Period | None:
        if is_refuted(clock, sign):
            return refuted(clock, sign)
        if not sign.is_live or not self._add(sign, clock) or not is_off(clock, sign.lag_ms):
            return None
        found = estimate(self._shared(sign.device))
        if found is None or not is_off(clock, found) or clock.was_denied(found):
            return None
        return learned(clock, found, sign.arrived_at_ms)

    def _add(self, sign: Sign, clock: Clock) -> bool:
        """True for the first payload of a bin. Of bins that agree with the clock the newest says as much as all."""
        bins = self._bins.get(sign.device)
        if bins is None:
            bins = self._bins[sign.device] = {}
            if len(self._bins) > self._capacity:
                self._bins.popitem(last=False)
        number = sign.arrived_at_ms // BIN_MS
        before, lag_ms = bins.get(number), sign.lag_ms
        if before is not None:
            if not before.lag_ms <= lag_ms <= before.lag_ms + before.spread_ms:
                bins[number] = before.joined(Sample(sign.arrived_at_ms, lag_ms))
            return False
        if not is_off(clock, lag_ms):
            for agreeing in [key for key, one in bins.items() if not is_off(clock, one.lag_ms)]:
                del bins[agreeing]
        bins[number] = Sample(sign.arrived_at_ms, lag_ms)
        self._bins.move_to_end(sign.device)
        if len(bins) > WINDOW:
            del bins[min(bins)]
        return True

    def _shared(self, device: str) -> list[Sample]:
        """What this worker and the others have seen, kept again for them; once a bin and device that is off."""
        row: Document = self._database["clock_samples"].find_one({"_id": device}) or {}
        kept = [Sample(*three) for three in row.get("samples", ())]
        merged = _by_bin([*kept, *self._bins[device].values()])
        self._bins[device] = merged
        samples = [merged[number] for number in sorted(merged)]
        rows = [[one.arrived_at_ms, one.lag_ms, one.spread_ms] for one in samples]
        expires_at = to_datetime(samples[-1].arrived_at_ms) + KEPT
        change = {"$set": {"samples": rows, "expires_at": expires_at}}
        self._database["clock_samples"].update_one({"_id": device}, change, upsert=True)
        return samples

    def forget(self, device: str) -> None:
        """What was seen belongs to a clock that was set since."""
        self._bins.pop(device, None)
        self._database["clock_samples"].delete_one({"_id": device})


def open_period(database: Database, device: Device, period: Period) -> bool:
    """Stores the period, once; False where another worker has opened one for the device meanwhile."""

    def opened(clock: Clock) -> Clock:
        return clock if len(clock.periods) != len(device.clock.periods) else clock.opened(period)

    return period in devices.set_clock(database, device.ref, opened).clock.periods


def remove_period(database: Database, ref: str, number: int, removal: Removal) -> Device:
    """The device without the period of that number, from 1, and without what was seen of its clock; safe to repeat.

    Raises NotFound: no such device, or no such period, or one whose offset is 0 and that moved nothing.
    """

    def removed(clock: Clock) -> Clock:
        if not 0 < number <= len(clock.periods) or not clock.periods[number - 1].offset_ms:
            raise NotFound(f"{ref} has no period {number} by which times were corrected")
        return clock.without(number, removal)

    device = devices.set_clock(database, ref, removed)
    database["clock_samples"].delete_one({"_id": ref})
    return device


def ensure_indexes(database: Database) -> None:
    database["clock_samples"].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _by_bin(samples: Sequence[Sample]) -> dict[int, Sample]:
    bins: dict[int, Sample] = {}
    for one in samples:
        number = one.arrived_at_ms // BIN_MS
        bins[number] = bins[number].joined(one) if number in bins else one
    return {number: bins[number] for number in sorted(bins)[-WINDOW:]}
