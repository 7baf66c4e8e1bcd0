"""Shares of what is settled, by local day and ISO week."""

from __future__ import annotations

from datetime import date

from phr.reminders import adherence
from phr.reminders.adherence import Share
from phr.reminders.ledger import Seen
from phr.reminders.moments import slot_of


def an_occurrence(day: str, state: str, kind: str = "medication") -> Seen:
    slot = slot_of(date.fromisoformat(day), 480)
    planned_ms = slot * 60_000
    return Seen(
        f"r:{slot}", "p", f"r-{kind}", kind, None, (), slot, planned_ms, planned_ms, planned_ms, planned_ms, state
    )


def test_of_nothing_there_is_no_share() -> None:
    found = adherence.of([])
    assert (found.total, found.total.done_percent, found.days) == (Share(0, 0, 0, 0), None, {})


def test_what_is_open_or_withdrawn_is_no_failure() -> None:
    found = adherence.of(
        [
            *(an_occurrence("2026-11-22", "done"), an_occurrence("2026-11-23", "done")),
            *(an_occurrence("2026-11-24", "missed"), an_occurrence("2026-11-25", "skipped", "visit")),
            *(an_occurrence("2026-11-26", "opened"), an_occurrence("2026-11-27", "withdrawn")),
        ]
    )
    assert found.total == Share(asked=5, done=2, skipped=1, missed=1)
    assert (found.total.open, found.total.done_percent) == (1, 50.0)
    assert [day.day for day in found.days] == [22, 23, 24, 25, 26]
    assert {monday.isoformat(): one.done for monday, one in found.weeks.items()} == {"2026-11-16": 1, "2026-11-23": 1}
    assert found.by_kind["visit"] == Share(1, 0, 1, 0)
    assert found.by_reminder["r-medication"].asked == 4
