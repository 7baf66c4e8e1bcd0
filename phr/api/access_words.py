"""What a line of the access log says in plain words, Chinese and English; the words are data, beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from marshmallow import ValidationError

from phr.api.shapes import moment
from phr.clock import to_datetime
from phr.errors import DataFileInvalid
from phr.people.access_lines import ERASED, Line
from phr.vocabulary.metrics import vocabulary

FILE = Path(__file__).with_name("access_words.toml")
Pair = dict[str, str]  # {"zh", "en"}


@dataclass(frozen=True, slots=True)
class Who:
    """Who stands in a line, as far as the reader may know."""

    name: str | None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """To do, did, to what; the verb, what it is done to."""

    en: tuple[str, str, str]
    zh: tuple[str, str]


def sentence(line: Line, who: Who, owner: str | None, offset_min: int) -> Pair:
    """陈医生（社区诊所）查看了您2026年3月的血压; Dr Chen, Community Clinic, looked at your blood pressure of March.

    ``owner``: the name of whom the record is of; ``offset_min``: where on the clock the owner is.
    """
    words, filled = _words_of(line, offset_min)
    by = _subject(line, who, owner)
    verb, what_zh = (part.format(**filled["zh"]) for part in words.zh)
    base, did, what_en = (part.format(**filled["en"]) for part in words.en)
    if line.outcome == "refused":
        zh, en = f"试图{verb}{what_zh}，被拒绝", f"tried to {base} {what_en} and was refused"
    else:
        zh, en = f"{verb}了{what_zh}", f"{did} {what_en}"
    return {"zh": f"{by['zh']}{zh}", "en": f"{by['en']} {en}"}


def role_words(role: str) -> Pair:
    """Of a role, or of several that counted together ("family-doctor,relative")."""
    known = [_roles().get(one, {"zh": one, "en": one}) for one in role.split(",")]
    return {"zh": "、".join(one["zh"] for one in known), "en": ", ".join(one["en"] for one in known)}


def routes() -> frozenset[str]:
    """The method and path of each route that has words."""
    return frozenset(_table()["routes"])


def _words_of(line: Line, offset_min: int) -> tuple[Words, dict[str, Pair]]:
    what, _, query = line.about.partition("?")
    method, _, path = what.partition(" ")
    for pattern, words in _routes():
        filled = _matched(pattern, method, path)
        if filled is not None:
            return words, _filling(filled, _period(query, offset_min))
    command, _, of = line.about.partition(":")
    table = _table()["commands"]
    about = {"about": line.about or line.verb, "of": of.strip()}
    return _words(table.get(command, table[""])), {"zh": about, "en": about}


def _filling(filled: Mapping[str, str], period: Pair) -> dict[str, Pair]:
    key = filled.get("metric", "")
    metric = vocabulary().metrics.get(key)
    named = {"zh": metric.zh, "en": _lower(metric.en)} if metric else {"zh": key, "en": key}
    device = "/".join(filled[one] for one in ("vendor", "device") if one in filled)
    return {one: {"metric": named[one], "device": device, "period": period[one]} for one in ("zh", "en")}


def _matched(pattern: str, method: str, path: str) -> dict[str, str] | None:
    """What stands in the places of a pattern; None where the line is of another route."""
    wanted, _, parts = pattern.partition(" ")
    there, asked = path.split("/"), parts.split("/")
    if wanted != method or len(there) != len(asked):
        return None
    pairs = list(zip(asked, there, strict=True))
    if any(part != given and not part.startswith("<") for part, given in pairs):
        return None
    return {part.strip("<>"): given for part, given in pairs if part.startswith("<")}


def _subject(line: Line, who: Who, owner: str | None) -> Pair:
    if line.role == "owner":
        return {"zh": "您", "en": "You"}
    if line.act is not None or line.role in ("support", "operator"):
        name = line.act or line.who
        return {"zh": f"运维人员{name}", "en": f"Operator {name}"}
    if line.role == "scheduler":
        return {"zh": "系统", "en": "The system"}
    if line.who.startswith(ERASED):
        return {"zh": "一位已注销的用户", "en": "Somebody who was erased"}
    if who.name is None:
        return {"zh": "未获授权的人", "en": "Somebody without a grant"}
    named = {
        "zh": f"{who.name}（{who.organisation}）" if who.organisation else who.name,
        "en": f"{who.name}, {who.organisation}," if who.organisation else who.name,
    }
    if {"guardian", "proxy"} & set(line.role.split(",")) and owner:
        return {"zh": f"{named['zh']}代{owner}", "en": f"{named['en']} for {owner}"}
    return named


def _period(query: str, offset_min: int) -> Pair:
    """Which days, in words that begin with a space in English; nothing where the request named none."""
    asked = parse_qs(query)
    first, end = _day(asked.get("from"), offset_min, 0), _day(asked.get("to"), offset_min, 1)
    if first is None and end is None:
        return {"zh": "", "en": ""}
    if first is not None and end is not None and first <= end:
        return _span(first, end)
    if first is not None:
        said = _spoken(first)
        return {"zh": f"{said['zh']}以来", "en": f" since {said['en']}"}
    assert end is not None
    said = _spoken(end)
    return {"zh": f"{said['zh']}以前", "en": f" until {said['en']}"}


def _span(first: date, last: date) -> Pair:
    following = last + timedelta(days=1)
    if (first.month, first.day, following.month, following.day) == (1, 1, 1, 1) and first.year == last.year:
        return {"zh": f"{first.year}年", "en": f" of {first.year}"}
    if first.day == following.day == 1 and (first.year, first.month) == (last.year, last.month):
        return {"zh": f"{first.year}年{first.month}月", "en": f" of {first:%B} {first.year}"}
    begin, end = _spoken(first), _spoken(last)
    if first == last:
        return {"zh": begin["zh"], "en": f" of {begin['en']}"}
    return {"zh": f"{begin['zh']}至{end['zh']}", "en": f" of {begin['en']} to {end['en']}"}


def _spoken(day: date) -> Pair:
    return {"zh": f"{day.year}年{day.month}月{day.day}日", "en": f"{day.day} {day:%B} {day.year}"}


def _day(told: list[str] | None, offset_min: int, less_ms: int) -> date | None:
    """The owner's day of an instant, or of the one before it; None for what is none."""
    try:
        return to_datetime(moment(told[0]).t_ms - less_ms, offset_min).date() if told else None
    except (ValidationError, OverflowError):
        return None


def _lower(label: str) -> str:
    """A label within a sentence: "Blood pressure panel" is "blood pressure", "HbA1c" and "ECG" stay."""
    label = label.removesuffix(" panel")
    return label[:1].lower() + label[1:] if label[1:2].islower() and label[1:].islower() else label


def _words(table: Mapping[str, Any]) -> Words:
    try:
        to_do, did, what = table["en"]
        verb, done_to = table["zh"]
    except (KeyError, ValueError) as error:
        raise DataFileInvalid(f"{FILE.name}: {table} has no three English and two Chinese parts") from error
    return Words((to_do, did, what), (verb, done_to))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@cache
def _routes() -> list[tuple[str, Words]]:
    """Those that name all of their parts before those with a place in them."""
    found = [(pattern, _words(table)) for pattern, table in _table()["routes"].items()]
    return sorted(found, key=lambda one: one[0].count("<"))


@cache
def _roles() -> dict[str, Pair]:
    return dict(_table()["roles"])
