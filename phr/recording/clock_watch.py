"""What a batch teaches of devices' clocks, and who is told: of a clock that is off, of times that can't be."""

from __future__ import annotations

from collections.abc import Sequence

from phr.clock import HOUR_MS
from phr.database import Database
from phr.intake import clock_words, clocks, devices, held
from phr.intake.clocks import Learner, Sign
from phr.intake.device import Device
from phr.intake.registry import Registry
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.readings.store import Arrival
from phr.recording.delivery import Delivery, Verdict
from phr.recording.sorting import Sorted, held_rows
from phr.vocabulary.reading import picked

MOST_TOLD = 10_000  # what a worker remembers to have told, so that it does not ask the database each time
TOLD_AGAIN_MS = 30 * 24 * HOUR_MS  # a clock that stays wrong is worth a sentence once in so long


class ClockWatch:
    """One a recorder: it remembers what it has seen of clocks and whom it has told."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self._registry = registry
        self._learner = Learner(database)
        self._told: set[str] = set()

    def learn(self, deliveries: Sequence[Delivery], now_ms: int) -> None:
        """Told first, opened second: a crash in between tells nobody twice."""
        signs = [sign for one in deliveries if (sign := _sign(one))]
        known = self._registry.load({one.device for one in signs})
        for device, period in self._learner.observe(signs, known):
            if words := clock_words.of_period(device.ref, period):
                for person in {one.person for one in device.bindings if one.until_ms is None}:
                    self._tell(f"clock:{device.ref}:{len(device.clock.periods)}:{person}", person, words, now_ms)
            clocks.open_period(self._database, device, period)
            if not period.offset_ms:
                self._learner.forget(device.ref)

    def overtake(self, sorted_: Sorted, deliveries: Sequence[Delivery], verdicts: list[Verdict]) -> None:
        """What was held as ahead of the clock and comes again: its row goes with it, and what was decided stays so."""
        known = self._registry.load({one.device for one in sorted_.arrivals})
        if all(device is None or device.clock.ahead_ms is None for device in known.values()):
            return
        for number in reversed(range(len(sorted_.arrivals))):
            arrival, of = sorted_.arrivals[number], sorted_.verdict_of[number]
            if not self._was_ahead(arrival, deliveries[of]):
                continue
            keys = [held.key(row) for row in held_rows(deliveries[of], arrival.person, "ahead-of-clock", arrival.run)]
            there = held.known(self._database, keys)
            sorted_.overtaken += [key for key, is_settled in there.items() if not is_settled]
            kept = [index for index, key in enumerate(keys) if not there.get(key)]
            verdicts[of].held += len(keys) - len(kept)
            if kept:
                sorted_.arrivals[number] = arrival._replace(run=picked(arrival.run, kept))
            else:
                del sorted_.arrivals[number], sorted_.verdict_of[number]

    def note(self, sorted_: Sorted, now_ms: int) -> None:
        """Lets owners know of times that can't be, and devices remember which of them may come again as possible."""
        if sorted_.overtaken:
            held.settle_keys(self._database, sorted_.overtaken, now_ms)
        for row in sorted_.held:
            if row.person and clock_words.is_clocks_fault(row.reason):
                key = f"clock-held:{row.device}:{row.reason}:{row.arrived_at_ms // TOLD_AGAIN_MS}:{row.person}"
                self._tell(key, row.person, clock_words.of_held(row.device, row.reason), now_ms)
        for ref, times in sorted_.ahead.items():
            self._note_ahead(self._registry.device(ref), min(times), max(times))

    def _was_ahead(self, arrival: Arrival, delivery: Delivery) -> bool:
        device = self._registry.device(arrival.device)
        if delivery.shift_ms is not None or device is None or device.clock.ahead_ms is None:
            return False
        return any(device.clock.was_ahead(t - arrival.run.clock_offset_ms) for t in arrival.run.t)

    def _note_ahead(self, device: Device | None, low_ms: int, high_ms: int) -> None:
        """Hours, so that a device that stays ahead is not written with every reading."""
        if device is None or (device.clock.was_ahead(low_ms) and device.clock.was_ahead(high_ms)):
            return
        span = low_ms // HOUR_MS * HOUR_MS, (high_ms // HOUR_MS + 6) * HOUR_MS
        devices.set_clock(self._database, device.ref, lambda clock: clock.seen_ahead(*span))

    def _tell(self, key: str, person: str, words: clock_words.Words, now_ms: int) -> None:
        if key not in self._told:
            outbox.tell(self._database, Telling(key, person, "device-clock", words.zh, words.en), now_ms)
            if len(self._told) >= MOST_TOLD:
                self._told.clear()
            self._told.add(key)


def _sign(delivery: Delivery) -> Sign | None:
    """What it tells of its device's clock; over HTTP ``sent_at`` is by the clock of a phone."""
    sent_at_ms = delivery.decoded.sent_at_ms
    if sent_at_ms is None or delivery.person is not None:
        return None
    return Sign(delivery.device, delivery.arrived_at_ms, sent_at_ms, delivery.is_live)
