"""The bucket store against a real database: once each, whoever writes at the same time, never more than fits."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from phr.database import Database
from phr.formats.building import parse_time
from phr.readings import folding, spans, store, summaries
from phr.readings.chunk import TOO_DENSE, Outcome
from phr.readings.store import RUNS_CAP, Arrival
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION, Run
from tests.cast import T0
from tests.readings.builders import (
    BEIJING,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Model,
    Reading,
    a_lane,
    a_metric,
    a_run,
    arriving,
    stored_in,
)

CAP = spans.span_of(a_metric("heart-rate")).cap
HOUR = T0 // HOUR_MS * HOUR_MS


@pytest.fixture
def database(bare: Database) -> Database:
    return bare


def written(database: Database, *arrivals: Arrival) -> tuple[int, int, int, int]:
    return counted(store.write(database, arrivals))


def counted(outcomes: list[Outcome]) -> tuple[int, int, int, int]:
    """stored, duplicate, corrected, refused."""
    refused = sum(len(one.refused) for one in outcomes)
    parts = [(one.stored, one.duplicate, one.corrected) for one in outcomes]
    return sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts), refused


def sent_at(*texts: str) -> list[Run]:
    found = [parse_time(text, "/t") for text in texts]
    return [a_run(t_ms, offset_min=offset_min) for t_ms, offset_min in found]


def test_redelivered_reading_is_stored_once(database: Database) -> None:
    arrival = arriving(a_run())
    assert [written(database, arrival), written(database, arrival)] == [(1, 0, 0, 0), (0, 1, 0, 0)]
    assert len(stored_in(a_lane(database))) == 1


def test_duplicate_writes_nothing(database: Database) -> None:
    written(database, arriving(a_run()))
    before = list(database.readings.find())
    written(database, arriving(a_run(), arrived_at_ms=T0 + 99))
    assert list(database.readings.find()) == before


def test_person_metric_device_instant_and_seq_tell_readings_apart(database: Database) -> None:
    others = [
        arriving(a_run(), person="bob"),
        arriving(a_run(), device="acme/cuff-2"),
        arriving(a_run(metric="resting-heart-rate")),
        arriving(a_run(T0 + 1)),
        arriving(a_run(seq=[1])),
    ]
    assert written(database, arriving(a_run()), *others) == (6, 0, 0, 0)


def test_periods_of_one_chunk_are_added_to_each_other(database: Database) -> None:
    steps = [arriving(a_run(T0 + i * MINUTE_MS, {"": 50, DURATION: MINUTE_MS}, "steps")) for i in range(3)]
    assert [written(database, one) for one in steps] == [(1, 0, 0, 0)] * 3
    assert [one.values for one in stored_in(a_lane(database, "steps")).values()] == [
        (("", 50), ("_duration", MINUTE_MS))
    ] * 3


def test_one_instant_written_with_three_offsets_is_one_reading(database: Database) -> None:
    runs = sent_at("2026-11-23T07:30:00+08:00", "2026-11-22T23:30:00-00:00", "2026-11-22T18:30:00-05:00")
    assert written(database, *map(arriving, runs)) == (1, 2, 0, 0)
    assert [one.offset_min for one in stored_in(a_lane(database)).values()] == [BEIJING]


def test_hour_that_comes_twice_keeps_both_readings(database: Database) -> None:
    runs = sent_at("2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00")
    assert written(database, *map(arriving, runs)) == (2, 0, 0, 0)
    day = summaries.days(a_lane(database), 0, 30_000)
    assert [(line.stats.n, summaries.to_date(line.day).isoformat()) for line in day] == [(2, "2026-11-01")]


def test_known_offset_moves_the_reading_to_its_own_day(database: Database) -> None:
    lane = a_lane(database, zone=lambda _t_ms: -600)
    written(database, arriving(a_run(offset_min=None)))
    before = [line.day for line in summaries.days(lane, 0, 30_000)]
    assert written(database, arriving(a_run())) == (0, 1, 0, 0)
    assert [line.day for line in summaries.days(lane, 0, 30_000)] == [before[0] + 1]


@pytest.mark.parametrize("year", [1899, 2999])
def test_store_itself_takes_any_century(database: Database, year: int) -> None:
    run = sent_at(f"{year}-12-31T23:30:00-10:00")[0]
    assert written(database, arriving(run), arriving(run)) == (1, 1, 0, 0)
    lane = a_lane(database)
    folding.fold_some(database, vocabulary().metrics, lambda _: lane.offset_at, T0)
    day = spans.local_day(run.t[0], -600)
    assert [(line.day, line.stats.n) for line in summaries.days(lane, day, day)] == [(day, 1)]


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_full_hour_refuses_the_excess_by_item_and_keeps_its_neighbours(database: Database, excess: int) -> None:
    dense = arriving(a_run(range(HOUR, HOUR + CAP + excess)))
    neighbours = [arriving(a_run(HOUR + HOUR_MS)), arriving(a_run(HOUR), person="bob")]
    outcomes = store.write(database, [neighbours[0], dense, neighbours[1]])
    assert outcomes[1].refused == [(CAP + i, TOO_DENSE) for i in range(excess)]
    assert [outcomes[0].stored, outcomes[2].stored] == [1, 1]
    assert len(stored_in(a_lane(database))) == CAP + min(excess, 0) + 1


def test_hundred_thousand_milliseconds_of_one_hour_are_settled_soon(database: Database) -> None:
    begun = time.process_time()
    assert written(database, arriving(a_run(range(HOUR, HOUR + 100_000)))) == (CAP, 0, 0, 100_000 - CAP)
    assert written(database, arriving(a_run([HOUR + 1] * 100_000, 999))) == (0, 99_999, 1, 0)
    assert time.process_time() - begun < 5


def test_ten_thousand_values_of_one_instant_are_settled_soon(database: Database) -> None:
    begun = time.process_time()
    stored, _, corrected, refused = written(database, arriving(a_run([HOUR] * 10_000, list(range(10_000)))))
    assert (stored, corrected + refused) == (1, 9_999)
    assert written(database, arriving(a_run([HOUR] * 10_000, list(range(10_000)))))[0] == 0
    assert time.process_time() - begun < 5


def test_kinds_of_runs_have_an_end_and_neighbours_go_on(database: Database) -> None:
    kinds = [arriving(a_run(HOUR + n), origin=f"http:{n}") for n in range(RUNS_CAP + 1)]
    outcomes = store.write(database, [*kinds, arriving(a_run(HOUR + 999), origin="http:0")])
    assert [one.refused for one in outcomes[-2:]] == [[(0, TOO_DENSE)], []]
    assert sum(one.stored for one in outcomes) == RUNS_CAP + 1


@pytest.mark.parametrize(("metric", "samples"), [("ecg-strip", 65_000), ("rr-interval", 65_000)])
def test_bucket_of_waveforms_stays_within_a_document(database: Database, metric: str, samples: int) -> None:
    value = {"values": [100_000] * samples, "period_us": 2_000}
    strips = [arriving(a_run(HOUR + n, {}, metric, extras={0: {"value": value}})) for n in range(30)]
    stored, _, _, refused = written(database, *strips)
    assert (stored + refused, 0 < refused < 30) == (30, True)
    assert written(database, arriving(a_run(HOUR + HOUR_MS, {}, metric)))[0] == 1


def test_corrected_waveforms_stay_within_a_document(database: Database) -> None:
    def strip(n: int) -> Arrival:
        value = {"values": [n] * 65_000, "period_us": 2_000}
        return arriving(a_run(HOUR, {}, "ecg-strip", extras={0: {"value": value}}))

    assert written(database, *(strip(n) for n in range(25)))[3] > 15


def test_context_of_a_whole_series_stays_within_a_document(database: Database) -> None:
    context = {f"field-{n}": "字" * 256 for n in range(32)}
    instants = range(HOUR // (6 * HOUR_MS) * 6 * HOUR_MS, HOUR + 6 * HOUR_MS, 10_000)
    run = a_run(instants, extras={n: {"context": context} for n in range(len(instants))})
    stored, _, _, refused = written(database, arriving(run), arriving(a_run(HOUR + 1)))
    assert (stored + refused, stored > 100) == (len(instants) + 1, True)


def test_reading_belongs_to_the_day_of_its_end_however_long_it_is(database: Database) -> None:
    run = a_run(T0, {"": 5, DURATION: 31 * DAY_MS}, "sleep-duration")
    written(database, arriving(run))
    days = summaries.days(a_lane(database, "sleep-duration"), 0, 30_000)
    assert [line.day for line in days] == [spans.local_day(T0 + 31 * DAY_MS, BEIJING)]


@pytest.mark.parametrize("offset_min", [-1_439, -721, 841, 1_439])
def test_day_of_an_odd_offset_is_found(database: Database, offset_min: int) -> None:
    written(database, arriving(a_run(offset_min=offset_min)))
    found = summaries.days(a_lane(database), 0, 30_000)
    assert [line.day for line in found] == [spans.local_day(T0, offset_min)]


def at_once(*works: Callable[[], Any]) -> None:
    failures: list[BaseException] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:  # a thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize(("writers", "at_a_time"), [(2, 1), (4, 250)])
def test_writers_of_the_same_buckets_lose_and_double_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, writers: int, at_a_time: int
) -> None:
    monkeypatch.setattr(store, "BUCKETS_AT_ONCE", at_a_time)
    batches = [[arriving(a_run([HOUR + n * MINUTE_MS, HOUR + n]), origin=f"w{n % 3}") for n in range(i, i + 12)]
               for i in range(0, 24, 4)]  # fmt: skip
    found: list[Outcome] = []
    lane = a_lane(database)

    def write_all() -> None:
        for batch in batches:
            found.extend(store.write(database, batch))

    def fold() -> None:
        for _ in range(20):
            folding.fold_some(database, vocabulary().metrics, lambda _: lane.offset_at, T0)

    at_once(*[write_all] * writers, fold)
    model = Model()
    for batch in batches:
        for arrival in batch:
            model.take(arrival)
    assert stored_in(lane).keys() == model.readings.keys()
    sent = writers * sum(len(one.run) for batch in batches for one in batch)
    assert counted(found) == (len(model.readings), sent - len(model.readings), 0, 0)
    of_days = {(line.day, line.device): line.stats for line in summaries.days(lane, 0, 30_000)}
    assert of_days == model.days(lane)


def test_corrections_at_once_all_stay_in_the_history(database: Database) -> None:
    written(database, arriving(a_run()))
    values = [[100 * k + n for n in range(8)] for k in range(1, 5)]
    found: list[tuple[int, int, int, int]] = []

    def correct(mine: list[int]) -> None:
        found.extend(written(database, arriving(a_run(value=value))) for value in mine)

    at_once(*[lambda mine=mine: correct(mine) for mine in values])
    bucket = database.readings.find_one() or {}
    held = [line["v"][0][1] for line in bucket["h"]] + [
        dict(one.values)[""] for one in stored_in(a_lane(database)).values()
    ]
    assert sorted(held) == sorted([720, *(value for mine in values for value in mine)])
    assert found == [(0, 0, 1, 0)] * 32


def away(*_: Any) -> None:
    raise AutoReconnect("gone")


def test_crash_before_the_buckets_leaves_a_source_and_no_reading(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store, "_bulk", away)
        with pytest.raises(AutoReconnect):
            written(database, arriving(a_run()))
    assert (database.sources.count_documents({}), database.readings.count_documents({})) == (1, 0)
    assert written(database, arriving(a_run())) == (1, 0, 0, 0)


def test_crash_at_the_sources_leaves_no_reading_without_a_source(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store, "note_sources", away)
        with pytest.raises(AutoReconnect):
            written(database, arriving(a_run()))
    assert database.readings.count_documents({}) == 0
    assert written(database, arriving(a_run())) == (1, 0, 0, 0)
    assert [row["d"] for row in database.sources.find()] == ["acme/cuff-1"]


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "answer lost"])
def test_crash_between_groups_of_buckets_is_made_good_by_repeating(
    database: Database, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    monkeypatch.setattr(store, "BUCKETS_AT_ONCE", 2)
    batch = [arriving(a_run([T0, T0 + n * DAY_MS]), person=f"p{n}") for n in range(1, 4)]
    write, calls = store._bulk, itertools.count()

    def breaking(*arguments: Any) -> set[str]:
        if next(calls) != 1:
            return write(*arguments)
        if is_written:
            write(*arguments)
        raise AutoReconnect("gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_bulk", breaking)
        with pytest.raises(AutoReconnect):
            written(database, *batch)
    there = 4 if is_written else 2
    assert written(database, *batch) == (6 - there, there, 0, 0)
    assert written(database, *batch) == (0, 6, 0, 0)


def test_correction_keeps_who_said_it(database: Database) -> None:
    written(database, arriving(a_run()), arriving(a_run(value=800, offset_min=0), origin="http:app"))
    assert list(stored_in(a_lane(database)).values()) == [Reading((("", 800),), 0)]
    bucket = database.readings.find_one() or {}
    assert [bucket["runs"][line["r"]][2] for line in bucket["h"]] == ["mqtt"]


def test_nothing_that_arrives_is_no_fault(database: Database) -> None:
    assert store.write(database, []) == []
