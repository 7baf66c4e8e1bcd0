"""THE ONE DOOR IN: ``record`` stores what was decoded, lets the rules look at it, and raises what they found.

Every step is keyed, so that the whole may run again from the top after a crash at any line: nothing returns early
because something was already there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Literal

from phr.care.evaluate import Observation, PersonFacts, evaluate
from phr.care.rule import Rules
from phr.clock import rfc3339, to_ms
from phr.database import Database
from phr.formats.phr_v1 import encode_item
from phr.intake import held, rejections
from phr.intake.devices import Device
from phr.intake.held import HeldRow
from phr.intake.registry import Registry
from phr.intake.rejections import RejectedPayload
from phr.notices import outbox
from phr.people.people import Person
from phr.readings import chunk, store
from phr.readings.chunk import Outcome
from phr.readings.store import Arrival
from phr.vocabulary.alert import Alert
from phr.vocabulary.reading import AT_ARRIVAL, Decoded, Rejection, Run, picked

AHEAD_MS = 10 * 60_000  # how far a device's clock may run ahead before its readings are held
DAY_MS = 86_400_000
WEST_OF_UTC_MS = 14 * 3_600_000  # a birthday begins this long before its UTC midnight somewhere on Earth
NOBODY_BEFORE = date(1900, 1, 1)  # for people who told no birth date
LISTED_REJECTIONS = 100

_DETAILS = {
    chunk.TOO_DENSE: "more readings than this metric can have in that time",
    chunk.TOO_OFTEN_CORRECTED: "corrected more often than a reading can honestly be",
}

HeldReason = Literal["unbound", "ahead-of-clock", "before-birth", "before-device-made"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded payload and how it came. ``person`` is set where the sender speaks for one (HTTP)."""

    decoded: Decoded
    device: str  # "vendor/device" by its topic, or the source an HTTP client names
    origin: str  # "mqtt", "http:<client>"
    arrived_at_ms: int
    payload: bytes = b""
    topic: str = ""
    person: str | None = None


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


class Recorder:
    """Takes batches of deliveries in. One a process and thread: it remembers devices and people between batches."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._registry = Registry(database)

    def formats_of(self, devices: Iterable[str]) -> dict[str, str | None]:
        """The format each device was registered with; None where it has none or is unknown."""
        self._registry.refresh()
        found = self._registry.load(set(devices))
        return {ref: device.format if device else None for ref, device in found.items()}

    def record(self, deliveries: Sequence[Delivery], now_ms: int) -> list[Verdict]:
        """Stores, evaluates, raises; when it returns, everything is on a majority of the database's journals.

        Safe to repeat. Raises PyMongoError or ServerUnavailable when the database can't be written; then nothing may
        be acknowledged.
        """
        verdicts = [Verdict(one.decoded.payload_id, rejected=list(one.decoded.rejections)) for one in deliveries]
        sorted_ = self._sort(deliveries, verdicts)
        outcomes = store.write(self._database, sorted_.arrivals)
        alerts = self._evaluate(sorted_.arrivals, outcomes, now_ms)
        if alerts:
            outbox.raise_notices(self._database, alerts)
        held.hold(self._database, sorted_.held)
        for arrival, outcome, number in zip(sorted_.arrivals, outcomes, sorted_.verdict_of, strict=True):
            _count(verdicts[number], arrival.run, outcome)
        self._keep_rejections(deliveries, verdicts)
        return verdicts

    def _sort(self, deliveries: Sequence[Delivery], verdicts: list[Verdict]) -> _Sorted:
        self._registry.refresh()
        devices = self._registry.load({one.device for one in deliveries})
        sorted_ = _Sorted()
        for number, (delivery, verdict) in enumerate(zip(deliveries, verdicts, strict=True)):
            owner = _Owner(delivery, devices[delivery.device], self._registry)
            for run in delivery.decoded.runs:
                for found, part in owner.split(_at_arrival(run, delivery)):
                    self._place(sorted_, delivery, verdict, number, found, part)
            for one in delivery.decoded.quarantined:
                self._quarantine(sorted_, verdict, delivery, owner, one.run, one.rejection)
        return sorted_

    def _place(  # noqa: PLR0913, PLR0917 - the part and everything it came with
        self, sorted_: _Sorted, delivery: Delivery, verdict: Verdict, number: int, found: _Found, part: Run
    ) -> None:
        if found.refused:
            verdict.rejected.append(Rejection(part.path, *found.refused, count=len(part)))
        elif found.reason:
            verdict.held += len(part)
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
                )
            )
            sorted_.verdict_of.append(number)

    def _quarantine(  # noqa: PLR0913, PLR0917
        self, sorted_: _Sorted, verdict: Verdict, delivery: Delivery, owner: _Owner, run: Run, rejection: Rejection
    ) -> None:
        """Outside the physical bounds: a rejection for the device, a held reading for its owner."""
        found, part = owner.split(_at_arrival(run, delivery))[0]
        if found.refused:
            rejection = Rejection(rejection.path, *found.refused)
        else:
            sorted_.held += _held_rows(delivery, found.person, "out-of-bounds", part, rejection.detail)
        verdict.rejected.append(rejection)

    def _evaluate(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome], now_ms: int) -> list[Alert]:
        observations = [
            observation
            for arrival, outcome in zip(arrivals, outcomes, strict=True)
            if self._rules.concern(arrival.run.metric.key)
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
                RejectedPayload(
                    vendor=one.device.partition("/")[0],
                    device=one.device,
                    topic=one.topic,
                    payload=one.payload,
                    rejections=tuple(verdict.rejected),
                    received_at_ms=one.arrived_at_ms,
                )
                for one, verdict in zip(deliveries, verdicts, strict=True)
                if verdict.rejected and one.topic
            ],
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a reading belongs: to a person, to the held ones for a reason, or nowhere."""

    person: str | None = None
    reason: HeldReason | None = None
    refused: tuple[str, str] | None = None  # code, detail


