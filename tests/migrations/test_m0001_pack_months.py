"""Months that an earlier version wrote as lists read the same after they are packed."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.migrations import m0001_pack_months
from phr.readings import folding, store, summaries
from phr.readings.packed_months import unpack
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import DAY_MS, a_lane, a_run, arriving, month_lines


@pytest.fixture
def years(database: Database) -> Database:
    """Three years of ana, a reading every twenty days, as an earlier version has folded them."""
    store.write(database, [arriving(a_run(T0 - days * DAY_MS)) for days in range(20, 1_100, 20)])
    lane = a_lane(database)
    folding.fold_some(database, vocabulary().metrics, lambda _: lane.offset_at, T0)
    for row in list(database.summaries.find()):
        lists = {f"{month:02}": stats.to_doc() for month, stats in unpack(row["months"]).items()}
        database.summaries.update_one({"_id": row["_id"]}, {"$set": {"months": lists}})
    return database


def test_months_are_packed_batch_by_batch(years: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(m0001_pack_months, "BATCH", 2)
    lane, everything = a_lane(years), (0, 30_000)
    folded = list(summaries.days(lane, *everything))
    steps = list(m0001_pack_months.run(years))
    assert (len(steps) > 1, sum(steps)) == (True, years.summaries.count_documents({}))
    assert list(m0001_pack_months.run(years)) == []
    months = month_lines(lane, *everything)
    assert sum(line.stats.n for line in months) == sum(line.stats.n for line in folded) == 54
    assert len(months) > 30


def test_folding_goes_on_after_it(years: Database) -> None:
    list(m0001_pack_months.run(years))
    store.write(years, [arriving(a_run(T0 - 30 * DAY_MS))])
    lane = a_lane(years)
    assert folding.fold_some(years, vocabulary().metrics, lambda _: lane.offset_at, T0) == 1
    assert sum(line.stats.n for line in month_lines(lane, 0, 30_000)) == 55
