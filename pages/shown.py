"""How values, units and times are written for people: in their language, units and clocks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.numbers import format_decimal
from flask import request

from pages import looks, sittings
from phr.vocabulary.metric import Metric, Unit
from phr.vocabulary.metrics import vocabulary

LABELS = {  # of units whose UCUM code is for machines
    "zh": {"/min": "次/分", "h": "小时", "min": "分钟", "s": "秒", "[degF]": "℉", "{steps}": "步", "Cel": "℃"},
    "en": {"h": "h", "{steps}": "steps", "[degF]": "°F", "Cel": "°C", "mm[Hg]": "mmHg", "/min": "/min"},
}
NOTHING = "–"


def locale() -> str:
    return looks.LOCALES[looks.of(request).language]


def words(both: Mapping[str, str] | None) -> str:
    """What is there in both languages, in the reader's."""
    return (both or {}).get(looks.of(request).language, "") or ""


def name(key: str) -> str:
    """A metric's name."""
    metric = vocabulary().get(key)
    if metric is None:
        return key
    return metric.zh if looks.of(request).language == "zh" else metric.en


def unit_of(metric: Metric) -> Unit | None:
    """The unit that the reader wants the metric in."""
    look = looks.of(request)
    wanted = {"kPa": look.pressure == "kPa", "mg/dL": look.glucose == "mgdl" and "glucose" in metric.key}
    codes = {one.code: one for one in metric.units}
    return next((codes[code] for code, is_wanted in wanted.items() if is_wanted and code in codes), metric.unit)


def label(unit: Unit | None) -> str:
    if unit is None or unit.code == "1":
        return ""
    return LABELS[looks.of(request).language].get(unit.code, unit.label)


def number(metric: Metric, value: float, *, decimals: int | None = None) -> str:
    """A canonical value in the reader's unit, without its name."""
    unit = unit_of(metric)
    if unit is None or unit is metric.unit:
        shown, places = value, metric.decimals
    else:
        shown, places = (value - unit.offset) / unit.factor, unit.decimals
    places = places if decimals is None else decimals
    pattern = "#,##0" + (f".{'0' * places}" if places else "")
    return format_decimal(round(shown, places), format=pattern, locale=locale())


def target(one: Mapping[str, Any]) -> str:
    """A limit as the API gives targets: "收缩压: 135 mmHg"; of what it is, and in the reader's unit."""
    metric = vocabulary().get(one["metric"])
    if metric is None:
        return NOTHING
    parts = {each.key: each.metric for each in metric.components}
    part = vocabulary().get(parts.get(one["component"], "")) if one["component"] else None
    limit = NOTHING if one["limit"] is None else f"{number(metric, one['limit'])} {label(unit_of(metric))}"
    return f"{name((part or metric).key)}: {limit}"


def number_of(key: str, value: float) -> str:
    """As ``number``, by the metric's name."""
    return number(vocabulary().metrics[key], value)


def parts_of(key: str, values: Mapping[str, float]) -> str:
    """Values by component, in the order that people say them in: "128/82"; of what has none, the one that there is."""
    metric = vocabulary().metrics[key]
    names = [one.key for one in metric.components if one.required and one.key in values] or list(values)
    return "/".join(number(metric, values[name]) for name in names)


def now() -> str:
    """The instant that it is, on the reader's clock."""
    sitting = sittings.find()
    moment_ = datetime.now(ZoneInfo(sitting.zone) if sitting else UTC)
    return format_datetime(moment_, "medium", tzinfo=moment_.tzinfo, locale=locale())


def value(one: Mapping[str, Any]) -> str:
    """A latest value as the overview gives it: "128/82", "6.1", "<2.2"."""
    metric = vocabulary().get(one["metric"])
    if metric is None:
        return NOTHING
    sign = {"below-range": "<", "above-range": ">"}.get(one.get("flag") or "", "")
    if parts := one.get("components"):
        main = [parts[each.key] for each in metric.components if each.required and each.key in parts]
        return sign + "/".join(number(metric, part) for part in main)
    found = one.get("value")
    if isinstance(found, int | float) and not isinstance(found, bool):
        return sign + number(metric, found)
    if isinstance(found, Mapping):
        return ", ".join(str(part) for part in found.values()) or NOTHING
    return duration(one) or NOTHING


def sent(item: Mapping[str, Any]) -> str:
    """A value as a device sent it, right or wrong: "36.6 kg", "12/8 kPa"."""
    found = item.get("value")
    told = "/".join(str(part) for part in found.values()) if isinstance(found, Mapping) else str(found or "")
    return f"{told} {item.get('unit') or ''}".strip()


def duration(one: Mapping[str, Any]) -> str:
    """How long a period took, of what has an end and no value."""
    if "end" not in one:
        return ""
    return format_timedelta(moment(one["end"]) - moment(one["t"]), locale=locale(), threshold=1.2)


def unit(key: str) -> str:
    """The name of the unit that a metric is shown in."""
    metric = vocabulary().get(key)
    return label(unit_of(metric)) if metric else ""


def moment(text: str) -> datetime:
    """On the clock where it was taken; what does not say so, on the reader's."""
    at = datetime.fromisoformat(text)
    sitting = sittings.find()
    return at.astimezone(ZoneInfo(sitting.zone)) if text.endswith("Z") and sitting else at


def when(text: str) -> str:
    """An instant on the clock where it was taken: the time today, else the day too."""
    at = moment(text)
    now = datetime.now(at.tzinfo or UTC)
    if at.date() == now.date():
        return format_time(at, "short", tzinfo=at.tzinfo, locale=locale())
    skeleton = "MMMd" if at.year == now.year else "yMMMd"
    return f"{_by(skeleton, at)} {format_time(at, 'short', tzinfo=at.tzinfo, locale=locale())}"


def day(text: str | None) -> str:
    """A date, of a day or of an instant."""
    if not text:
        return NOTHING
    if len(text) < 10:  # a year, or a year and a month
        return text
    return format_date(date.fromisoformat(text[:10]), "medium", locale=locale())


def at(text: str) -> str:
    return format_datetime(moment(text), "medium", tzinfo=moment(text).tzinfo, locale=locale())


def ago(seconds: float) -> str:
    return format_timedelta(timedelta(seconds=-abs(seconds)), granularity="minute", add_direction=True, locale=locale())


def length(seconds: float) -> str:
    """How long that is, in the reader's words."""
    return format_timedelta(timedelta(seconds=abs(seconds)), threshold=1.2, locale=locale())


def age(birth_on: str | None, today: date | None = None) -> int | None:
    """Full years."""
    if not birth_on:
        return None
    born, today = date.fromisoformat(birth_on), today or datetime.now(UTC).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _by(skeleton: str, at: datetime) -> str:
    return format_skeleton(skeleton, at, tzinfo=at.tzinfo, locale=locale())
