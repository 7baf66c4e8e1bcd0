"""``record`` stores what was decoded, lets the rules look at it, and raises what they found.

Every step is keyed, so that the whole may run again from the top after a crash at any line: nothing returns early
because something was already there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from phr.alerts import raising
from phr.care.evaluate import evaluate
from phr.care.observation import Observation
from phr.care.rule import Rules
from phr.care.sieve import Sieve
from phr.clock import HOUR_MS
from phr.database import Database
from phr.formats import Format
from phr.intake import arrivals, entered, held, rejections, vendor_hours
from phr.intake.arrivals import Coming
from phr.intake.device_clock import has_own_time
from phr.intake.entered import Entered
from phr.intake.mappings import Mappings
from phr.intake.owner import CONSENT_WITHDRAWN
from phr.intake.registry import Registry
from phr.intake.rejections import RejectedPayload
from phr.intake.sightings import Sightings
from phr.intake.vendor_hours import Answered
from phr.people import processing
from phr.plans.facts import Memory
from phr.plans.signatures import Signed
from phr.readings import store
from phr.readings.chunk import Outcome
from phr.readings.store import Arrival
from phr.recording.clock_watch import ClockWatch
from phr.recording.delivery import Delivery, Verdict
from phr.recording.sorting import Sorted, sort
from phr.vocabulary.alert import Alert
from phr.vocabulary.reading import Rejection


class Recorder:
    """Takes batches of deliveries in. One a process and thread: it remembers devices and people between batches."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._signed = Signed(database, rules)
        self._rules, self._sieve = rules, Sieve(rules)
        self._facts = Memory(database)
        self._registry = Registry(database)
        self._clocks = ClockWatch(database, self._registry)
        self._sightings = Sightings(database)
        self._mappings = Mappings(database)

    def for_another_thread(self) -> Recorder:
        return Recorder(self._database, self._rules)

    def formats_of(self, devices: Iterable[str]) -> dict[str, str | Format | None]:
        """The format each device was registered with, a mapping as itself; None where it has none or is unknown."""
        self._registry.refresh()
        found = self._registry.load(set(devices))
        return self._mappings.in_place({ref: device.format if device else None for ref, device in found.items()})

    def models_of(self, devices: Iterable[str]) -> dict[str, str | None]:
        """The model that each device was registered as."""
        return {ref: device.model if device else None for ref, device in self._registry.load(devices).items()}

    def rules(self, now_ms: int) -> Rules:
        """Those that are asked now, as the installation's clinicians have signed them."""
        return self._signed.rules(now_ms)

    def is_watched(self, delivery: Delivery) -> bool:
        """True where a rule looks at single readings of what it brings."""
        return any(self._rules.concern(run.metric.key) for run in delivery.decoded.runs)

    def record(self, deliveries: Sequence[Delivery], now_ms: int) -> list[Verdict]:
        """Stores, evaluates, raises; when it returns, everything is on a majority of the database's journals.

        Safe to repeat. Raises PyMongoError or ServerUnavailable when the database can't be written; then nothing may
        be acknowledged.
        """
        verdicts = [Verdict(one.decoded.payload_id, rejected=list(one.decoded.rejections)) for one in deliveries]
        deliveries = self._dated(deliveries)
        self._clocks.learn(deliveries, now_ms)
        sorted_ = sort(self._registry, deliveries, verdicts)
        self._clocks.overtake(sorted_, deliveries, verdicts)
        self._identify_entered(sorted_, verdicts)
        outcomes = store.write(self._database, sorted_.arrivals)
        alerts = self._evaluate(sorted_.arrivals, outcomes, now_ms)
        if alerts:
            raising.take(self._database, alerts, now_ms)
        held.hold(self._database, sorted_.held)
        self._clocks.note(sorted_, now_ms)
        for arrival, outcome, number in zip(sorted_.arrivals, outcomes, sorted_.verdict_of, strict=True):
            verdicts[number].count(arrival.run, outcome)
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
        sorted_ = sort(self._registry, deliveries, verdicts)
        outcomes = store.weigh(self._database, sorted_.arrivals)
        for arrival, outcome, number in zip(sorted_.arrivals, outcomes, sorted_.verdict_of, strict=True):
            verdicts[number].count(arrival.run, outcome)
        return verdicts

    def _identify_entered(self, sorted_: Sorted, verdicts: list[Verdict]) -> None:
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
        """What the rules say about readings that were not brought by an import, of people who let them be judged."""
        rules = self._signed.rules(now_ms)
        if rules is not self._rules:
            self._rules, self._sieve = rules, Sieve(rules)
        looked_at = [
            (arrival, outcome)
            for arrival, outcome in zip(arrivals, outcomes, strict=True)
            if arrival.batch is None and self._rules.concern(arrival.run.metric.key)
        ]
        if not looked_at:
            return []
        people = self._registry.people({arrival.person for arrival, _ in looked_at})
        judged = {key: one for key, one in people.items() if one and not processing.is_unevaluated(one)}
        facts = self._facts.of(judged, now_ms)
        observations = [
            observation
            for arrival, outcome in looked_at
            if (person := facts.get(arrival.person))
            for observation in _observations(arrival, outcome, self._sieve.sift(arrival.run, person))
        ]
        return evaluate(self._rules, observations, facts, now_ms) if observations else []

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
        together: defaultdict[tuple[str, int], list[Verdict]] = defaultdict(list)
        for one, verdict in by_vendors:
            together[one.device.partition("/")[0], one.arrived_at_ms // HOUR_MS].append(verdict)
        vendor_hours.count(self._database, [_answered(*key, all_of_it) for key, all_of_it in together.items()])
        latest = {one.device: one.arrived_at_ms for one, _ in by_vendors}
        self._sightings.saw((device, at_ms) for device, at_ms in latest.items() if self._registry.device(device))


def _coming(delivery: Delivery) -> Coming | None:
    """A payload with readings that state no time. With an id, or kept by the broker, it is the same one for long."""
    decoded = delivery.decoded
    runs = [run for run in decoded.runs if not has_own_time(run)]
    if decoded.quarantined:
        runs += [one.run for one in decoded.quarantined if not has_own_time(one.run)]
    if not runs or not delivery.payload:
        return None
    is_named = decoded.payload_id is not None or delivery.is_retained
    within_ms = arrivals.KEPT_MS if is_named else arrivals.again_within_ms(run.metric for run in runs)
    key = arrivals.key_of(f"{delivery.device}\0{delivery.person or ''}", delivery.payload)
    return Coming(key, delivery.arrived_at_ms, delivery.packet, delivery.is_again, within_ms)


def _as_entered(arrival: Arrival) -> Entered:
    """Each reading entered by hand is a run of one that has an id."""
    run = arrival.run
    return Entered(arrival.person, run.extras[0]["id"], run.metric.key, run.t[0])


def _observations(arrival: Arrival, outcome: Outcome, indices: Sequence[int]) -> Iterable[Observation]:
    """Those of the readings that have been stored and count."""
    if not indices:
        return
    run, refused = arrival.run, {index for index, _ in outcome.refused}.union(outcome.voided)
    for index in indices:
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
            run.t[index],
            values,
            run.unit,
            flag=extra.get("flag"),
            quality=extra.get("quality"),
            context=extra.get("context"),
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


def _answered(vendor: str, hour: int, verdicts: Sequence[Verdict]) -> Answered:
    """What became of a vendor's messages of one hour."""
    counts = (
        len(verdicts),
        sum([one.stored for one in verdicts]),
        sum([one.duplicate for one in verdicts]),
        sum([one.corrected for one in verdicts]),
        sum([one.held for one in verdicts]),
    )
    return Answered(vendor, hour * HOUR_MS, counts, [rejection for one in verdicts for rejection in one.rejected])
