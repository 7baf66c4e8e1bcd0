"""What a summary row says of itself: its zone, how much of it was measured, whether that is enough to judge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from phr.clock import to_datetime, to_ms
from phr.database import Database
from phr.people.people import ZonePeriod
from phr.readings import series, store, table
from phr.readings.local_time import Clock
from phr.readings.periods import Periods
from phr.readings.series import Wish
from phr.readings.track import Resolution
from phr.vocabulary.metrics import vocabulary
from tests.readings.builders import DAY_MS, HOUR_MS, a_lane, a_run, arriving

SPRING = to_ms(datetime(2026, 3, 8, 5, tzinfo=UTC))  # midnight in New York; this day has 23 hours
AUTUMN = to_ms(datetime(2026, 11, 1, 4, tzinfo=UTC))  # and this one 25
MONTH = to_ms(datetime(2026, 5, 31, 16, tzinfo=UTC))  # midnight of the first of June in Beijing; 720 hours follow


def in_new_york(t_ms: int) -> int:
    offset = to_datetime(t_ms).astimezone(ZoneInfo("America/New_York")).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def hourly(database: Database, metric: str, start: int, hours: int, offset_min: int | None) -> None:
    t = [start + hour * HOUR_MS for hour in range(hours)]
    store.write(database, [arriving(a_run(t, 600, metric, offset_min=offset_min))])


def rows(database: Database, clock: Clock, metric: str, resolution: Resolution) -> list[dict[str, Any]]:
    lane = a_lane(database, metric, zone=clock.offset_at)
    found = series.read(lane, Wish(resolution=resolution)).found
    assert isinstance(found, Periods)
    columns = table.listed(table.of_periods(found, lane.metric, clock, resolution, has_device=False))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize(("midnight", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_day_that_the_clocks_change_is_covered_by_the_hours_it_has(
    database: Database, midnight: int, hours: int
) -> None:
    hourly(database, "heart-rate", midnight, hours, None)
    (row,) = rows(database, Clock(in_new_york), "heart-rate", Resolution.DAY)
    assert (row["coverage"], row["n"]) == (1.0, hours)


def test_day_that_misses_an_hour_is_not_covered(database: Database) -> None:
    hourly(database, "heart-rate", AUTUMN, 24, None)
    assert rows(database, Clock(in_new_york), "heart-rate", Resolution.DAY)[0]["coverage"] == 0.96


def test_what_comes_daily_is_covered_by_days(database: Database) -> None:
    t = [MONTH + day * DAY_MS for day in range(3)]
    store.write(database, [arriving(a_run(t, 60_000, "weight"))])
    store.write(database, [arriving(a_run(t, 60_000, "weight"), device="acme/scale")])
    clock = Clock(lambda _: 480)
    assert rows(database, clock, "weight", Resolution.MONTH)[0]["coverage"] == 0.1
    assert [row["coverage"] for row in rows(database, clock, "weight", Resolution.DAY)] == [1.0] * 3


@pytest.mark.parametrize(("hours", "is_enough"), [(503, False), (504, True), (505, True)])
def test_month_of_glucose_is_judged_from_seventy_percent_on(database: Database, hours: int, is_enough: bool) -> None:
    hourly(database, "glucose-interstitial", MONTH, hours, 480)
    (row,) = rows(database, Clock(lambda _: 480), "glucose-interstitial", Resolution.MONTH)
    assert (row["is_enough"], row["n"]) == (is_enough, hours)


def test_week_is_too_short_to_judge_glucose(database: Database) -> None:
    hourly(database, "glucose-interstitial", MONTH, 168, 480)  # a Monday
    (row,) = rows(database, Clock(lambda _: 480), "glucose-interstitial", Resolution.WEEK)
    assert (row["t"], row["coverage"], row["is_enough"]) == ("2026-06-01T00:00:00+08:00", 1.0, False)


def test_nobody_says_what_is_enough_of_steps(database: Database) -> None:
    hourly(database, "steps", MONTH, 720, 480)
    (row,) = rows(database, Clock(lambda _: 480), "steps", Resolution.MONTH)
    assert (row["coverage"], row["is_enough"]) == (1.0, None)


def test_every_rule_of_enough_names_its_source() -> None:
    ruled = {key: one.enough for key, one in vocabulary().metrics.items() if one.enough}
    assert {key: (rule.days, rule.coverage) for key, rule in ruled.items()} == {"glucose-interstitial": (14, 0.7)}
    assert all("Battelino" in rule.source for rule in ruled.values())


def test_each_day_names_the_zone_that_the_person_had(database: Database) -> None:
    moved = MONTH + DAY_MS
    clock = Clock(
        lambda t_ms: 480 if t_ms < moved else in_new_york(t_ms),
        (ZonePeriod(None, "Asia/Shanghai"), ZonePeriod(moved, "America/New_York")),
    )
    store.write(database, [arriving(a_run([MONTH, MONTH + 3 * DAY_MS], 600, offset_min=None))])
    found = [(row["t"], row["zone"]) for row in rows(database, clock, "heart-rate", Resolution.DAY)]
    assert found == [
        ("2026-06-01T00:00:00+08:00", "Asia/Shanghai"),
        ("2026-06-03T00:00:00-04:00", "America/New_York"),
    ]
