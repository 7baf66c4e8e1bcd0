"""Blocks of raw readings that are kept as one piece: a memory, never a truth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phr.database import Database
from phr.readings import kept_rows, series, store
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.series import Wish
from phr.readings.track import Resolution
from phr.vocabulary.metrics import vocabulary
from tests.readings.builders import DAY_MS, HOUR_MS, a_lane, a_run, arriving
from tests.readings.test_merging import PHONE, WATCH, beat, fold

MONTHLY = [month * 31 * DAY_MS + HOUR_MS for month in range(6)]


def raw(lane: Lane, **wish: Any) -> list[tuple[int, str, int]]:
    """(t, device, value) of every raw reading."""
    found = series.read(lane, Wish(resolution=Resolution.RAW, **wish)).found
    assert isinstance(found, Rows)
    return list(zip(found.t.tolist(), found.devices(), found.values[""].tolist(), strict=True)) if found.t.size else []


def blocks(database: Database) -> list[dict[str, Any]]:
    """Those that are kept; of others there is but the epoch."""
    is_kept = {"$or": [{"rows": {"$exists": True}}, {"many": True}]}
    return list(database.views.find({"w": "raw"} | is_kept).sort("_id", 1))


@pytest.fixture
def lane(database: Database) -> Lane:
    """Half a year of two devices, folded, and looked at once."""
    beat(database, WATCH, MONTHLY, 700)
    beat(database, PHONE, [t + 1 for t in MONTHLY], 800)
    lane = a_lane(database)
    fold(lane)
    raw(lane)
    return lane


def test_long_span_is_kept_as_blocks_and_read_from_them(database: Database, lane: Lane) -> None:
    before = raw(lane)
    assert [len(kept_rows._unpacked(one["rows"]).t) for one in blocks(database)] == [2] * 6
    database.readings.update_many({}, {"$set": {"c": {}}})  # nothing but the blocks is left
    assert raw(lane) == before
    assert raw(lane, source=PHONE) == [one for one in before if one[1] == PHONE]
    assert len(before) == 12


def test_short_span_leaves_nothing_behind(database: Database) -> None:
    beat(database, WATCH, [0, DAY_MS], 700)
    raw(a_lane(database))
    assert blocks(database) == []


@given(st.integers(0, 400 * DAY_MS), st.integers(1, 130 * DAY_MS), st.sampled_from(["heart-rate", "weight", "height"]))
def test_short_span_is_told_from_a_long_one_without_its_blocks(low_ms: int, length_ms: int, metric: str) -> None:
    of, between = vocabulary().metrics[metric], (low_ms, low_ms + length_ms)
    assert kept_rows.is_worth_it(of, between) is (len(kept_rows._starts(of, between)) > kept_rows.LEAST_BLOCKS)


def test_what_is_not_folded_yet_is_read_itself(database: Database, lane: Lane) -> None:
    beat(database, WATCH, [MONTHLY[2], MONTHLY[2] + 5], 900)  # a correction, and one more
    wanted = [(MONTHLY[2], WATCH, 900), (MONTHLY[2] + 1, PHONE, 800), (MONTHLY[2] + 5, WATCH, 900)]
    assert raw(lane)[4:7] == wanted
    fold(lane)
    assert len(blocks(database)) == 5
    for _ in range(2):
        assert raw(lane)[4:7] == wanted


def test_block_made_of_older_readings_is_not_kept(
    database: Database, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.views.delete_many({})
    find = kept_rows.find_buckets

    def overtaken(*args: Any) -> Any:
        found = list(find(*args))
        monkeypatch.setattr(kept_rows, "find_buckets", find)
        beat(database, WATCH, [MONTHLY[0]], 900)
        fold(lane)
        return iter(found)

    monkeypatch.setattr(kept_rows, "find_buckets", overtaken)
    raw(lane)
    assert raw(lane)[0] == (MONTHLY[0], WATCH, 900)


def test_block_with_many_readings_is_not_kept_twice(
    database: Database, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = raw(lane)
    database.views.delete_many({})
    monkeypatch.setattr(kept_rows, "MOST_READINGS", 1)
    assert raw(lane) == before
    assert [set(one) & {"rows", "many"} for one in blocks(database)] == [{"many"}] * 6


def test_unit_clock_and_context_are_as_they_came(database: Database) -> None:
    run = a_run(MONTHLY, 700, extras={1: {"context": {"activity": "rest"}}})
    store.write(database, [arriving(run, device=WATCH, arrived_at_ms=MONTHLY[-1] + DAY_MS)])
    lane = a_lane(database)
    shown = [_facts(lane) for _ in range(2)]  # from its buckets, and from its blocks
    fold(lane)
    shown += [_facts(lane) for _ in range(2)]
    assert all(one == shown[0] for one in shown)
    assert len(blocks(database)) == 6


def _facts(lane: Lane) -> list[Any]:
    found = series.read(lane, Wish(resolution=Resolution.RAW)).found
    assert isinstance(found, Rows)
    return [(found.unit(i), found.timing(i), found.extras.get(i), int(found.offsets[i])) for i in range(found.t.size)]
