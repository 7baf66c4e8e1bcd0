"""Months that an earlier version kept go, and folding goes on after it."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.migrations import m0001_drop_months
from phr.readings import folding, store, summaries
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import DAY_MS, a_lane, a_run, arriving


def test_months_go_batch_by_batch_and_days_stay(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = a_lane(database)

    def fold() -> int:
        return folding.fold_some(database, vocabulary().metrics, lambda _: lane.offset_at, T0)

    store.write(database, [arriving(a_run(T0 - days * DAY_MS)) for days in range(20, 1_100, 20)])
    fold()
    database.summaries.update_many({}, {"$set": {"months": {"05": [1, T0, []]}}})
    before = summaries.days(lane, 0, 30_000)
    monkeypatch.setattr(m0001_drop_months, "BATCH", 2)
    assert sum(m0001_drop_months.run(database)) == database.summaries.count_documents({}) > 2
    assert list(m0001_drop_months.run(database)) == []
    store.write(database, [arriving(a_run(T0 - 30 * DAY_MS))])
    assert fold() == 1
    assert len(summaries.days(lane, 0, 30_000)) == len(before) + 1
