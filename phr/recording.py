"""THE ONE DOOR IN: ``record`` stores what was decoded, lets the rules look at it, and raises what they found.

Every step is keyed, so that the whole may run again from the top after a crash at any line: nothing returns early
because something was already there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from phr.care.evaluate import Observation, PersonFacts, evaluate
from phr.care.rule import Rules
from phr.clock import rfc3339
from phr.database import Database
from phr.formats.phr_v1 import encode_item
from phr.intake import entered, held, rejections
from phr.intake.entered import Entered
from phr.intake.held import HeldRow
from phr.intake.owner import CONSENT_WITHDRAWN, Found, Owner, Sender
from phr.intake.registry import Registry
from phr.intake.rejections import RejectedPayload
from phr.notices import outbox
from phr.readings import chunk, store
from phr.readings.chunk import Outcome
from phr.readings.store import Arrival
from phr.vocabulary.alert import Alert
from phr.vocabulary.reading import AT_ARRIVAL, Decoded, Rejection, Run

LISTED_REJECTIONS = 100

_DETAILS = {
    chunk.TOO_DENSE: "more than a bucket of this metric can hold",
    chunk.TOO_OFTEN_CORRECTED: "corrected more often than a reading can honestly be",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded payload and how it came. ``person`` is set where the sender speaks for one (HTTP)."""

    decoded: Decoded
    device: str  # "vendor/device"; over HTTP also a source of the client's own, or entered.HAND
    origin: str  # "mqtt", "http:<client>"
    arrived_at_ms: int
    payload: bytes = b""
    topic: str = ""
    person: str | None = None
    is_given: bool = False  # the person has said that these are theirs: no binding is asked


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
        self._identify_entered(sorted_, verdicts)
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
            owner = Owner(_sender(delivery), devices[delivery.device], self._registry)
            for run in delivery.decoded.runs:
                for found, part in owner.split(_at_arrival(run, delivery)):
                    self._place(sorted_, delivery, verdict, number, found, part)
            for one in delivery.decoded.quarantined:
                self._quarantine(sorted_, verdict, delivery, owner, one.run, one.rejection)
        return sorted_

    def _place(  # noqa: PLR0913, PLR0917 - the part and everything it came with
        self, sorted_: _Sorted, delivery: Delivery, verdict: Verdict, number: int, found: Found, part: Run
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
        self, sorted_: _Sorted, verdict: Verdict, delivery: Delivery, owner: Owner, run: Run, rejection: Rejection
    ) -> None:
        """Outside the physical bounds: a rejection for the device, a held reading for its owner."""
        found, part = owner.split(_at_arrival(run, delivery))[0]
        if found.refused:
            rejection = Rejection(rejection.path, *found.refused)
        else:
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
                _rejected(one, verdict.rejected)
                for one, verdict in zip(deliveries, verdicts, strict=True)
                if verdict.rejected and one.topic
            ],
        )


def _sender(delivery: Delivery) -> Sender:
    return Sender(delivery.device, delivery.person, delivery.decoded.device, delivery.arrived_at_ms, delivery.is_given)


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


def _count(verdict: Verdict, run: Run, outcome: Outcome) -> None:
    verdict.stored += outcome.stored
    verdict.duplicate += outcome.duplicate
    verdict.corrected += outcome.corrected
    verdict.rejected += [Rejection(run.pointer(index), code, _DETAILS[code]) for index, code in outcome.refused]
