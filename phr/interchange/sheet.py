"""What a doctor is handed on paper: who it is, what must be known first, the latest numbers, how some of them went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from phr.clock import DAY_MS, rfc3339
from phr.interchange.exporters import Asked, Language
from phr.interchange.measured import entries_of, lanes
from phr.people import people
from phr.people.people import Person
from phr.readings import series, table
from phr.readings.latest import Latest, latest
from phr.readings.local_time import Clock
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.series import End, Wish
from phr.readings.track import Resolution
from phr.timeline.entry import Entry
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from phr.vocabulary.units import canonical

MOST_LINES = 10  # of a section, and
LONGEST = 60  # of a line: the sheet stays within three pages
MOST_NUMBERS = 14
CHARTED_DAYS = 90
CHARTED = ("blood-pressure", "glucose-capillary", "glucose-interstitial", "heart-rate", "weight", "spo2")
MOST_CHARTS = 4

TITLES: Mapping[str, Mapping[Language, str]] = {
    "title": {"zh": "个人健康摘要", "en": "Personal health summary"},
    "printed": {"zh": "打印时间", "en": "Printed"},
    "born": {"zh": "出生日期", "en": "Born"},
    "sex": {"zh": "性别", "en": "Sex"},
    "allergy": {"zh": "过敏", "en": "Allergies"},
    "condition": {"zh": "疾病与诊断", "en": "Conditions"},
    "medication": {"zh": "用药", "en": "Medicines"},
    "procedure": {"zh": "手术与操作", "en": "Procedures"},
    "immunisation": {"zh": "预防接种", "en": "Vaccinations"},
    "latest": {"zh": "最近测量", "en": "Latest readings"},
    "charts": {"zh": "近 90 天", "en": "The last 90 days"},
    "none": {"zh": "没有记录（不等于没有）", "en": "Nothing is recorded, which does not mean that there is none"},
    "more": {"zh": "另有 {0} 条未列出", "en": "and {0} more"},
    "source": {
        "zh": "由本人保存的健康档案生成，包含自测与自述内容，供医生参考，不能代替诊断。",
        "en": "From the record that this person keeps; some of it is self-measured or self-reported. No diagnosis.",
    },
}
SEXES: Mapping[str, Mapping[Language, str]] = {
    "female": {"zh": "女", "en": "female"},
    "male": {"zh": "男", "en": "male"},
    "other": {"zh": "其他", "en": "other"},
    "unknown": {"zh": "未知", "en": "unknown"},
}
SECTIONS = ("allergy", "condition", "medication", "procedure", "immunisation")
_OVER = {"resolved", "completed", "stopped", "inactive", "not-taken", "not-done"}
_ALWAYS = ("procedure", "immunisation")  # done is what these are


@dataclass(frozen=True, slots=True)
class Chart:
    """One day a point; ``lines``: by name, (days since 1970, value) in order."""

    title: str
    lines: Mapping[str, Sequence[tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    about: Sequence[str]
    sections: Sequence[tuple[str, Sequence[str]]]
    numbers: Sequence[tuple[str, str, str]]  # what, how much, when
    charts: Sequence[Chart]
    source: str


def sheet(asked: Asked) -> Sheet:
    """Raises NotFound."""
    person, to = people.require(asked.database, asked.person), asked.language
    found: dict[str, list[Entry]] = {kind: [] for kind in SECTIONS}
    for entry in entries_of(asked):
        if entry.kind in found and (entry.kind in _ALWAYS or entry.content.get("status") not in _OVER):
            found[entry.kind].append(entry)
            asked.count(entries=1)
    measured = latest(asked.database, asked.person, vocabulary().metrics)
    measured.sort(key=lambda one: (one.metric.key not in CHARTED, -one.t_ms))
    numbers = [line for one in measured if (line := _number(one, to))][:MOST_NUMBERS]
    asked.count(readings=len(numbers))
    return Sheet(
        TITLES["title"][to],
        _about(person, asked),
        [(TITLES[kind][to], _lines(some, to)) for kind, some in found.items()],
        numbers,
        _charts(asked, person),
        TITLES["source"][to],
    )


def _about(person: Person, asked: Asked) -> list[str]:
    to = asked.language
    told = [person.name or "", f"{TITLES['sex'][to]} {SEXES[person.sex or 'unknown'][to]}"]
    if person.birth_on:
        told.append(f"{TITLES['born'][to]} {person.birth_on.isoformat()}")
    printed_at = rfc3339(asked.now_ms, person.offset_min_at(asked.now_ms))
    return [*filter(None, told), f"{TITLES['printed'][to]} {_moment(printed_at)}"]


def _lines(found: list[Entry], to: Language) -> list[str]:
    if not found:
        return [TITLES["none"][to]]
    lines = [_line(entry) for entry in found[:MOST_LINES]]
    left = len(found) - len(lines)
    return [*lines, TITLES["more"][to].format(left)] if left else lines


def _line(entry: Entry) -> str:
    said = entry.content
    dose = f"{said['dose']['value']:g} {said['dose']['unit']}" if "dose" in said else ""
    codes = " ".join(one["code"] for one in said.get("codes", ())[:1])
    words = [said["text"], dose, str(said.get("instructions", ""))]
    told = " ".join(word for word in words if word)
    when = _moment(str(entry.effective.begin))[:16]
    return f"{_short(told)}{f' [{codes}]' if codes else ''} · {when}"


def _number(one: Latest, to: Language) -> tuple[str, str, str] | None:
    values = {name: canonical(one.metric, value) for name, value in one.values.items() if name != DURATION}
    if not values:
        return None
    parts = [values[part.key] for part in one.metric.components if part.key in values and part.required] or [
        next(iter(values.values()))
    ]
    digits = one.metric.decimals
    sign = {"below-range": "<", "above-range": ">"}.get(str(one.extra.get("flag")), "")
    said = "/".join(f"{part:.{digits}f}" for part in parts)
    unit = one.metric.unit.code if one.metric.unit else ""
    name = one.metric.zh if to == "zh" else one.metric.en
    return _short(name), f"{sign}{said} {unit}".strip(), _moment(rfc3339(one.t_ms, one.offset_min))


def _charts(asked: Asked, person: Person) -> list[Chart]:
    by_key = {lane.metric.key: lane for lane in lanes(asked)}
    found = [_chart(by_key[key], person, asked) for key in CHARTED if key in by_key]
    return [one for one in found if one is not None][:MOST_CHARTS]


def _chart(lane: Lane, person: Person, asked: Asked) -> Chart | None:
    """Means (or sums) of days; None where fewer than two have any."""
    start = End(asked.now_ms - CHARTED_DAYS * DAY_MS)
    wish = Wish(start=start, end=End(asked.now_ms + 1), resolution=Resolution.DAY)
    given = series.read(lane, wish)
    if isinstance(given.found, Rows):
        return None
    clock = Clock(lane.offset_at, person.zones)
    columns = table.listed(table.of_periods(given.found, lane.metric, clock, given.resolution, has_device=False))
    days = [int(datetime.fromisoformat(text).date().toordinal()) for text in columns["t"]]
    if len(days) < 2:
        return None
    summary, lines = str(lane.metric.summary), {}
    for part in [one.key for one in lane.metric.components if one.required] or [""]:
        values = columns[f"{part}_{summary}" if part else summary]
        lines[part] = [(day, float(value)) for day, value in zip(days, values, strict=True) if value is not None]
    name = lane.metric.zh if asked.language == "zh" else lane.metric.en
    unit = f" ({lane.metric.unit.code})" if lane.metric.unit else ""
    return Chart(f"{name}{unit}", lines)


def _moment(text: str) -> str:
    """A local time without its offset and its seconds; what is no instant stays as it is."""
    return text[:16].replace("T", " ") if "T" in text else text


def _short(text: Any) -> str:
    told = " ".join(str(text).split())
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"
