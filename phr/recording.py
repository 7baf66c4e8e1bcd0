"""THE ONE DOOR IN: ``record`` stores what was decoded, lets the rules look at it, and raises what they found.

Every step is keyed, so that the whole may run again from the top after a crash at any line: nothing returns early
because something was already there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from phr.care.evaluate import Observation, PersonFacts, evaluate
from phr.care.rule import Rules
from phr.clock import rfc3339
from phr.database import Database
from phr.formats import Format
from phr.formats.phr_v1 import encode_item
from phr.intake import arrivals, clock_words, clocks, devices, entered, held, rejections, vendor_hours
from phr.intake.arrivals import Coming
from phr.intake.clocks import Learner, Sign
from phr.intake.device import Device
from phr.intake.device_clock import Timed, as_told, has_own_time, on_true_time, shifted
from phr.intake.entered import Entered
from phr.intake.held import HeldRow
from phr.intake.mappings import Mappings
from phr.intake.owner import CONSENT_WITHDRAWN, Found, Owner, Sender
from phr.intake.registry import Registry
from phr.intake.rejections import RejectedPayload
from phr.intake.sightings import Sightings
from phr.intake.vendor_hours import Answered
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.readings import chunk, store
from phr.readings.chunk import Outcome
from phr.readings.store import Arrival
from phr.vocabulary.alert import Alert
from phr.vocabulary.reading import AT_ARRIVAL, Decoded, Rejection, Run, picked

LISTED_REJECTIONS = 100
HOUR_MS = 3_600_000
MOST_TOLD = 10_000  # what a worker remembers to have told, so that it does not ask the database each time
TOLD_AGAIN_MS = 30 * 24 * HOUR_MS  # a clock that stays wrong is worth a sentence once in so long

_IMPOSSIBLE = "a time that can't be: ahead of now, before the birth, or before the device was made"
_DETAILS = {
    chunk.TOO_DENSE: "more than a bucket of this metric can hold",
    chunk.TOO_OFTEN_CORRECTED: "corrected more often than a reading can honestly be",
}


class Delivery(NamedTuple):
    """A decoded payload and how it came. ``person`` is set where the sender speaks for one (HTTP)."""

    decoded: Decoded
    device: str  # "vendor/device"; over HTTP also a source of the client's own, or entered.HAND
    origin: str  # "mqtt", "http:<client>"
    arrived_at_ms: int
    payload: bytes = b""
    topic: str = ""
    person: str | None = None
    is_live: bool = False  # it did not wait anywhere and came for the first time, so that its ``sent_at`` shows a clock
    shift_ms: int | None = None  # its owner has put the time right by so much; the device's clock is not asked
    is_given: bool = False  # the person has said that these are theirs: no binding is asked
    packet: str = ""  # what the broker calls the message until it is acknowledged
    is_again: bool = False  # the broker says that it has delivered it before
    is_retained: bool = False  # the broker keeps it and gives it to each who asks anew
    measured_at_ms: int | None = None  # where the payload states no time: when it came for the first time
    batch: str | None = None  # an import: it raises no alert, holds nothing and can be taken back as a whole


@dataclass(slots=True)
class Verdict:
    """What became of a payload; the counts add up to its items."""

    payload_id: str | None = None
    stored: int = 0
    duplicate: int = 0
    corrected: int = 0
    held: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def rejected_count(self) -> int:
        return sum(one.count for one in self.rejected)

    def as_json(self, now_ms: int) -> dict[str, Any]:
        """The feedback message of the contract, section 2."""
        listed = [{"path": r.path, "code": r.code, "detail": r.detail} for r in self.rejected[:LISTED_REJECTIONS]]
        return {
            "id": self.payload_id,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "corrected": self.corrected,
            "held": self.held,
            "rejected_count": self.rejected_count,
            "rejected": listed,
            "server_time": rfc3339(now_ms),
        }


@dataclass(slots=True)
class _Sorted:
    """The readings of a batch, each where it belongs."""

    arrivals: list[Arrival] = field(default_factory=list)
    verdict_of: list[int] = field(default_factory=list)  # arrival -> delivery
    held: list[HeldRow] = field(default_factory=list)
    ahead: dict[str, list[int]] = field(default_factory=dict)  # device -> its own times that were held as ahead
    overtaken: list[str] = field(default_factory=list)  # keys of held rows whose readings are stored now


class Recorder:
    """Takes batches of deliveries in. One a process and thread: it remembers devices and people between batches."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._registry = Registry(database)
        self._learner = Learner(database)
        self._told: set[str] = set()
        self._sightings = Sightings(database)
        self._mappings = Mappings(database)

    def formats_of(self, devices: Iterable[str]) -> dict[str, str | Format | None]:
        """The format each device was registered with, a mapping as itself; None where it has none or is unknown."""
        self._registry.refresh()
        found = self._registry.load(set(devices))
        return self._mappings.in_place({ref: device.format if device else None for ref, device in found.items()})

    def models_of(self, devices: Iterable[str]) -> dict[str, str | None]:
        """The model that each device was registered as."""
        return {ref: device.model if device else None for ref, device in self._registry.load(devices).items()}

    def record(self, deliveries: Sequence[Delivery], now_ms: int) -> list[Verdict]:
        """Stores, evaluates, raises; when it returns, everything is on a majority of the database's journals.

        Safe to repeat. Raises PyMongoError or ServerUnavailable when the database can't be written; then nothing may
        be acknowledged.
        """
        verdicts = [Verdict(one.decoded.payload_id, rejected=list(one.decoded.rejections)) for one in deliveries]
        deliveries = self._dated(deliveries)
        self._learn(deliveries, now_ms)
        sorted_ = self._sort(deliveries, verdicts)
        self._overtake(sorted_, deliveries, verdicts)
        self._identify_entered(sorted_, verdicts)
        outcomes = store.write(self._database, sorted_.arrivals)
        alerts = self._evaluate(sorted_.arrivals, outcomes, now_ms)
        if alerts:
            outbox.raise_notices(self._database, alerts)
        held.hold(self._database, sorted_.held)
        self._note_clocks(sorted_, now_ms)
        for arrival, outcome, number in zip(sorted_.arrivals, outcomes, sorted_.verdict_of, strict=True):
            _count(verdicts[number], arrival.run, outcome)
        self._keep_rejections(deliveries, verdicts)
        self._count_for_vendors(deliveries, verdicts)
        return verdicts

    def _dated(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """What states no time was measured when it came, and that is when it came for the first time."""
        coming = {number: one for number, delivery in enumerate(deliveries) if (one := _coming(delivery))}
        if not coming:
            return deliveries
        first = dict(zip(coming, arrivals.first(self._database, list(coming.values())), strict=True))
        return [one._replace(measured_at_ms=first.get(number)) for number, one in enumerate(deliveries)]

    def weigh(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """What ``record`` would answer to imports, with nothing written."""
        verdicts = [Verdict(one.decoded.payload_id, rejected=list(one.decoded.rejections)) for one in deliveries]
        sorted_ = self._sort(deliveries, verdicts)
        outcomes = store.weigh(self._database, sorted_.arrivals)
        for arrival, outcome, number in zip(sorted_.arrivals, outcomes, sorted_.verdict_of, strict=True):
            _count(verdicts[number], arrival.run, outcome)
        return verdicts

    def _sort(self, deliveries: Sequence[Delivery], verdicts: list[Verdict]) -> _Sorted:
        self._registry.refresh()
        known = self._registry.load({one.device for one in deliveries})
        sorted_ = _Sorted()
        for number, (delivery, verdict) in enumerate(zip(deliveries, verdicts, strict=True)):
            device = known[delivery.device]
            owner = Owner(_sender(delivery), device, self._registry)
            for run in delivery.decoded.runs:
                for timed in _on_true_time(run, delivery, device):
                    for found, part in owner.split(timed.run):
                        self._place(sorted_, delivery, verdict, number, _unless_lost(found, timed), part)
            for one in delivery.decoded.quarantined:
                run = _on_true_time(one.run, delivery, device)[0].run
                self._quarantine(sorted_, verdict, delivery, owner, run, one.rejection)
        return sorted_

    def _learn(self, deliveries: Sequence[Delivery], now_ms: int) -> None:
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

    def _overtake(self, sorted_: _Sorted, deliveries: Sequence[Delivery], verdicts: list[Verdict]) -> None:
        """What was held as ahead of the clock and comes again: its row goes with it, and what was decided stays so."""
        for number in reversed(range(len(sorted_.arrivals))):
            arrival, of = sorted_.arrivals[number], sorted_.verdict_of[number]
            if not self._was_ahead(arrival, deliveries[of]):
                continue
            keys = [held.key(row) for row in _held_rows(deliveries[of], arrival.person, "ahead-of-clock", arrival.run)]
            there = held.known(self._database, keys)
            sorted_.overtaken += [key for key, is_settled in there.items() if not is_settled]
            kept = [index for index, key in enumerate(keys) if not there.get(key)]
            verdicts[of].held += len(keys) - len(kept)
            if kept:
                sorted_.arrivals[number] = arrival._replace(run=picked(arrival.run, kept))
            else:
                del sorted_.arrivals[number], sorted_.verdict_of[number]

    def _was_ahead(self, arrival: Arrival, delivery: Delivery) -> bool:
        device = self._registry.device(arrival.device)
        if delivery.shift_ms is not None or device is None or device.clock.ahead_ms is None:
            return False
        return any(device.clock.was_ahead(t - arrival.run.clock_offset_ms) for t in arrival.run.t)

    def _note_clocks(self, sorted_: _Sorted, now_ms: int) -> None:
        """Lets owners know of times that can't be, and devices remember which of them may come again as possible."""
        if sorted_.overtaken:
            held.settle_keys(self._database, sorted_.overtaken, now_ms)
        for row in sorted_.held:
            if row.person and clock_words.is_clocks_fault(row.reason):
                key = f"clock-held:{row.device}:{row.reason}:{row.arrived_at_ms // TOLD_AGAIN_MS}:{row.person}"
                self._tell(key, row.person, clock_words.of_held(row.device, row.reason), now_ms)
        for ref, times in sorted_.ahead.items():
            self._note_ahead(self._registry.device(ref), min(times), max(times))

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

    def _place(  # noqa: PLR0913, PLR0917 - the part and everything it came with
        self, sorted_: _Sorted, delivery: Delivery, verdict: Verdict, number: int, found: Found, part: Run
    ) -> None:
        if found.refused:
            verdict.rejected.append(Rejection(part.path, *found.refused, count=len(part)))
        elif found.reason and delivery.batch:
            verdict.rejected.append(Rejection(part.path, found.reason, _IMPOSSIBLE, count=len(part)))
        elif found.reason:
            verdict.held += len(part)
            if found.reason == "ahead-of-clock":
                sorted_.ahead.setdefault(delivery.device, []).extend(t - part.clock_offset_ms for t in part.t)
            sorted_.held += _held_rows(delivery, found.person, found.reason, part)
        else:
            assert found.person
            sorted_.arrivals.append(
                Arrival(
                    found.person,
                    delivery.device,
                    part,
                    delivery.origin,
                    delivery.arrived_at_ms,
                    delivery.decoded.sent_at_ms,
                    delivery.batch,
                )
            )
            sorted_.verdict_of.append(number)

    def _quarantine(  # noqa: PLR0913, PLR0917
        self, sorted_: _Sorted, verdict: Verdict, delivery: Delivery, owner: Owner, run: Run, rejection: Rejection
    ) -> None:
        """Outside the physical bounds: a rejection for the device, a held reading for its owner."""
        found, part = owner.split(run)[0]
        if found.refused:
            rejection = Rejection(rejection.path, *found.refused)
        elif not delivery.batch:
            sorted_.held += _held_rows(delivery, found.person, "out-of-bounds", part, rejection.detail)
        verdict.rejected.append(rejection)

    def _identify_entered(self, sorted_: _Sorted, verdicts: list[Verdict]) -> None:
        """Gives what was entered by hand the seq of its id; an id that stands for another reading is refused."""
        by_hand = [number for number, one in enumerate(sorted_.arrivals) if one.device == entered.HAND]
        if not by_hand:
            return
        seqs = entered.claim(self._database, [_as_entered(sorted_.arrivals[number]) for number in by_hand])
        for number, seq in reversed(list(zip(by_hand, seqs, strict=True))):
            run = sorted_.arrivals[number].run
            if seq is not None:
                run.seq = [seq]
                continue
            del sorted_.arrivals[number]
            refused = Rejection(f"{run.path}/id", "id-taken", "this id stands for a reading of another metric or time")
            verdicts[sorted_.verdict_of.pop(number)].rejected.append(refused)

    def _evaluate(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome], now_ms: int) -> list[Alert]:
        observations = [
            observation
            for arrival, outcome in zip(arrivals, outcomes, strict=True)
            if arrival.batch is None and self._rules.concern(arrival.run.metric.key)
            for observation in _observations(arrival, outcome)
        ]
        if not observations:
            return []
        people = self._registry.people({one.person for one in observations})
        facts = {key: PersonFacts(birth_on=person.birth_on) for key, person in people.items() if person}
        return evaluate(self._rules, observations, facts, now_ms)

    def _keep_rejections(self, deliveries: Sequence[Delivery], verdicts: Sequence[Verdict]) -> None:
        rejections.reject(
            self._database,
            [
                _rejected(one, verdict.rejected)
                for one, verdict in zip(deliveries, verdicts, strict=True)
                if verdict.rejected and one.topic
            ],
        )

    def _count_for_vendors(self, deliveries: Sequence[Delivery], verdicts: Sequence[Verdict]) -> None:
        """What came from vendors, and so over MQTT, for them to look at."""
        by_vendors = [(one, verdict) for one, verdict in zip(deliveries, verdicts, strict=True) if one.topic]
        vendor_hours.count(self._database, [_answered(one, verdict) for one, verdict in by_vendors])
        latest = {one.device: one.arrived_at_ms for one, _ in by_vendors}
        self._sightings.saw((device, at_ms) for device, at_ms in latest.items() if self._registry.device(device))


def _sender(delivery: Delivery) -> Sender:
    return Sender(delivery.device, delivery.person, delivery.decoded.device, delivery.arrived_at_ms, delivery.is_given)


def _sign(delivery: Delivery) -> Sign | None:
    """What it tells of its device's clock; over HTTP ``sent_at`` is by the clock of a phone."""
    sent_at_ms = delivery.decoded.sent_at_ms
    if sent_at_ms is None or delivery.person is not None:
        return None
    return Sign(delivery.device, delivery.arrived_at_ms, sent_at_ms, delivery.is_live)


def _coming(delivery: Delivery) -> Coming | None:
    """A payload with readings that state no time. With an id, or kept by the broker, it is the same one for long."""
    decoded = delivery.decoded
    runs = [run for run in (*decoded.runs, *(one.run for one in decoded.quarantined)) if not has_own_time(run)]
    if not runs or not delivery.payload:
        return None
    is_named = decoded.payload_id is not None or delivery.is_retained
    within_ms = arrivals.KEPT_MS if is_named else arrivals.again_within_ms(run.metric for run in runs)
    key = arrivals.key_of(f"{delivery.device}\0{delivery.person or ''}", delivery.payload)
    return Coming(key, delivery.arrived_at_ms, delivery.packet, delivery.is_again, within_ms)


def _on_true_time(run: Run, delivery: Delivery, device: Device | None) -> list[Timed]:
    if not has_own_time(run):
        at_ms = delivery.arrived_at_ms if delivery.measured_at_ms is None else delivery.measured_at_ms
        return [Timed(replace(run, t=[at_ms if t == AT_ARRIVAL else t for t in run.t]))]
    if delivery.shift_ms is not None:
        return [Timed(shifted(run, delivery.shift_ms))]
    return on_true_time(run, device.clock, delivery.arrived_at_ms) if device else [Timed(run)]


def _unless_lost(found: Found, timed: Timed) -> Found:
    return found._replace(reason="clock-wrong") if timed.is_lost and found.person and not found.reason else found


def _held_rows(delivery: Delivery, person: str | None, reason: Any, run: Run, detail: str = "") -> Iterable[HeldRow]:
    """The item keeps the device's own time, so that a re-send is the same row whatever is known of the clock."""
    told = as_told(run)
    return [
        HeldRow(
            device=delivery.device,
            person=person,
            reason=reason,
            metric=run.metric.key,
            slot=run.slot,
            t_ms=t,
            item=encode_item(told, index),
            arrived_at_ms=delivery.arrived_at_ms,
            detail=detail,
        )
        for index, t in enumerate(run.t)
    ]


def _as_entered(arrival: Arrival) -> Entered:
    """Each reading entered by hand is a run of one that has an id."""
    run = arrival.run
    return Entered(arrival.person, run.extras[0]["id"], run.metric.key, run.t[0])


def _observations(arrival: Arrival, outcome: Outcome) -> Iterable[Observation]:
    run, refused = arrival.run, {index for index, _ in outcome.refused}.union(outcome.voided)
    for index, t in enumerate(run.t):
        if index in refused:
            continue
        extra = run.extras.get(index, {})
        values = {name: value for name, column in run.values.items() if (value := column[index]) is not None}
        seq = run.seq[index] if run.seq else 0
        yield Observation(
            arrival.person,
            run.metric,
            arrival.device,
            seq,
            t,
            values,
            run.unit,
            flag=extra.get("flag"),
            quality=extra.get("quality"),
        )


def _rejected(delivery: Delivery, found: Sequence[Rejection]) -> RejectedPayload:
    """What the vendor may look at: of a payload with readings that nobody may keep, only that there was one."""
    withdrawn = [one for one in found if one.code == CONSENT_WITHDRAWN]
    return RejectedPayload(
        vendor=delivery.device.partition("/")[0],
        device=delivery.device,
        topic=delivery.topic,
        payload=b"" if withdrawn else delivery.payload,
        rejections=tuple(withdrawn or found),
        received_at_ms=delivery.arrived_at_ms,
    )


def _answered(delivery: Delivery, verdict: Verdict) -> Answered:
    counts = (1, verdict.stored, verdict.duplicate, verdict.corrected, verdict.held)
    return Answered(delivery.device.partition("/")[0], delivery.arrived_at_ms, counts, verdict.rejected)


def _count(verdict: Verdict, run: Run, outcome: Outcome) -> None:
    verdict.stored += outcome.stored
    verdict.duplicate += outcome.duplicate
    verdict.corrected += outcome.corrected
    verdict.rejected += [Rejection(run.pointer(index), code, _DETAILS[code]) for index, code in outcome.refused]
