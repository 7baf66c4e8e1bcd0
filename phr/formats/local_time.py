"""Local dates and times with a zone beside them, as vendors write them, to an instant and its offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from phr.clock import to_ms
from phr.formats.building import EARLIEST_MS, LATEST_MS, ItemRefused

_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{8}", re.ASCII)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?|\d{6}", re.ASCII)
_HOURS = re.compile(r"([+-]?)(\d{1,2})(?:\.(0|00|25|5|50|75))?", re.ASCII)
_CLOCK_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})", re.ASCII)
_QUARTERS = {None: 0, "0": 0, "00": 0, "25": 15, "5": 30, "50": 30, "75": 45}
_NAMED = re.compile(r"[A-Za-z_]{2,32}(?:/[A-Za-z0-9_+-]{1,32}){1,2}")
_WEST_MIN, _EAST_MIN = -12 * 60, 14 * 60  # the zones there are


def local_time(date: str, clock: str, zone: tzinfo, pointer: str) -> tuple[int, int]:
    """(milliseconds since 1970, offset in minutes) of "2026-11-23" or "20261123" and "07:30", "07:30:00" or "073000".

    Raises ItemRefused time-invalid, also for a time that the clocks of the zone skip or show twice.
    """
    if not _DATE.fullmatch(date) or not _CLOCK.fullmatch(clock):
        raise ItemRefused("time-invalid", "a date such as 2026-11-23 and a time such as 07:30:00", pointer)
    days = re.split("[-/]", date) if len(date) != 8 or not date.isdigit() else [date[:4], date[4:6], date[6:]]
    parts = clock.split(":") if ":" in clock else [clock[:2], clock[2:4], clock[4:]]
    try:
        year, month, day = map(int, days)
        hour, minute, second = map(int, (*parts, "0")[:3])
        plain = datetime(year, month, day, hour, minute, second, tzinfo=zone)
        t_ms = to_ms(plain)
    except (ValueError, OverflowError) as error:
        raise ItemRefused("time-invalid", f"no such time: {error}", pointer) from error
    if not EARLIEST_MS <= t_ms <= LATEST_MS:
        raise ItemRefused("time-invalid", "outside the years 1 to 9999", pointer)
    offset = plain.utcoffset()
    assert offset is not None
    if offset != plain.replace(fold=1).utcoffset():
        raise ItemRefused("time-invalid", "the clocks of this zone skip that time or show it twice", pointer)
    return t_ms, offset // timedelta(minutes=1)


def find_zone(text: str, pointer: str) -> tzinfo:
    """The zone that "8", "-3.5", "+0800", "+08:00", "UTC+8:00" or "Asia/Shanghai" names.

    Raises ItemRefused time-zone-missing for an empty text, time-zone-unknown.
    """
    if not text:
        raise ItemRefused("time-zone-missing", "a local time needs its zone", pointer)
    zone = _zone(text[:64])
    if zone is None:
        raise ItemRefused(
            "time-zone-unknown", "an offset such as 8 or +08:00, or a name such as Asia/Shanghai", pointer
        )
    return zone


@lru_cache(maxsize=1024)
def _zone(text: str) -> tzinfo | None:
    if found := _HOURS.fullmatch(text):
        minutes = int(found[2]) * 60 + _QUARTERS[found[3]]
    elif found := _CLOCK_OFFSET.fullmatch(text):
        minutes = int(found[2]) * 60 + int(found[3])
        if int(found[3]) > 59:
            return None
    else:
        return _named_zone(text)
    if found[1] == "-":
        minutes = -minutes
    return timezone(timedelta(minutes=minutes)) if _WEST_MIN <= minutes <= _EAST_MIN else None


def _named_zone(text: str) -> tzinfo | None:
    if text == "UTC":
        return UTC
    if not _NAMED.fullmatch(text):
        return None
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown names are KeyErrors, the name of a folder is an OSError
        return None
