"""Several sources at once: phone and watch both count steps, and no hour counts twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from phr.database import Database
from phr.migrations import m0003_fold_by_slices
from phr.readings import folding, raw, series, store, table, views
from phr.readings.local_time import Clock
from phr.readings.periods import Periods
from phr.readings.ranking import ALIKE, Ranking
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.series import Wish
from phr.readings.track import Resolution
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from tests.readings.builders import BEIJING, DAY_MS, HOUR_MS, MINUTE_MS, a_lane, a_run, arriving

MIDNIGHT = 20_000 * DAY_MS - BEIJING * MINUTE_MS
NOON = MIDNIGHT + 12 * HOUR_MS
PHONE, WATCH, SUMS = "acme/phone", "acme/watch", "acme/sums"
WATCH_FIRST = Ranking((WATCH, PHONE, SUMS))


def walked(database: Database, device: str, t: int, steps: int, length_ms: int = MINUTE_MS, **changes: Any) -> None:
    run = a_run(t, {"": steps, DURATION: length_ms}, "steps", **changes)
    store.write(database, [arriving(run, device=device)])


def beat(database: Database, device: str, t: list[int], value: int) -> None:
    store.write(database, [arriving(a_run(t, value), device=device)])


def fold(lane: Lane) -> None:
    while folding.fold_some(lane.database, vocabulary().metrics, lambda _: lane.offset_at, 10**15):
        pass


def rows(lane: Lane, ranking: Ranking = ALIKE, resolution: Resolution = Resolution.DAY, **wish: Any) -> list[Any]:
    """(sum or mean, devices) of each row."""
    found = series.read(lane, Wish(resolution=resolution, **wish), lambda: ranking).found
    assert isinstance(found, Periods)
    columns = table.listed(table.of_periods(found, lane.metric, Clock(lane.offset_at), resolution, has_device=True))
    return list(zip(columns[str(lane.metric.summary)], columns["device"], strict=True))


def counted(lane: Lane, ranking: Ranking = ALIKE, **wish: Any) -> list[Any]:
    """(device, value) of the raw readings that count."""
    page = series.read(lane, Wish(resolution=Resolution.RAW, **wish), lambda: ranking)
    assert isinstance(page.found, Rows)
    columns = table.listed(table.of_readings(page.found, lane.metric, ("device",), page.counted))
    flags = columns.get("counted", [True] * len(columns["t"]))
    return [(d, v) for d, v, flag in zip(columns["device"], columns["value"], flags, strict=True) if flag]


@pytest.mark.parametrize("is_folded", [True, False])
def test_each_hour_has_the_source_that_is_ranked_first_in_it(database: Database, is_folded: bool) -> None:
    lane = a_lane(database, "steps")
    walked(database, PHONE, NOON, 30)
    walked(database, WATCH, NOON + MINUTE_MS, 40)
    walked(database, PHONE, NOON + HOUR_MS, 50)
    if is_folded:
        fold(lane)
    assert rows(lane, WATCH_FIRST, Resolution.HOUR) == [(40, [WATCH]), (50, [PHONE])]
    assert rows(lane, WATCH_FIRST) == [(90, [PHONE, WATCH])]
    assert counted(lane, WATCH_FIRST) == [(WATCH, 40), (PHONE, 50)]
    assert rows(lane, Ranking((PHONE,)), Resolution.YEAR) == [(80, [PHONE])]


def test_whole_days_sum_is_never_added_to_samples(database: Database) -> None:
    lane = a_lane(database, "steps")
    walked(database, PHONE, NOON, 30)
    walked(database, SUMS, MIDNIGHT, 8_000, DAY_MS)
    assert rows(lane, WATCH_FIRST) == [(30, [PHONE])]
    assert rows(lane, Ranking((SUMS,))) == [(8_000, [SUMS])]
    assert rows(lane, Ranking((SUMS,)), Resolution.HOUR) == [(8_000, [SUMS])]
    assert counted(lane, Ranking((SUMS,))) == [(SUMS, 8_000)]


def test_devices_own_sum_does_not_count_beside_its_samples(database: Database) -> None:
    lane = a_lane(database, "steps")
    walked(database, WATCH, NOON, 30)
    walked(database, WATCH, MIDNIGHT, 8_000, DAY_MS)
    walked(database, WATCH, MIDNIGHT + DAY_MS, 5_000, DAY_MS)  # no samples on this day
    for source in (None, WATCH):
        assert rows(lane, WATCH_FIRST, source=source) == [(30, [WATCH]), (5_000, [WATCH])]
        assert counted(lane, WATCH_FIRST, source=source) == [(WATCH, 30), (WATCH, 5_000)]
        fold(lane)


@pytest.mark.parametrize(
    ("begin", "length_ms", "is_sum"),
    [
        (MIDNIGHT, HOUR_MS, False),
        (MIDNIGHT, HOUR_MS + 1, True),  # of the day so far
        (MIDNIGHT + 1, 12 * HOUR_MS, False),
        (MIDNIGHT + 1, 12 * HOUR_MS + 1, True),
    ],
)
def test_what_sums_up_a_day(database: Database, begin: int, length_ms: int, is_sum: bool) -> None:
    walked(database, WATCH, begin, 100, length_ms)
    walked(database, WATCH, NOON, 30)
    assert rows(a_lane(database, "steps"), WATCH_FIRST)[0][0] == (30 if is_sum else 130)


def test_clocks_that_disagree_on_a_journey_count_no_hour_twice(database: Database) -> None:
    lane = a_lane(database, "steps")
    late = MIDNIGHT + 23 * HOUR_MS
    walked(database, PHONE, late, 30, offset_min=BEIJING)
    walked(database, WATCH, late + MINUTE_MS, 40, offset_min=BEIJING + 60)  # the next day already
    for _ in range(2):
        assert rows(lane, WATCH_FIRST) == [(40, [WATCH])]
        assert rows(lane, Ranking((PHONE,))) == [(30, [PHONE])]
        fold(lane)


def test_offset_of_half_an_hour_splits_no_reading(database: Database) -> None:
    lane = a_lane(database, "heart-rate")
    nepal = a_run([NOON + minute * MINUTE_MS for minute in (0, 20, 50)], [600, 700, 800], offset_min=345)
    store.write(database, [arriving(nepal, device=WATCH)])
    fold(lane)
    assert [n for n, _ in rows(lane, resolution=Resolution.HOUR)] == [60.0, 75.0]
    assert rows(lane) == [(70.0, [WATCH])]


def test_other_order_is_followed_at_once(database: Database) -> None:
    lane = a_lane(database)
    beat(database, WATCH, [NOON, NOON + 1], 700)
    beat(database, PHONE, [NOON], 900)
    fold(lane)
    for ranking, mean in ((ALIKE, 70.0), (Ranking((PHONE,)), 90.0), (Ranking((WATCH,)), 70.0)):
        assert rows(lane, ranking, Resolution.MONTH)[0][0] == mean


def test_view_made_of_older_summaries_is_not_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = a_lane(database)
    beat(database, WATCH, [NOON], 700)
    fold(lane)
    load = views.kept_slices.stored

    def overtaken(*args: Any) -> Any:
        found = list(load(*args))
        monkeypatch.setattr(views.kept_slices, "stored", load)
        beat(database, WATCH, [NOON + 1], 900)
        fold(lane)
        return found

    monkeypatch.setattr(views.kept_slices, "stored", overtaken)
    rows(lane, resolution=Resolution.YEAR)
    assert rows(lane, resolution=Resolution.YEAR) == [(80.0, [WATCH])]


def test_view_is_made_once_and_forgotten_when_something_is_folded(database: Database) -> None:
    lane = a_lane(database)
    beat(database, WATCH, [NOON], 700)
    fold(lane)
    rows(lane, resolution=Resolution.YEAR)
    (kept,) = database.views.find({"w": ""})
    assert "months" in kept
    beat(database, WATCH, [NOON + 1], 900)
    fold(lane)
    (left,) = database.views.find({"w": ""})
    assert ("months" in left, left["e"] > kept["e"]) == (False, True)


def test_record_folded_before_slices_were_kept_is_folded_anew(database: Database) -> None:
    lane = a_lane(database)
    beat(database, WATCH, [NOON], 700)
    fold(lane)
    for name in ("hours", "views"):
        database[name].delete_many({})
    assert rows(lane) == []
    assert list(m0003_fold_by_slices.run(database)) == [1]
    assert rows(lane) == [(70.0, [WATCH])]
    fold(lane)
    assert rows(lane) == [(70.0, [WATCH])]


def test_void_reading_leaves_its_slice_when_folded(database: Database) -> None:
    lane = a_lane(database)
    beat(database, WATCH, [NOON, NOON + 1], 700)
    fold(lane)
    database.readings.update_many({}, {"$set": {"c": {}, "dirty": [20_000], "dirty_since": 1}, "$inc": {"v": 1}})
    assert rows(lane) == []
    fold(lane)
    assert rows(lane) == []
    assert rows(lane, resolution=Resolution.MONTH) == []


def test_of_a_page_with_one_source_nobody_asks_for_the_others(database: Database) -> None:
    def asked() -> Ranking:
        raise AssertionError("the sources were asked for")

    beat(database, WATCH, [NOON, NOON + 1], 700)
    beat(database, PHONE, [NOON + DAY_MS], 800)
    wish = Wish(resolution=Resolution.RAW, start=series.End(NOON), end=series.End(NOON + HOUR_MS))
    page = series.read(a_lane(database), wish, asked)
    assert (len(page.found.t), page.counted) == (2, None)  # type: ignore[union-attr]


def test_what_several_want_of_the_buckets_is_what_each_finds_alone(database: Database) -> None:
    beat(database, WATCH, [NOON, NOON + DAY_MS], 700)
    beat(database, PHONE, [NOON + 1, NOON + 2 * DAY_MS], 800)
    lane = a_lane(database)
    spans = [(NOON + day * DAY_MS, NOON + day * DAY_MS + HOUR_MS) for day in range(-1, 4)]
    wanted = [(span, device) for span in spans for device in (None, WATCH, PHONE)]
    alone = [list(raw.find_buckets(lane, span, device)) for span, device in wanted]
    with ThreadPoolExecutor(len(wanted)) as threads:
        found = list(threads.map(lambda one: list(raw.find_buckets(lane, *one)), wanted * 5))
    assert found == alone * 5
    assert [len(one) for one in alone] == [0, 0, 0, 2, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0]
