"""The clinical rules of this record: the files in rules/, checked, with their own examples tried out."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from phr.care.evaluate import Observation, holds
from phr.care.rule import Comparison, Condition, Example, Pregnancy, Rule, Rules, Scope, Source, UnknownAge
from phr.errors import DataFileInvalid
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.metrics import Vocabulary, vocabulary
from phr.vocabulary.units import to_stored

RULES_FOLDER = Path(__file__).with_name("rules")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_PLACEHOLDERS = {"value", "limit", "unit", "source"}
_FLAGS = (None, "below-range", "above-range")


@cache
def rules() -> Rules:
    """The rules that this project ships, read once a process."""
    return load(RULES_FOLDER, vocabulary())


def load(folder: Path, words: Vocabulary) -> Rules:
    """All rules of a folder. Raises DataFileInvalid with file, line of the rule and field.

    So does a rule whose own examples contradict it, or whose examples lie on one side of its limits only.
    """
    by_id: dict[str, Rule] = {}
    for path in sorted(folder.glob("*.toml")):
        for rule in _load_file(path, words):
            if rule.id in by_id:
                raise DataFileInvalid(f"{path.name}: rules.{rule.id} stands in another file too")
            by_id[rule.id] = rule
    return Rules(_by_metric(by_id.values()))


class _ConditionRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    op: Comparison
    limit: float
    component: str = ""


class _ScopeRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    age_min: int
    unknown_age: UnknownAge
    pregnancy: Pregnancy
    altitude: str
    method: str
    audience: str
    age_max: int | None = None


class _SourceRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    id: str
    title_zh: str
    title_en: str
    year: int
    section: str
    confidence: str
    confidence_note: str
    valid_from: str
    superseded_by: str


class _MessageRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    zh: str
    en: str


class _ExampleRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    value: float | dict[str, float]
    raises: bool
    unit: str | None = None
    flag: str | None = None


class _RuleRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One rule as written: an unknown or a missing field is an error."""

    version: int
    metric: str
    severity: int
    any_of: tuple[_ConditionRow, ...]
    max_age: str
    reviewed_by: str
    scope: _ScopeRow
    source: _SourceRow
    message: _MessageRow
    examples: tuple[_ExampleRow, ...]


def _load_file(path: Path, words: Vocabulary) -> list[Rule]:
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)  # says the line itself
    except (OSError, ValueError) as error:
        raise DataFileInvalid(f"{path.name}: {error}") from error
    if set(tables) != {"rules"} or not isinstance(tables["rules"], dict):
        raise DataFileInvalid(f"{path.name}: holds tables named [rules.ID] and nothing else")
    loaded = []
    for rule_id, table in tables["rules"].items():
        try:
            loaded.append(_rule(rule_id, table, words))
        except DataFileInvalid as error:
            line = _line_of(text, f"[rules.{rule_id}")
            raise DataFileInvalid(f"{path.name} line {line}: rules.{rule_id}: {error.detail}") from error
    return loaded


def _rule(rule_id: str, table: Any, words: Vocabulary) -> Rule:
    try:
        row = msgspec.convert(table, _RuleRow)
    except msgspec.ValidationError as error:
        raise DataFileInvalid(str(error)) from error
    metric = words.get(row.metric)
    if metric is None:
        raise DataFileInvalid(f"metric: {row.metric} is not known; the nearest is {words.nearest(row.metric)}")
    _check(row, metric)
    rule = Rule(
        id=rule_id,
        version=row.version,
        metric=metric,
        severity=row.severity,
        any_of=tuple(Condition(one.component, one.op, one.limit) for one in row.any_of),
        max_age_ms=_duration_ms(row.max_age),
        scope=Scope(**msgspec.structs.asdict(row.scope)),
        source=Source(**msgspec.structs.asdict(row.source)),
        reviewed_by=row.reviewed_by,
        message_zh=row.message.zh,
        message_en=row.message.en,
        examples=tuple(_example(metric, number, one) for number, one in enumerate(row.examples)),
    )
    _try_examples(rule)
    return rule


def _check(row: _RuleRow, metric: Metric) -> None:
    known = {component.key for component in metric.components} or {""}
    checks = {
        "version": row.version >= 1,
        "metric: is never a number by itself": metric.value_type
        in (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS),
        "severity: not 1 to 4": 1 <= row.severity <= 4,
        "any_of: empty": bool(row.any_of),
        f"any_of.component: not one of {sorted(known)}": all(one.component in known for one in row.any_of),
        "scope.age_max: below age_min": row.scope.age_max is None or row.scope.age_min <= row.scope.age_max,
        "source.confidence: S or G": row.source.confidence in ("S", "G"),
        "source: a field is empty": all((row.source.id, row.source.title_zh, row.source.title_en, row.source.section)),
        "message.zh: must say value, limit and source": _says_all(row.message.zh),
        "message.en: must say value, limit and source": _says_all(row.message.en),
    }
    for complaint, is_right in checks.items():
        if not is_right:
            raise DataFileInvalid(complaint)


def _says_all(message: str) -> bool:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}
    except ValueError:
        return False
    return {"value", "limit", "source"} <= names <= _PLACEHOLDERS


def _duration_ms(written: str) -> int:
    """ISO 8601, days to minutes: "PT24H"."""
    found = _DURATION.fullmatch(written)
    if found is None or not any(found.groups()):
        raise DataFileInvalid(f"max_age: {written!r} is not a duration such as PT24H")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60_000


def _example(metric: Metric, number: int, row: _ExampleRow) -> Example:
    where = f"examples[{number}]"
    if row.unit is not None and row.unit not in metric.unit_by_name:
        raise DataFileInvalid(f"{where}.unit: {row.unit} is not a unit of {metric.key}")
    if row.flag not in _FLAGS:
        raise DataFileInvalid(f"{where}.flag: {row.flag} is none")
    values = row.value if isinstance(row.value, dict) else {"": row.value}
    known = {component.key for component in metric.components} or {""}
    if not set(values) <= known:
        raise DataFileInvalid(f"{where}.value: not one of {sorted(known)}")
    return Example(values, metric.unit_by_name[row.unit] if row.unit else None, row.flag, row.raises)


def _try_examples(rule: Rule) -> None:
    for number, example in enumerate(rule.examples):
        if holds(rule, observation_of(rule, example)) != example.raises:
            raise DataFileInvalid(
                f"examples[{number}]: says raises = {str(example.raises).lower()}; the rule disagrees"
            )
    if {example.raises for example in rule.examples} != {True, False}:
        raise DataFileInvalid("examples: must lie on both sides of the limit")


def observation_of(rule: Rule, example: Example) -> Observation:
    """The example as if a device had sent it at the epoch."""
    own_units = {component.key: component.unit for component in rule.metric.components}
    stored = {
        key: to_stored(rule.metric, own_units.get(key) or example.unit, value) for key, value in example.values.items()
    }
    return Observation("example", rule.metric, "example", 0, 0, stored, example.unit, example.flag)


def _line_of(text: str, header: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith(header)), 1)


def _by_metric(loaded: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in loaded:
        found[rule.metric.key] = (*found.get(rule.metric.key, ()), rule)
    return found
