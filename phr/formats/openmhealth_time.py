"""Time frames of Open mHealth: an instant, or a period by two of its start, its end and its duration."""

from __future__ import annotations

from typing import Any, NamedTuple

from phr.formats.building import ItemRefused, parse_time

_WHERE = "/body/effective_time_frame"
_MS_IN = {"us": 0.001, "ms": 1, "sec": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "wk": 604_800_000}
_ENDS = ("start_date_time", "end_date_time")
_NO_FIXED_LENGTH = ("Mo", "yr")
_LONGEST_MS = 400 * 366 * 86_400_000  # keeps sums within the years that can be written


class TimeFrame(NamedTuple):
    """``end_ms`` None: an instant."""

    start_ms: int
    end_ms: int | None
    offset_min: int | None


def read_time_frame(frame: Any, where: str = _WHERE) -> TimeFrame:
    """Raises ItemRefused time-missing, time-invalid; time-imprecise for parts of a day, months and years."""
    if frame is None:
        raise ItemRefused("time-missing", "a reading needs its effective_time_frame", where)
    if not isinstance(frame, dict) or ("date_time" in frame) == ("time_interval" in frame):
        raise ItemRefused("time-invalid", "a time frame has either date_time or time_interval", where)
    if "date_time" in frame:
        t_ms, offset_min = _instant(frame["date_time"], where + "/date_time")
        return TimeFrame(t_ms, None, offset_min)
    return _interval(frame["time_interval"], f"{where}/time_interval")


def _interval(interval: Any, where: str) -> TimeFrame:
    if not isinstance(interval, dict):
        raise ItemRefused("time-invalid", "a time interval is an object", where)
    if "part_of_day" in interval:
        raise ItemRefused("time-imprecise", "a part of a day names no instant", where)
    ends = {key: _instant(interval[key], f"{where}/{key}") for key in _ENDS if key in interval}
    duration_ms = _duration_ms(interval["duration"], f"{where}/duration") if "duration" in interval else None
    if len(ends) + (duration_ms is not None) != 2:
        raise ItemRefused("time-invalid", "a time interval has two of start_date_time, end_date_time, duration", where)
    start, end = ends.get("start_date_time"), ends.get("end_date_time")
    offset_min = next(iter(ends.values()))[1]
    start_ms = start[0] if start else end[0] - (duration_ms or 0) if end else 0
    end_ms = end[0] if end else start_ms + (duration_ms or 0)
    if end_ms < start_ms:
        raise ItemRefused("time-invalid", "the interval ends before it begins", where)
    return TimeFrame(start_ms, end_ms, offset_min)


def _instant(value: Any, where: str) -> tuple[int, int | None]:
    if not isinstance(value, str):
        raise ItemRefused("time-invalid", "an instant is RFC 3339 with an offset", where)
    return parse_time(value, where)


def _duration_ms(pair: Any, where: str) -> int:
    unit: Any = pair.get("unit") if isinstance(pair, dict) else None
    value: Any = pair.get("value") if isinstance(pair, dict) else None
    if unit in _NO_FIXED_LENGTH:
        raise ItemRefused("time-imprecise", f"{unit} has no fixed length", where)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if unit not in _MS_IN or not is_number or not 0 <= value * _MS_IN[unit] <= _LONGEST_MS:
        raise ItemRefused("time-invalid", "a duration is a number and one of us, ms, sec, min, h, d, wk", where)
    length_ms: float = value * _MS_IN[unit]
    return round(length_ms)
