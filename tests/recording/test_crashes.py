"""A worker that dies at any write and is followed by another: the end is as if nothing had happened."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect

from phr.recording import Delivery
from tests.cast import T0
from tests.readings.builders import HOUR_MS, MINUTE_MS
from tests.recording.builders import HIGH, House, beats, counts, pressure, sent

WRITES = ("bulk_write", "find_one_and_update", "insert_many", "insert_one", "replace_one", "update_one", "update_many")
# Sources, buckets, word of them (two), the alert, notices, what a device is told, held, the word on the clock, what was
# ahead, the budget of rejections, rejections, a vendor's hours, sightings.
STEPS = 14


@pytest.fixture
def home(house: House) -> House:
    house.bind(house.ana)
    return house


def a_batch(arrived_at_ms: int = T0) -> list[Delivery]:
    """Something for every step: readings, a correction, alerts, held ones of all kinds, rejections."""
    impossible = pressure(T0 + 3, {"systolic": 999, "diastolic": 80})
    return [
        sent(pressure(T0, HIGH), pressure(T0 + 1), series=[beats(T0, [70, 71, None, 73])], arrived_at_ms=arrived_at_ms),
        sent(pressure(T0, {"systolic": 190, "diastolic": 99}), impossible, arrived_at_ms=arrived_at_ms),
        sent(pressure(T0 + HOUR_MS), pressure(T0, slot="B"), {"metric": "no-such"}, arrived_at_ms=arrived_at_ms),
    ]


def fail_at(patch: pytest.MonkeyPatch, fails: Callable[[int], bool], *, is_written: bool) -> itertools.count[int]:
    """Lets writes fail, before they reach the database or after, when the answer is lost."""
    steps = itertools.count(1)

    def failing(write: Any) -> Any:
        def attempt(*arguments: Any, **options: Any) -> Any:
            is_failing = fails(next(steps))
            if is_failing and not is_written:
                raise AutoReconnect("gone")
            answer = write(*arguments, **options)
            if is_failing:
                raise AutoReconnect("gone")
            return answer

        return attempt

    for name in WRITES:
        patch.setattr(Collection, name, failing(getattr(Collection, name)))
    return steps


def undisturbed(home: House) -> Any:
    for name in ("readings", "sources", "held", "rejections", "rejection_days", "notices", "alerts"):
        home.database[name].delete_many({})
    home.record(*a_batch())
    return home.state()


def test_a_batch_is_written_in_so_many_steps(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        steps = fail_at(patch, lambda _: False, is_written=False)
        home.record(*a_batch())
    assert next(steps) == STEPS + 1


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_crash_at_a_write_leaves_no_trace_after_the_next_try(
    home: House, monkeypatch: pytest.MonkeyPatch, step: int, is_written: bool
) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=is_written)
        with pytest.raises(AutoReconnect):
            home.record(*a_batch())
    home.record(*a_batch())
    state = home.state()
    assert len(state["notices"]) == 2  # the alert and the word on the clock
    assert state == undisturbed(home)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_redelivery_by_the_broker_a_minute_later_ends_alike(
    home: House, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=True)
        with pytest.raises(AutoReconnect):
            home.record(*a_batch())
    home.record(*a_batch(T0 + MINUTE_MS), now_ms=T0 + MINUTE_MS)
    end = what_stands(home)
    undisturbed(home)
    assert end == what_stands(home)


def what_stands(home: House) -> Any:
    """What people and rules see; when it arrived is not in it."""
    columns = [row["c"] for row in home.database["readings"].find(sort=[("_id", 1)])]
    return columns, home.held(), [row["rule"] for row in home.notices()]


def test_whole_batch_again_changes_nothing_and_says_so(home: House) -> None:
    first = home.record(*a_batch())
    before = home.state()
    again = home.record(*a_batch(T0 + MINUTE_MS), now_ms=T0 + MINUTE_MS)
    assert home.state() == before
    assert (counts(first), counts(again)) == ((5, 0, 1, 2, 2), (0, 6, 0, 2, 2))
