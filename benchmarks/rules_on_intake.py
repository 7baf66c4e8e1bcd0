"""What rules cost on the way in: their share of recording, with a hundred rules on the one metric that is sent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks import Figure, note
from benchmarks.payloads import HeartRateSeries
from benchmarks.stack import Stack, running
from phr.care.rule import Comparison, Condition, Rule, Rules
from phr.care.rules import rules
from phr.clock import now_ms
from phr.database import Document
from phr.formats import phr_v1
from phr.plans import targets
from phr.plans.targets import Target
from phr.readings.chunk import Outcome
from phr.readings.store import Arrival
from phr.recording import Delivery, Recorder
from phr.timeline import effective, entries
from phr.timeline.effective import Effective
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft
from phr.vocabulary.alert import Alert
from phr.vocabulary.metrics import vocabulary

FIGURES = ("rules_on_intake_share_pct", "rules_on_intake_cold_ms_per_person")

PEOPLE = 400
ROUNDS = 20
COUNT = 100
NEVER, SOMETIMES = 190.0, 150.0  # no pulse of the load reaches the one; some readings reach the other
ASKED = 5  # rules that some readings reach, and that are for nobody here


class Watched(Recorder):
    """Counts what judging takes, reading what is known of people included."""

    judging_s = 0.0

    def _evaluate(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome], now_ms: int) -> list[Alert]:
        began = time.perf_counter()
        try:
            return super()._evaluate(arrivals, outcomes, now_ms)
        finally:
            self.judging_s += time.perf_counter() - began


def figures() -> Iterator[Figure]:
    with running() as stack:
        refs = stack.register(PEOPLE)
        _enrol(stack)
        recorder = Watched(stack.database, a_hundred())
        first_ms = now_ms() - ROUNDS * 3_600_000
        _record(recorder, refs, first_ms, 0)
        cold_s, recorder.judging_s = recorder.judging_s, 0.0
        began = time.perf_counter()
        for number in range(1, ROUNDS):
            _record(recorder, refs, first_ms, number)
        took_s = time.perf_counter() - began
        note(f"{COUNT} rules: {recorder.judging_s * 1e6 / (ROUNDS - 1) / PEOPLE:.1f} µs a message of sixty readings")
        yield Figure("rules_on_intake_share_pct", recorder.judging_s / took_s * 100, "%")
        yield Figure("rules_on_intake_cold_ms_per_person", cold_s * 1000 / PEOPLE, "ms")


def a_hundred() -> Rules:
    """On the pulse, none of which speaks; five are asked about single readings and turn out to be for others."""
    model, metric = rules().by_metric["glucose-capillary"][0], vocabulary().metrics["heart-rate"]

    def rule(number: int) -> Rule:
        is_asked = number < ASKED
        condition = Condition("", Comparison.ABOVE, SOMETIMES + number if is_asked else NEVER + number)
        scope = replace(model.scope, diagnosis=("gestational-diabetes",) if is_asked else ())
        return replace(model, id=f"bench-{number}", metric=metric, any_of=(condition,), scope=scope, yields_to=None)

    return Rules({metric.key: tuple(map(rule, range(COUNT)))})


def _enrol(stack: Stack) -> None:
    """Each with two diagnoses, a medicine, and a target of a rule of another metric."""
    said: list[tuple[str, Document]] = [
        ("condition", {"text": "高血压", "codes": [{"system": "icd-10", "code": "I10"}]}),
        ("condition", {"text": "2型糖尿病", "codes": [{"system": "icd-10", "code": "E11.9"}]}),
        ("medication", {"text": "二甲双胍", "codes": [{"system": "atc", "code": "A10BA02"}]}),
    ]
    since = Effective(effective.instant(now_ms() - 86_400_000, 480))
    for row in list(stack.database["people"].find({}, {"_id": 1})):
        person = row["_id"]
        for kind, content in said:
            draft = Draft(kind=kind, content=content, effective=since)
            entries.create(
                stack.database, NewEntry(person=person, draft=draft, author=Author("b", "b", None)), now_ms()
            )
        new = Target(person=person, name="rule.glucose-low", limit=4.4, why="x", by="b", at_ms=now_ms(), version=0)
        targets.put(stack.database, new)


def _record(recorder: Recorder, refs: Sequence[str], first_ms: int, number: int) -> None:
    payloads = HeartRateSeries(first_ms)
    deliveries = []
    for client, ref in enumerate(refs):
        payload = payloads(client, number)
        decoded = phr_v1.decode(payload, vocabulary())
        deliveries.append(Delivery(decoded, ref, "mqtt", now_ms(), payload, f"phr/v1/{ref}/readings"))
    recorder.record(deliveries, now_ms())
