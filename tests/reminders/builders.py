"""Schedules to test with, valid by default."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from phr.clock import to_datetime, to_ms
from phr.database import Database, Document
from phr.people.people import ZonePeriod
from phr.reminders.moments import Occurrence, Pattern, slot_text
from phr.reminders.schedule import Schedule, pattern_of

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


def a_schedule(person: str = "a" * 20, **changes: Any) -> Schedule:
    """Every day at 08:00 from 23 November 2026."""
    valid: dict[str, Any] = {
        "key": "plan-1:pills",
        "person": person,
        "kind": "medication",
        "rrule": "FREQ=DAILY",
        "starts_on": date(2026, 11, 23),
        "times": ("08:00",),
        "text": "氨氯地平 5 mg",
        "about": "med-1",
    }
    return Schedule(**(valid | changes))


def a_pattern(**changes: Any) -> Pattern:
    return pattern_of(a_schedule(**changes))


def lived_in(*zones: str | tuple[str, str]) -> list[ZonePeriod]:
    """The first since ever; the others as (instant, zone)."""
    return [ZonePeriod(None, one) if isinstance(one, str) else ZonePeriod(ms(one[0]), one[1]) for one in zones]


def ms(text: str) -> int:
    """Of RFC 3339, UTC where it says nothing."""
    moment = datetime.fromisoformat(text)
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def shown(found: list[Occurrence]) -> list[tuple[str, str]]:
    """What the wall says, and the instant in UTC."""
    return [(slot_text(one.slot), f"{to_datetime(one.planned_ms):%Y-%m-%dT%H:%M}") for one in found]


def states(database: Database, **wanted: Any) -> dict[str, str]:
    """What became of each occurrence, by its local time."""
    rows: list[Document] = list(database["reminder_occurrences"].find(wanted))
    return {slot_text(row["slot"]): row["state"] for row in sorted(rows, key=lambda row: row["slot"])}


def notices(database: Database, state: str = "pending") -> list[str]:
    return sorted(row["zh"] for row in database["notices"].find({"state": state}))
