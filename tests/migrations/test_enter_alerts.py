"""Alerts from before timelines told of them are entered too."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.migrations import m0005_enter_alerts
from phr.notices import outbox


def test_alerts_are_marked_batch_by_batch_and_other_notices_are_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"_id": f"k{number}", "rule_version": 1} for number in range(3)]
    database[outbox.COLLECTION].insert_many([*rows, {"_id": "told"}])
    monkeypatch.setattr(m0005_enter_alerts, "BATCH", 2)
    assert list(m0005_enter_alerts.run(database)) == [2, 1]
    assert list(m0005_enter_alerts.run(database)) == [0, 0]
    assert database[outbox.COLLECTION].count_documents({"to_enter": True}) == 3
