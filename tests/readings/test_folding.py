"""Folding while others write and read: nobody ever sees a day that is not what its raw readings give."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect

from phr.database import Database
from phr.readings import folding, store, summaries
from phr.readings.raw import Lane
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import DAY_MS, HOUR_MS, MINUTE_MS, a_lane, a_run, arriving

ALL_DAYS = (0, 30_000)


@pytest.fixture
def lane(bare: Database) -> Lane:
    """Of ana, with one heart rate that no summary knows yet."""
    store.write(bare, [arriving(a_run())])
    return a_lane(bare)


def fold(lane: Lane, before_ms: int = T0) -> int:
    return folding.fold_some(lane.database, vocabulary().metrics, lambda _: lane.offset_at, before_ms)


def write(lane: Lane, t_ms: int, **changes: Any) -> None:
    store.write(lane.database, [arriving(a_run(t_ms), **changes)])


def counts(lane: Lane) -> list[int]:
    """Readings by day, as summaries tell them."""
    return [line.stats.n for line in summaries.days(lane, *ALL_DAYS)]


def just_after(patch: pytest.MonkeyPatch, module: Any, name: str, happens: Callable[[], Any]) -> None:
    """Lets something happen once, between what the function read and what its caller does with it."""
    whole = getattr(module, name)

    def first(*arguments: Any) -> Any:
        patch.setattr(module, name, whole)
        answer = whole(*arguments)
        happens()
        return answer

    patch.setattr(module, name, first)


def test_folding_changes_no_answer_and_leaves_nothing_to_do(lane: Lane) -> None:
    before = counts(lane)
    assert [fold(lane), fold(lane)] == [1, 0]
    assert counts(lane) == before == [1]
    assert summaries.dirty_days(lane, *ALL_DAYS) == {}


@pytest.mark.parametrize(("before_ms", "cleared"), [(T0 - 1, 0), (T0, 1), (T0 + 1, 1)])
def test_bucket_that_is_being_written_is_left_alone(lane: Lane, before_ms: int, cleared: int) -> None:
    assert fold(lane, before_ms) == cleared


def test_bucket_waits_from_its_first_change_not_its_last(lane: Lane) -> None:
    write(lane, T0 + 1, arrived_at_ms=T0 + HOUR_MS)
    assert fold(lane) == 1


def test_folded_answers_come_from_summaries(lane: Lane) -> None:
    fold(lane)
    lane.database.readings.update_many({}, {"$set": {"c": {}}})
    assert counts(lane) == [1]


def test_reading_written_while_folding_is_seen_and_folded_later(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    just_after(monkeypatch, folding, "computed", lambda: write(lane, T0 + 1))
    assert fold(lane) == 0
    assert counts(lane) == [2]
    assert fold(lane) == 1
    assert counts(lane) == [2]


def test_neighbour_bucket_of_the_same_day_written_while_folding_is_seen(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_after(monkeypatch, folding, "computed", lambda: write(lane, T0 + 6 * HOUR_MS))
    assert fold(lane) == 1
    assert counts(lane) == [2]
    assert fold(lane) == 1
    assert counts(lane) == [2]


def test_slower_folder_does_not_put_an_old_day_over_a_new_one(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_folder_is_faster() -> None:
        write(lane, T0 + 1)
        assert fold(lane) == 1

    just_after(monkeypatch, folding, "computed", other_folder_is_faster)
    assert fold(lane) == 0
    assert counts(lane) == [2]
    assert summaries.dirty_days(lane, *ALL_DAYS) == {}


def test_reader_that_folding_overtakes_sees_every_reading(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    just_after(monkeypatch, summaries, "dirty_days", lambda: fold(lane))
    assert counts(lane) == [1]


@pytest.mark.parametrize("step", [1, 2])
def test_folder_that_dies_at_either_write_is_followed_by_another(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    steps = itertools.count(1)
    write_all = Collection.bulk_write

    def dies(*arguments: Any, **options: Any) -> Any:
        if next(steps) == step:
            raise AutoReconnect("gone")
        return write_all(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "bulk_write", dies)
        with pytest.raises(AutoReconnect):
            fold(lane)
    assert counts(lane) == [1]
    assert [fold(lane), counts(lane)] == [1, [1]]


def test_day_that_a_reading_left_is_gone(bare: Database) -> None:
    lane = a_lane(bare, zone=lambda _t_ms: -720)
    month_begin = summaries.to_day(summaries.to_date(T0 // DAY_MS).replace(day=1)) * DAY_MS
    store.write(bare, [arriving(a_run(month_begin, offset_min=None))])
    fold(lane)
    store.write(bare, [arriving(a_run(month_begin))])
    fold(lane)
    day = month_begin // DAY_MS
    assert [line.day for line in summaries.days(lane, *ALL_DAYS)] == [day]


def test_sources_are_told_apart(lane: Lane) -> None:
    write(lane, T0, device="acme/cuff-2")
    write(lane, T0 + MINUTE_MS, device="acme/cuff-2")
    assert fold(lane) == 2
    assert [(line.device, line.stats.n) for line in summaries.days(lane, *ALL_DAYS)] == [
        ("acme/cuff-1", 1),
        ("acme/cuff-2", 2),
    ]


def test_year_that_ends_in_a_night_is_two_documents(bare: Database) -> None:
    lane = a_lane(bare)
    new_year = summaries.to_day(summaries.to_date(T0 // DAY_MS).replace(year=2027, month=1, day=1)) * DAY_MS
    store.write(bare, [arriving(a_run([new_year - 8 * HOUR_MS - 1, new_year - 8 * HOUR_MS]))])
    fold(lane)
    assert sorted(row["y"] for row in bare.summaries.find()) == [2026, 2027]
    assert counts(lane) == [1, 1]
