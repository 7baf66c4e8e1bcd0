"""The one place that asks what time it is, how instants are written, and how long things last."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated

from msgspec import Meta

# An instant and a day as they are written: what ``rfc3339`` gives, and a date's ``isoformat``.
At = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
On = Annotated[str, Meta(extra_json_schema={"format": "date"})]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS  # of UTC; a day of somebody's clock may be an hour more or less


def now_ms() -> int:
    """Milliseconds since 1970-01-01T00:00Z. Only entry points call it; everything else takes ``now`` as an argument."""
    delta = datetime.now(UTC) - EPOCH
    return delta // timedelta(milliseconds=1)


def to_datetime(t_ms: int, offset_min: int | None = 0) -> datetime:
    """The aware datetime of an instant, at a UTC offset in minutes (None: UTC).

    Raises OverflowError outside the years 1 to 9999.
    """
    zone = UTC if not offset_min else timezone(timedelta(minutes=offset_min))
    return (EPOCH + timedelta(milliseconds=t_ms)).astimezone(zone)


def age_on(birth_on: date, day: date) -> int:
    """Full years; who is born on 29 February has a birthday on 1 March in other years."""
    return day.year - birth_on.year - ((day.month, day.day) < (birth_on.month, birth_on.day))


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, sub-millisecond digits cut off."""
    # Dividing by a timedelta costs four times as much, and every reading's time comes through here.
    delta = moment - EPOCH
    return delta.days * DAY_MS + delta.seconds * 1_000 + delta.microseconds // 1_000


def rfc3339(t_ms: int, offset_min: int | None = None) -> str:
    """``2026-11-23T07:30:00+08:00``, milliseconds only where there are some; ``Z`` when the offset is unknown."""
    moment = to_datetime(t_ms, offset_min)
    text = moment.isoformat(timespec="milliseconds" if t_ms % 1000 else "seconds")
    return text[:-6] + "Z" if offset_min is None else text
