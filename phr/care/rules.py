"""The clinical rules of this record: the files in rules/, checked, with their own examples tried out."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from phr.care import examples
from phr.care.files import at, complaint, convert, documents, duration_ms, read_toml, source_of
from phr.care.predicates import PREDICATES
from phr.care.programme import Programme
from phr.care.programmes import programme_of
from phr.care.rows import ConditionRow, DocumentRow, ExampleRow, RuleRow, WindowRow
from phr.care.rule import Audience, Condition, Example, Rule, Rules, Scope, Statistic, Window
from phr.care.windows import own_unit
from phr.errors import DataFileInvalid
from phr.vocabulary.metric import Metric, Unit, ValueType
from phr.vocabulary.metrics import Vocabulary, vocabulary

RULES_FOLDER = Path(__file__).with_name("rules")
_PLACEHOLDERS = {"value", "limit", "unit", "source", "readings", "days"}
_OF_ONE_READING = {"value", "limit", "unit", "source"}
_FLAGS = (None, "below-range", "above-range")
_NUMBERS = (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS)
_OF_ANY_READING = (Statistic.COUNT, Statistic.MISSING_FOR)
_MOST_REPEATED = 10_000


@cache
def rules() -> Rules:
    """The rules that this project ships, read once a process."""
    return load(RULES_FOLDER, vocabulary())


def load(folder: Path, words: Vocabulary) -> Rules:
    """All rules of a folder. Raises DataFileInvalid with file, line of the rule and field.

    So does a rule whose own examples contradict it, or whose examples lie on one side of a limit only.
    """
    by_id: dict[str, Rule] = {}
    path_of: dict[str, Path] = {}
    programmes: list[Programme] = []
    for path in sorted(folder.glob("*.toml")):
        found, programme = _load_file(path, words, documents())
        programmes += [programme] if programme else []
        for rule in found:
            if rule.id in by_id:
                raise complaint(path, f"[rules.{rule.id}", f"rules.{rule.id} stands in {path_of[rule.id].name} too")
            by_id[rule.id], path_of[rule.id] = rule, path
    for rule in by_id.values():
        other = by_id.get(rule.yields_to or rule.id)
        if other is None or other.metric is not rule.metric:
            said = f"rules.{rule.id}: yields_to: {rule.yields_to} is no rule of this metric"
            raise complaint(path_of[rule.id], f"[rules.{rule.id}", said)
    return indexed(by_id.values(), tuple(programmes))


def _load_file(path: Path, words: Vocabulary, named: Mapping[str, DocumentRow]) -> tuple[list[Rule], Programme | None]:
    text, tables = read_toml(path)
    rules_of_file = tables.get("rules", {})
    if not tables or not set(tables) <= {"rules", "programme"} or not isinstance(rules_of_file, dict):
        raise DataFileInvalid(f"{path.name}: holds tables named [rules.ID] and [programme] and nothing else")
    loaded = [
        at(path, text, f"[rules.{key}", lambda key=key, row=row: _rule(key, row, words, named), f"rules.{key}: ")
        for key, row in rules_of_file.items()
    ]
    if "programme" not in tables:
        return loaded, None
    return loaded, at(
        path,
        text,
        "[programme]",
        lambda: programme_of(path.stem, tables["programme"], loaded, words, named),
        "programme: ",
    )


def _rule(rule_id: str, table: Any, words: Vocabulary, named: Mapping[str, DocumentRow]) -> Rule:
    row = convert(table, RuleRow)
    metric = words.get(row.metric)
    if metric is None:
        raise DataFileInvalid(f"metric: {row.metric} is not known; the nearest is {words.nearest(row.metric)}")
    _check(row, metric)
    unit = _unit(metric, "unit", row.unit)
    window = _window(row.window, metric, unit) if row.window else None
    is_own = window is not None and own_unit(window) is not None
    rule = Rule(
        id=rule_id,
        version=row.version,
        metric=metric,
        severity=row.severity,
        any_of=tuple(_condition(one, None if is_own else unit) for one in row.any_of),
        max_age_ms=duration_ms("max_age", row.max_age),
        scope=Scope(**msgspec.structs.asdict(row.scope)),
        source=source_of(row.source, named),
        reviewed_by=row.reviewed_by,
        message_zh=row.message.zh,
        message_en=row.message.en,
        examples=tuple(_example(metric, number, one) for number, one in enumerate(row.examples)),
        window=window,
        context=row.context,
        not_context=row.not_context,
        yields_to=row.yields_to,
    )
    examples.try_out(rule)
    return rule


def _check(row: RuleRow, metric: Metric) -> None:
    known = {component.key for component in metric.components} or {""}
    takes_any = row.window is not None and row.window.statistic in _OF_ANY_READING
    said = _OF_ONE_READING if row.window is None else _PLACEHOLDERS
    checks = {
        "version": row.version >= 1,
        "metric: is never a number by itself": metric.value_type in _NUMBERS or (takes_any and metric.is_reading),
        "severity: not 1 to 4": 1 <= row.severity <= 4,
        "any_of: empty": bool(row.any_of),
        f"any_of.component: not one of {sorted(known)}": takes_any or all(one.component in known for one in row.any_of),
        "scope.age_max: below age_min": row.scope.age_max is None or row.scope.age_min <= row.scope.age_max,
        "scope.method: empty": bool(row.scope.method),
        f"context: not one of {sorted(metric.context)}": {*(row.context or ()), *(row.not_context or ())}
        <= set(metric.context),
        "yields_to: over a window nothing yields": row.yields_to is None or row.window is None,
        "message.zh: must say value, limit and source": _says_all(row.message.zh, said),
        "message.en: must say value, limit and source": _says_all(row.message.en, said),
    }
    for wrong, is_right in checks.items():
        if not is_right:
            raise DataFileInvalid(wrong)


def _says_all(message: str, allowed: set[str]) -> bool:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}
    except ValueError:
        return False
    return {"value", "limit", "source"} <= names <= allowed


def _unit(metric: Metric, field: str, name: str | None) -> Unit | None:
    if name is not None and name not in metric.unit_by_name:
        raise DataFileInvalid(f"{field}: {name} is not a unit of {metric.key}")
    return metric.unit_by_name[name] if name else None


def _window(row: WindowRow, metric: Metric, unit: Unit | None) -> Window:
    if (row.statistic is None) == (row.predicate is None):
        raise DataFileInvalid("window: has either a statistic or a predicate")
    if row.predicate is not None and row.predicate not in PREDICATES:
        raise DataFileInvalid(f"window.predicate: {row.predicate} is not one of {sorted(PREDICATES)}")
    if (row.statistic is Statistic.TIME_IN_RANGE) != bool(row.within):
        raise DataFileInvalid("window.within: is what a time in range needs, and nothing else")
    known = {component.key for component in metric.components} or {""}
    if not all(one.component in known for one in row.within):
        raise DataFileInvalid(f"window.within.component: not one of {sorted(known)}")
    if row.enough.readings < 1 or row.enough.days < 1 or not 0 <= row.enough.coverage <= 1:
        raise DataFileInvalid("window.enough: at least one reading and day, and a coverage from 0 to 1")
    return Window(
        span_ms=duration_ms("window.span", row.span),
        statistic=row.statistic,
        predicate=row.predicate,
        within=tuple(_condition(one, unit) for one in row.within),
        readings=row.enough.readings,
        days=row.enough.days,
        coverage=row.enough.coverage,
    )


def _condition(row: ConditionRow, unit: Unit | None) -> Condition:
    limit = row.limit * unit.factor + unit.offset if unit else row.limit
    return Condition(row.component, row.op, limit)


def _example(metric: Metric, number: int, row: ExampleRow) -> Example:
    where = f"examples[{number}]"
    unit = _unit(metric, f"{where}.unit", row.unit)
    if row.flag not in _FLAGS:
        raise DataFileInvalid(f"{where}.flag: {row.flag} is none")
    if row.value is not None and (row.series or not 1 <= row.repeat <= _MOST_REPEATED):
        raise DataFileInvalid(f"{where}: has a value, repeated at most {_MOST_REPEATED} times, or a series")
    repeated = row.series if row.value is None else (row.value,) * row.repeat
    written = repeated + tuple(one.value for one in row.mixed for _ in range(min(one.times, _MOST_REPEATED)))
    series = tuple(one if isinstance(one, dict) else {"": one} for one in written)
    known = {component.key for component in metric.components} or {""}
    if not all(set(values) <= known for values in series):
        raise DataFileInvalid(f"{where}.value: not one of {sorted(known)}")
    return Example(
        series=series,
        every_ms=duration_ms(f"{where}.every", row.every),
        ago_ms=duration_ms(f"{where}.ago", row.ago),
        unit=unit,
        flag=row.flag,
        context=row.context,
        height_cm=row.height_cm,
        best=row.best,
        raises=row.raises,
    )


def indexed(loaded: Iterable[Rule], programmes: tuple[Programme, ...]) -> Rules:
    """Those that look at each reading as it comes are found by metric, so that all others cost nothing there."""
    found: dict[str, tuple[Rule, ...]] = {}
    others: list[Rule] = []
    for rule in loaded:
        if rule.window is None and rule.is_active and rule.scope.audience is Audience.PERSON:
            found[rule.metric.key] = (*found.get(rule.metric.key, ()), rule)
        else:
            others.append(rule)
    return Rules(found, tuple(others), programmes)
