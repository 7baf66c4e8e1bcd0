"""What a device's clock makes of the times it states."""

from __future__ import annotations

import pytest

from phr.intake.device_clock import (
    CORRECTED_FROM_MS,
    LARGEST_CORRECTION_MS,
    SLACK_MS,
    Clock,
    Period,
    as_told,
    next_offset_ms,
    on_true_time,
    shifted,
)
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Run
from tests.cast import T0

MINUTE_MS = 60_000
SLOW = Period(T0, 17 * MINUTE_MS, T0)


def beats(*t: int, **changes: object) -> Run:
    metric = vocabulary().metrics["heart-rate"]
    values: list[int | None] = [7000 + n for n in range(len(t))]
    return Run(metric, "", metric.unit, 480, list(t), {"": values}, "/readings/0", **changes)  # type: ignore[arg-type]


def test_clock_of_which_nothing_is_known_gives_back_the_very_run() -> None:
    run = beats(T0)
    assert on_true_time(run, Clock(), T0)[0].run is run


@pytest.mark.parametrize(("t", "moved"), [(T0 - 1, 0), (T0, SLOW.offset_ms), (T0 + 1, SLOW.offset_ms)])
def test_period_begins_at_an_instant_of_the_devices_clock(t: int, moved: int) -> None:
    (timed,) = on_true_time(beats(t), Clock((SLOW,)), T0)
    assert (timed.run.t, timed.run.clock_offset_ms) == ([t + moved], moved)


def test_series_over_the_beginning_of_a_period_is_cut_there() -> None:
    parts = on_true_time(beats(T0 - 2, T0 - 1, T0), Clock((SLOW,)), T0)
    assert [one.run.t for one in parts] == [[T0 - 2, T0 - 1], [T0 + SLOW.offset_ms]]
    assert [one.run.values[""] for one in parts] == [[7000, 7001], [7002]]


def test_a_later_period_leaves_the_times_of_an_earlier_one_as_they_were() -> None:
    before = on_true_time(beats(T0), Clock((SLOW,)), T0)
    later = Clock((SLOW, Period(T0 + 5, 0, T0 + 5)))
    assert on_true_time(beats(T0), later, T0 + 10**9) == before
    assert on_true_time(beats(T0 + 5), later, T0)[0].run.t == [T0 + 5]


def test_stages_of_a_night_move_with_it_and_back() -> None:
    stage = {"stage": "deep", "t": T0, "end": T0 + 5}
    run = beats(T0, extras={0: {"value": {"stages": [stage]}}})
    moved = shifted(run, 1000)
    assert moved.extras[0]["value"]["stages"] == [stage | {"t": T0 + 1000, "end": T0 + 1005}]
    assert as_told(moved) == run


@pytest.mark.parametrize(("more_ms", "is_lost"), [(-1, False), (0, False), (1, True)])
def test_clock_that_is_more_than_a_day_off_was_lost(more_ms: int, is_lost: bool) -> None:
    period = Period(T0, LARGEST_CORRECTION_MS + more_ms, T0)
    (timed,) = on_true_time(beats(T0), Clock((period,)), T0 + period.offset_ms)
    assert (timed.is_lost, timed.run.clock_offset_ms == 0) == (is_lost, is_lost)


@pytest.mark.parametrize(("more_ms", "is_lost"), [(-1, True), (0, True), (1, False)])
def test_later_time_than_a_lost_clock_can_show_is_from_one_that_was_set(more_ms: int, is_lost: bool) -> None:
    lost = Period(T0, 400 * 86_400_000, T0)
    t = T0 + SLACK_MS + more_ms
    assert on_true_time(beats(t), Clock((lost,)), T0 + lost.offset_ms)[0].is_lost is is_lost


@pytest.mark.parametrize(("off_ms", "is_right"), [(-1, True), (0, True), (1, False)])
def test_two_minutes_are_no_matter(off_ms: int, is_right: bool) -> None:
    assert (next_offset_ms(Clock(), CORRECTED_FROM_MS + off_ms) == 0) is is_right
    assert (next_offset_ms(Clock(), -CORRECTED_FROM_MS - off_ms) == 0) is is_right


def test_whole_seconds_of_two_periods_never_meet() -> None:
    clock = Clock()
    for _ in range(9):
        clock = clock.opened(Period(T0, next_offset_ms(clock, -7 * MINUTE_MS), T0))
    assert len({one.offset_ms % 1000 for one in clock.periods}) == 9
