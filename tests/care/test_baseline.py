"""What is usual for one person, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.early_warning import NEVER, Sleeper, delays, false_alarms
from phr.care.baseline import Daily, Kind, Rhythm, bands, daily, deviation, is_known, rhythm
from phr.clock import DAY_MS, HOUR_MS

EVEN = 62.0


def days(*parts: tuple[float, int]) -> Daily:
    """So many days with each value, one after the other; a beat or two off, since nobody is made of stone."""
    values = np.concatenate([np.full(count, value) for value, count in parts])
    day = np.arange(values.size)
    return Daily(day, values + np.resize([0, 1, 0, -1, -1, 2, 1, 0, -2, 0, 1, 1, -1], values.size))


def last(series: Daily) -> int:
    return int(series.day[-1])


def test_a_step_is_told_with_its_size_and_its_first_day() -> None:
    found = deviation(days((EVEN, 90), (70.0, 5)), 94, 1.0)
    assert found is not None
    assert (found.kind, found.since_day, round(found.size)) == (Kind.STEP, 90, 8)


def test_a_creeping_change_is_told_as_one() -> None:
    day = np.arange(300)
    value = EVEN + 0.05 * np.maximum(day - 150, 0) + np.where(day % 2, 1.0, -1.0)
    found = deviation(Daily(day, value), 299, 1.0)
    assert found is not None
    assert (found.kind, found.size > 4) == (Kind.CREEP, True)


@pytest.mark.parametrize("value", [63.0, 61.0, EVEN])
def test_what_is_within_the_spread_of_days_is_usual(value: float) -> None:
    assert deviation(days((EVEN, 90), (value, 30)), 119, 1.0) is None


def test_one_wild_day_is_no_news() -> None:
    series = days((EVEN, 90), (140.0, 1), (EVEN, 3))
    assert deviation(series, 90, 1.0) is None
    assert deviation(series, 93, 1.0) is None


@pytest.mark.parametrize(("count", "is_enough"), [(28, False), (29, False), (30, True)])
def test_three_weeks_before_the_last_days_make_what_is_usual(count: int, is_enough: bool) -> None:
    series = days((EVEN, count))
    assert is_known(series, last(series), 1.0) is is_enough


def test_who_measures_at_another_hour_for_once_has_not_changed() -> None:
    """Mornings are at 120, evenings at 130; the last week has evenings alone."""
    t, values = [], []
    for day in range(100):
        for hour, value in ((7, 120.0), (19, 130.0)):
            if day < 93 or hour == 19:
                t.append(day * DAY_MS + hour * HOUR_MS)
                values.append(value)
    series = daily(t, values)
    assert np.ptp(series.value) < 2
    assert deviation(series, last(series), 1.0) is None


def test_a_device_that_rounds_makes_nobody_immovable() -> None:
    assert deviation(Daily(np.arange(100), np.r_[np.full(96, EVEN), np.full(4, EVEN + 1)]), 99, 1.0) is None


def test_who_is_the_same_on_most_days_still_has_a_spread() -> None:
    of = rhythm(np.arange(100) * DAY_MS, np.resize([70.0, 71, 70, 69, 70], 100))
    (band,) = bands(of, range(99, 100), 0.01, by_hour=False)
    assert band.low is not None
    assert band.high is not None
    assert (band.low < 69, band.high > 71) == (True, True)


def test_planted_changes_are_found_soon_and_little_else_is() -> None:
    sleeper = Sleeper(spread=2.0)
    step = delays(sleeper, 8, 30, lambda since: 8.0 * (since >= 0))
    assert np.median(step) <= 7
    assert (step < NEVER).all()
    assert false_alarms(sleeper, 4, 150) <= 2


def readings(days: int, hours: tuple[int, ...] = (7, 19), seed: int = 1) -> Rhythm:
    """Lower in the morning by ten, higher on one day of the week by four, with a spread of two."""
    chance, t, values = np.random.default_rng(seed), [], []
    for day in range(days):
        for hour in hours:
            t.append(day * DAY_MS + hour * HOUR_MS)
            values.append(EVEN + 10 * (hour == 19) + 4 * (day % 7 == 2) + chance.normal(0, 2))
    return rhythm(t, values)


@pytest.mark.parametrize(("days", "is_known"), [(20, False), (21, True)])
def test_band_is_there_from_three_weeks_of_days_on(days: int, is_known: bool) -> None:
    (band,) = bands(readings(days), range(days + 7, days + 8), 1.0, by_hour=False)
    assert (band.n, band.low is not None) == (days, is_known)


def test_of_who_never_measured_there_are_no_bands() -> None:
    (band,) = bands(rhythm([], []), range(9, 10), 1.0, by_hour=False)
    assert (band.low, band.high, band.n) == (None, None, 0)


def test_band_follows_the_weekday_and_the_hour() -> None:
    found = bands(readings(120), range(119, 126), 1.0, by_hour=True)
    middle = {(one.day % 7, one.hour): (one.low + one.high) / 2 for one in found if one.low and one.high}
    assert middle[3, 18] - middle[3, 6] == pytest.approx(10, abs=1.5)
    assert middle[2, 6] - middle[3, 6] == pytest.approx(4, abs=2)


def test_change_stands_out_of_the_band_before_it_becomes_usual() -> None:
    series = rhythm(
        [day * DAY_MS for day in range(107)], [*days((EVEN, 100)).value, *(days((EVEN + 8, 7)).value.tolist())]
    )
    (band,) = bands(series, range(106, 107), 1.0, by_hour=False)
    assert band.high is not None
    assert (band.high < EVEN + 8, band.n) == (True, 90)


def test_about_nineteen_days_of_twenty_of_who_goes_on_as_usual_are_within() -> None:
    inside = []
    for seed in range(20):
        day, value = Sleeper().nights(np.random.default_rng((3, seed)), 300)
        of = rhythm(day * DAY_MS, value)
        known = {one.day: one for one in bands(of, range(100, 300), 1.0, by_hour=False)}
        inside += [
            band.low <= one <= band.high
            for at, one in zip(day.tolist(), value.tolist(), strict=True)
            if (band := known.get(at)) is not None and band.low is not None and band.high is not None
        ]
    assert 0.90 <= np.mean(inside) <= 0.98
