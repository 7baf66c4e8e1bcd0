"""A life in day lines: exact at every moment, read no further than asked for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import islice
from random import Random
from typing import Any

import pytest

from phr.database import Database
from phr.readings import daylines, folding, store, summaries, zoom
from phr.readings.daylines import DayLine, Life
from phr.readings.stats import combined
from phr.readings.summaries import to_day
from phr.readings.track import Track
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import BEIJING, DAY_MS, MINUTE_MS, a_lane, a_run, arriving

DAY = to_day(date(2026, 11, 23))
METRICS = ("heart-rate", "steps", "weight", "blood-pressure")


def a_life(database: Database, person: str = "ana") -> Life:
    return Life(database, person, vocabulary().metrics, lambda _t_ms: BEIJING)


def lines(database: Database, *span: int | None) -> list[DayLine]:
    return list(daylines.latest_first(a_life(database), *span))


def fold(database: Database) -> None:
    while folding.fold_some(database, vocabulary().metrics, lambda _person: lambda _t_ms: BEIJING, T0 + DAY_MS):
        pass


def stored(database: Database, *runs: Any, **changes: Any) -> None:
    store.write(database, [arriving(run, **changes) for run in runs])


def measured(random: Random) -> Iterator[Any]:
    for _ in range(60):
        metric = random.choice(METRICS)
        number = random.randrange(600, 900)
        value: Any = {"systolic": number + 600, "diastolic": number} if metric == "blood-pressure" else number
        at = T0 - random.randrange(400 * DAY_MS)
        run = a_run(at, value, metric, offset_min=random.choice([None, 480, -600, 840]))
        yield arriving(run, device=f"acme/{random.choice('abc')}")


def expected(database: Database) -> list[tuple[int, str, set[str], int]]:
    found = []
    for metric in METRICS:
        by_day: dict[int, list[summaries.Line]] = {}
        merged = zoom.of_days(Track(a_lane(database, metric)), DAY - 500, DAY + 2)
        counted = dict(zip(merged.at.tolist(), merged.sums.n.tolist(), strict=True))
        for line in summaries.days(a_lane(database, metric), DAY - 500, DAY + 2):
            by_day.setdefault(line.day, []).append(line)
        for day, of_day in by_day.items():
            found.append((-day, metric, {one.device for one in of_day}, counted[day]))
    return sorted(found, key=lambda one: one[:2])


@pytest.mark.parametrize("seed", range(4))
def test_lines_are_the_days_of_every_metric_folded_or_not(database: Database, seed: int) -> None:
    random = Random(seed)
    for _ in range(2):
        store.write(database, list(measured(random)))
        fold(database)
    store.write(database, list(measured(random)))
    found = [(-one.day, one.key, {device for device, _ in one.sources}, one.stats.n) for one in lines(database)]
    assert found == expected(database)


def test_sources_that_merge_count_together(database: Database) -> None:
    stored(database, a_run(T0, 700, "weight"))
    stored(database, a_run([T0 + 1, T0 + 2], [710, 720], "weight"), device="acme/scale")
    (line,) = lines(database)
    assert line.sources == (("acme/scale", 2), ("acme/cuff-1", 1))
    assert line.stats == combined([one.stats for one in summaries.days(a_lane(database, "weight"), DAY, DAY)])


def test_sources_that_do_not_merge_are_never_added_up(database: Database) -> None:
    stored(database, a_run([T0, T0 + 1], [10, 20], "steps"), device="acme/watch")
    stored(database, a_run(T0, 40, "steps"), device="acme/phone")
    (line,) = lines(database)
    assert (line.sources[0], dict(line.stats.columns)[""].total) == (("acme/watch", 2), 30)


def test_of_sources_with_as_many_readings_the_first_by_name_is_shown(database: Database) -> None:
    for device in ("acme/b", "acme/a"):
        stored(database, a_run(T0, 40, "steps"), device=device)
    assert [one.sources for one in lines(database)] == [(("acme/a", 1), ("acme/b", 1))]


def test_line_is_right_while_its_summary_is_behind(database: Database) -> None:
    stored(database, a_run([T0, T0 + MINUTE_MS], [700, 710]))
    fold(database)
    stored(database, a_run(T0, 900))
    assert dict(lines(database)[0].stats.columns)[""].high == 900


@pytest.mark.parametrize(("first", "last", "count"), [(0, 0, 1), (0, 2, 3), (-5, -1, 0), (3, 9, 0), (1, None, 2)])
@pytest.mark.parametrize("is_folded", [True, False])
def test_span_of_days_has_both_ends(
    database: Database, first: int, last: int | None, count: int, is_folded: bool
) -> None:
    stored(database, a_run([T0, T0 + DAY_MS, T0 + 2 * DAY_MS], 700, "weight"))
    if is_folded:
        fold(database)
    assert len(lines(database, DAY + first, None if last is None else DAY + last)) == count


def test_metric_that_is_no_longer_known_is_left_out(database: Database) -> None:
    stored(database, a_run(T0), a_run(T0, metric="weight"))
    life = replace(a_life(database), metrics={"weight": vocabulary().metrics["weight"]})
    assert [one.key for one in daylines.latest_first(life)] == ["weight"]


def test_lifetime_with_a_hundred_sources_is_not_read_for_a_page(database: Database) -> None:
    day_rows = {f"{month:02}": {"01": [1, T0, [["", 1, 700, 700, 700, 700]]]} for month in range(1, 13)}
    for year in range(1947, 2027):
        rows = [
            {
                "_id": f"ana:weight:{year}:{n}",
                "p": "ana",
                "m": "weight",
                "y": year,
                "d": f"{n}",
                "v": 1,
                "days": day_rows,
            }
            for n in range(100)
        ]
        database.summaries.insert_many(rows)
    database.command("profile", 2)
    page = list(islice(daylines.latest_first(a_life(database)), 3))
    database.command("profile", 0)
    plans = list(database["system.profile"].find({"op": {"$in": ["query", "getmore"]}}))
    of_summaries = [one for one in plans if one["ns"].endswith(".summaries")]
    assert [one.day for one in page] == [to_day(date(2026, month, 1)) for month in (12, 11, 10)]
    assert {one["planSummary"] for one in plans} <= {"IXSCAN { p: 1, y: 1 }", "IXSCAN { p: 1, m: 1, dirty_since: 1 }"}
    assert sum(one["docsExamined"] for one in of_summaries) <= 101 + 3 * 100
    assert not any(one.get("hasSortStage") for one in plans)
