"""Summaries against a model: whatever arrives in whatever order, a day is what its raw readings give."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from phr.clock import to_datetime, to_ms
from phr.database import Database
from phr.readings import folding, store, summaries
from phr.readings.raw import Lane
from phr.readings.store import Arrival
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from tests.cast import T0
from tests.readings.builders import DAY_MS, HOUR_MS, MINUTE_MS, Model, a_lane, a_run, arriving, stored_in

NIGHTS = [
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # America/New_York: the hour from one to two comes twice
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # and in spring the one from two to three never comes
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Europe/London
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 12, 31, 10, tzinfo=UTC),  # the year begins in Kiritimati
    datetime(2026, 12, 31, 11, tzinfo=UTC),  # and a day later in Pago Pago, which is an hour's flight from Apia
]
ZONES = ["America/New_York", "Europe/London", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"]
OFFSETS = [None, None, -300, -240, 0, 60, 345, 840, -660, -720, 1_439, -1_439]
FIRST, LAST = summaries.to_day(date(2026, 1, 1)), summaries.to_day(date(2027, 3, 31))
_people = itertools.count()

numbers = st.sampled_from([600, 615, 720])
lengths = st.sampled_from([None, 8 * HOUR_MS, 40 * HOUR_MS, 31 * DAY_MS])
value_sets = {
    "heart-rate": st.fixed_dictionaries({"": numbers}),
    "blood-pressure": st.fixed_dictionaries(
        {"systolic": numbers, "diastolic": numbers, "pulse": st.one_of(st.none(), numbers)}
    ),
    "sleep-duration": st.fixed_dictionaries({"": numbers, DURATION: lengths}),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery as Hypothesis writes it down; ``a`` and ``b`` are devices."""

    t: list[int]
    values: dict[str, list[Any]]
    offset_min: int | None
    seq: list[int] | None
    context: dict[str, Any] | None
    device: str
    sent_at_ms: int | None
    arrived_at_ms: int

    def arrival(self, metric: str, person: str) -> Arrival:
        run = a_run(self.t, self.values, metric, offset_min=self.offset_min, seq=self.seq)
        run.extras = {0: {"context": self.context}} if self.context else {}
        times = {"sent_at_ms": self.sent_at_ms, "arrived_at_ms": self.arrived_at_ms}
        return arriving(run, person=person, device=f"acme/{self.device}", **times)


def instants(night: datetime) -> st.SearchStrategy[int]:
    """Few, so that they meet; around the hour, and a millisecond beside it."""
    steps = st.integers(-2, 2).map(lambda n: to_ms(night) + n * 30 * MINUTE_MS)
    return st.tuples(steps, st.sampled_from([0, 0, 0, -1, 1])).map(sum)


@st.composite
def deliveries(draw: st.DrawFn, metric: str, night: datetime) -> Sent:
    t = draw(st.lists(instants(night), min_size=1, max_size=4))
    rows = [draw(value_sets[metric]) for _ in t]
    return Sent(
        t,
        {name: [row[name] for row in rows] for name in rows[0]},
        draw(st.sampled_from(OFFSETS)),
        draw(st.one_of(st.none(), st.lists(st.integers(0, 1), min_size=len(t), max_size=len(t)))),
        draw(st.sampled_from([None, None, {"posture": "sitting"}, {"posture": "lying"}])),
        draw(st.sampled_from("ab")),
        draw(st.one_of(st.none(), st.integers(T0, T0 + 5))),
        T0 + draw(st.integers(0, 5)),
    )


@st.composite
def lives(draw: st.DrawFn) -> tuple[str, str, list[tuple[list[Sent], bool]]]:
    """A metric, a zone, and what happens: batches of deliveries, some repeated, and whether each is folded."""
    metric = draw(st.sampled_from(sorted(value_sets)))
    sent = deliveries(metric, draw(st.sampled_from(NIGHTS)))
    batches = draw(st.lists(st.lists(sent, min_size=1, max_size=3), min_size=2, max_size=4))
    again = draw(st.lists(st.sampled_from(batches), max_size=2))
    order = draw(st.permutations(batches + again))
    return metric, draw(st.sampled_from(ZONES)), [(batch, draw(st.booleans())) for batch in order]


def offset_in(zone: str, t_ms: int) -> int:
    offset = to_datetime(t_ms).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // 60


def fold_all(lane: Lane) -> None:
    while folding.fold_some(lane.database, vocabulary().metrics, lambda _: lane.offset_at, T0 + DAY_MS):
        pass


def assert_equal_to_model(lane: Lane, model: Model) -> None:
    assert stored_in(lane) == model.of(lane)
    of_days = {(line.day, line.device): line.stats for line in summaries.days(lane, FIRST, LAST)}
    assert of_days == model.days(lane)


@settings(
    max_examples=30,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(life=lives())
def test_days_are_what_the_raw_readings_give(bare: Database, life: Any) -> None:
    metric, zone, batches = life
    person = f"p{next(_people)}"
    lane, model = a_lane(bare, metric, person, lambda t_ms: offset_in(zone, t_ms)), Model()
    for batch, is_folded in batches:
        arrivals = [sent.arrival(metric, person) for sent in batch]
        outcomes = store.write(bare, arrivals)
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            counts = {"stored": outcome.stored, "duplicate": outcome.duplicate, "corrected": outcome.corrected}
            assert counts == model.take(arrival)
        assert_equal_to_model(lane, model)
        if is_folded:
            fold_all(lane)
            assert_equal_to_model(lane, model)
    fold_all(lane)
    assert summaries.dirty_days(lane, FIRST, LAST) == {}
    assert_equal_to_model(lane, model)