class _Owner:
    """Whose the readings of one delivery are."""

    def __init__(self, delivery: Delivery, device: Device | None, registry: Registry) -> None:
        self._delivery = delivery
        self._device = device
        self._registry = registry
        self._refused = self._refusal()

    def split(self, run: Run) -> list[tuple[_Found, Run]]:
        """The run in parts that belong together; nearly always one."""
        if self._refused or not run.t:
            return [(_Found(refused=self._refused), run)] if run.t else []
        if run.device is not None and not self._is_own(run.device):
            return [(_Found(refused=_mismatch(run.device)), run)]
        low, high = min(run.t), max(run.t)
        first = self._find(run.slot, low)
        if low == high or (first == self._find(run.slot, high) and self._is_steady(run.slot)):
            return [(first, run)]
        found = [self._find(run.slot, t) for t in run.t]
        groups = groupby(range(len(run.t)), key=found.__getitem__)
        return [(one, picked(run, list(indices))) for one, indices in groups]

    def _refusal(self) -> tuple[str, str] | None:
        if self._delivery.person is None and self._device is None:
            return "device-unknown", f"{self._delivery.device} is not registered"
        if self._device is not None and self._device.is_suspended:
            return "device-suspended", f"{self._device.ref} may not send at present"
        spoken_for = self._delivery.decoded.device
        if self._delivery.person is None and spoken_for is not None and not self._is_own(spoken_for):
            return _mismatch(spoken_for)
        return None

    def _is_own(self, name: str) -> bool:
        return name in (self._delivery.device, self._delivery.device.partition("/")[2])

    def _is_steady(self, slot: str) -> bool:
        """True where nobody else was ever bound to the slot, so that equal ends mean an equal middle."""
        return self._device is None or sum(one.slot == slot for one in self._device.bindings) <= 1

    def _find(self, slot: str, t_ms: int) -> _Found:
        owner = self._device.owner_at(slot, t_ms) if self._device else self._delivery.person
        if self._delivery.person not in (None, owner):
            return _Found(refused=("device-mismatch", f"{self._delivery.device} was not this person's then"))
        if owner is None:
            return _Found(reason="unbound")
        person = self._registry.person(owner)
        if person is None or person.consent_withdrawn:
            return _Found(refused=("consent-withdrawn", "the owner has withdrawn the consent to take readings in"))
        return _Found(owner, _impossible_time(person, self._device, t_ms, self._delivery.arrived_at_ms))


def _mismatch(name: str) -> tuple[str, str]:
    return "device-mismatch", f"this sender may not speak for {name[:64]!r}"


def _impossible_time(person: Person, device: Device | None, t_ms: int, arrived_at_ms: int) -> HeldReason | None:
    if t_ms > arrived_at_ms + AHEAD_MS:
        return "ahead-of-clock"
    if t_ms < _day_begin_ms(person.birth_on or NOBODY_BEFORE):
        return "before-birth"
    if device and device.made_on and t_ms < _day_begin_ms(device.made_on):
        return "before-device-made"
    return None


def _day_begin_ms(on: date) -> int:
    return to_ms(datetime(on.year, on.month, on.day, tzinfo=UTC)) - WEST_OF_UTC_MS


def _at_arrival(run: Run, delivery: Delivery) -> Run:
    if AT_ARRIVAL in run.t:
        run.t = [delivery.arrived_at_ms if t == AT_ARRIVAL else t for t in run.t]
    return run


def _held_rows(delivery: Delivery, person: str | None, reason: Any, run: Run, detail: str = "") -> Iterable[HeldRow]:
    return [
        HeldRow(
            device=delivery.device,
            person=person,
            reason=reason,
            metric=run.metric.key,
            slot=run.slot,
            t_ms=t,
            item=encode_item(run, index),
            arrived_at_ms=delivery.arrived_at_ms,
            detail=detail,
        )
        for index, t in enumerate(run.t)
    ]


def _observations(arrival: Arrival, outcome: Outcome) -> Iterable[Observation]:
    run, refused = arrival.run, {index for index, _ in outcome.refused}
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


def _count(verdict: Verdict, run: Run, outcome: Outcome) -> None:
    verdict.stored += outcome.stored
    verdict.duplicate += outcome.duplicate
    verdict.corrected += outcome.corrected
    verdict.rejected += [Rejection(run.pointer(index), code, _DETAILS[code]) for index, code in outcome.refused]
