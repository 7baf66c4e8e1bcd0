"""What is voided is out, stays out when it is delivered again, and comes back exactly as it was."""

from __future__ import annotations

from typing import Any

import pytest

from phr.database import Database
from phr.readings import folding, latest, spans, store, void
from phr.readings.summaries import days
from phr.readings.void import Act, Source, VoidedTooOften, Wanted
from tests.cast import T0
from tests.readings.builders import ALL_TIME, MINUTE_MS, a_lane, a_metric, a_run, arriving, stored_in

ANAS = Source("ana", a_metric("heart-rate"), "acme/cuff-1")
ACT = Act("ana", "my sister wore it", T0 + 9)
EVERYTHING = Wanted(None, ALL_TIME)
FIRST = Wanted(frozenset({(T0, 0)}))


@pytest.fixture
def database(bare: Database) -> Database:
    context = {0: {"context": {"posture": "sitting"}}}
    store.write(bare, [arriving(a_run([T0, T0 + MINUTE_MS, T0 + 2 * MINUTE_MS], [700, 710, 720], extras=context))])
    return bare


def numbers(database: Database) -> list[int]:
    return [dict(one.values)[""] for one in stored_in(a_lane(database)).values()]


def delivered(database: Database, *arrivals: Any) -> tuple[int, int, int]:
    outcomes = store.write(database, arrivals)
    return tuple(sum(getattr(one, name) for one in outcomes) for name in ("stored", "duplicate", "corrected"))  # type: ignore[return-value]


def folded(database: Database) -> Any:
    folding.fold_some(database, {"heart-rate": ANAS.metric}, lambda _: lambda _t: 480, T0 + 10**9)
    return [line.stats.to_doc() for line in days(a_lane(database), 0, 10**5)]


def test_voided_reading_is_out_of_the_series(database: Database) -> None:
    assert void.void(database, ANAS, FIRST, ACT).changed == 1
    assert numbers(database) == [710, 720]


@pytest.mark.parametrize("value", [700, 999])
def test_voided_reading_that_is_delivered_again_is_a_duplicate_and_stays_void(database: Database, value: int) -> None:
    void.void(database, ANAS, FIRST, ACT)
    assert delivered(database, arriving(a_run(T0, value), sent_at_ms=T0 + 10**6)) == (0, 1, 0)
    assert numbers(database) == [710, 720]


def test_marker_holds_where_what_is_void_was_the_last(database: Database) -> None:
    void.void(database, ANAS, EVERYTHING, ACT)
    again = arriving(a_run([T0 + 2 * MINUTE_MS, T0 + 3 * MINUTE_MS], [720, 730]))
    assert delivered(database, again) == (1, 1, 0)
    assert numbers(database) == [730]


def test_rules_hear_which_of_a_delivery_are_void(database: Database) -> None:
    void.void(database, ANAS, Wanted(frozenset({(T0 + MINUTE_MS, 0)})), ACT)
    (outcome,) = store.write(database, [arriving(a_run([T0, T0 + MINUTE_MS], [700, 710]))])
    assert (outcome.duplicate, outcome.voided) == (2, [1])


def test_restored_bucket_is_what_it_was(database: Database) -> None:
    before = stored_in(a_lane(database))
    chunk = database.readings.find()[0]["c"]
    void.void(database, ANAS, FIRST, ACT)
    store.write(database, [arriving(a_run(T0, 999))])
    void.restore(database, ANAS, FIRST, ACT)
    assert (stored_in(a_lane(database)), database.readings.find()[0]["c"]) == (before, chunk)


def test_summaries_follow_there_and_back(database: Database) -> None:
    before = folded(database)
    void.void(database, ANAS, EVERYTHING, ACT)
    assert days(a_lane(database), 0, 10**5) == []
    assert folded(database) == []
    void.restore(database, ANAS, EVERYTHING, ACT)
    assert folded(database) == before


def test_latest_is_the_last_that_stands(database: Database) -> None:
    store.write(database, [arriving(a_run(T0 + 10**9, 800))])  # in a bucket of its own, which becomes empty
    void.void(database, ANAS, Wanted(frozenset({(T0 + 10**9, 0)})), ACT)
    (last,) = latest.latest(database, "ana", {"heart-rate": ANAS.metric})
    assert last.values == {"": 720}


def test_who_when_and_why_stay_after_it_is_given_back(database: Database) -> None:
    void.void(database, ANAS, FIRST, ACT)
    void.restore(database, ANAS, FIRST, Act("ana", "it was me", T0 + 99))
    lines = [(one["k"], one["a"], one["r"], one["at"]) for one in database.readings.find()[0]["l"]]
    assert lines == [("void", "ana", "my sister wore it", T0 + 9), ("restore", "ana", "it was me", T0 + 99)]


def test_second_time_changes_nothing_and_names_the_same(database: Database) -> None:
    once = void.void(database, ANAS, FIRST, ACT)
    before = list(database.readings.find())
    again = void.void(database, ANAS, FIRST, ACT)
    assert (once.keys, again.keys, again.changed, list(database.readings.find())) == (once.keys, once.keys, 0, before)


@pytest.mark.parametrize(("end", "left"), [(T0 + MINUTE_MS - 1, 2), (T0 + MINUTE_MS, 2), (T0 + MINUTE_MS + 1, 1)])
def test_range_ends_before_its_end(database: Database, end: int, left: int) -> None:
    void.void(database, ANAS, Wanted(None, (T0, end)), ACT)
    assert len(numbers(database)) == left


def test_others_are_not_touched(database: Database) -> None:
    store.write(database, [arriving(a_run(T0), person="bob"), arriving(a_run(T0), device="acme/cuff-2")])
    void.void(database, ANAS, EVERYTHING, ACT)
    assert len(stored_in(a_lane(database, person="bob"))) == 1
    assert [key[2] for key in stored_in(a_lane(database))] == ["acme/cuff-2"]


def test_what_was_never_there_is_not_made_void(database: Database) -> None:
    never = Wanted(frozenset({(T0 + 1, 0), (T0 + 10**12, 0)}))
    assert void.void(database, ANAS, never, ACT).keys == ()
    assert delivered(database, arriving(a_run(T0 + 1, 5))) == (1, 0, 0)


def test_void_keeps_its_room_so_that_it_can_come_back(database: Database) -> None:
    void.void(database, ANAS, FIRST, ACT)
    cap = spans.span_of(ANAS.metric).cap
    full = arriving(a_run([T0 + 5 + i for i in range(cap)], [1] * cap))
    assert delivered(database, full)[0] == cap - 3


def test_acts_without_end_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(void, "LOG_BYTES", 150)
    void.void(database, ANAS, FIRST, ACT)
    with pytest.raises(VoidedTooOften):
        void.restore(database, ANAS, FIRST, ACT)
