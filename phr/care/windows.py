"""What rules over a window say about a person's readings. Pure: a series in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from phr.care.compare import compares, condition_holds, said, text, unit_of
from phr.care.evaluate import (
    AHEAD_MS,
    SEVERITY_BEYOND_DOUBT,
    categories_of,
    counts,
    source_words,
    speaks_to,
    targeted,
    targets_of,
)
from phr.care.observation import Observation, PersonFacts
from phr.care.predicates import PREDICATES, Given
from phr.care.rule import Condition, Rule, Statistic, Window
from phr.care.statistic import OWN_UNIT, of_values
from phr.clock import DAY_MS, HOUR_MS
from phr.vocabulary.metric import Unit
from phr.vocabulary.units import canonical, limit_in

_FINE = 6  # digits: a float's noise must not move a value across a line


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule over a window that has something to say, and the numbers it was found by."""

    rule: Rule
    person: str
    values: Mapping[str, float]  # by component; "" for plain numbers
    unit: str
    unit_code: str | None  # as an alert keeps it
    readings: int
    days: int
    coverage: float  # the share of the window's hours that have readings
    since_ms: int
    until_ms: int
    last_ms: int  # when the newest of the readings was measured; where there are none, since when there are none
    message_zh: str
    message_en: str
    categories: tuple[str, ...]  # of all that it was made of
    targets: Mapping[str, float]  # a doctor's own limits that counted, by component


def judge(rule: Rule, series: Sequence[Observation], person: PersonFacts, now_ms: int) -> Finding | None:
    """What the rule finds in one person's readings of its metric, given in any order; None where it is silent.

    It is silent too where there is not enough to judge, and where the rule is inactive. Readings outside the window,
    of another context, or in doubt (below severity 3) are left out. Limits are applied in the unit as sent where all
    readings share one, else in the metric's canonical unit. A limit that a doctor has set for the person counts instead
    of the rule's own.
    """
    return next(iter(judge_all([rule], series, person, now_ms)), None)


def judge_all(rules: Iterable[Rule], series: Sequence[Observation], person: PersonFacts, now_ms: int) -> list[Finding]:
    """As ``judge`` for rules on one metric; those that look at the same readings share picking them out."""
    return judge_or_not(rules, series, person, now_ms)[0]


def judge_or_not(
    rules: Iterable[Rule], series: Sequence[Observation], person: PersonFacts, now_ms: int
) -> tuple[list[Finding], frozenset[str]]:
    """As ``judge_all``, and the rules that are for the person and have not enough to judge: they say neither."""
    picked: dict[object, _Picked] = {}
    found, unjudged = [], set()
    for rule in rules:
        if rule.is_active and speaks_to(rule.scope, person, now_ms):
            key = _picked_by(rule)
            if key not in picked:
                picked[key] = _pick(rule, series, now_ms)
            if _is_few(rule, picked[key]):
                unjudged.add(rule.id)
            elif one := _found(targeted(rule, person), picked[key], person, now_ms):
                found.append(one)
    return found, frozenset(unjudged)


def found_by(rule: Rule, series: Sequence[Observation], person: PersonFacts, now_ms: int) -> Finding | None:
    """``judge`` without asking whom the rule is for and whether it may speak."""
    return _found(rule, _pick(rule, series, now_ms), person, now_ms)


@dataclass(frozen=True, slots=True)
class _Picked:
    """The readings that a rule looks at, in order of time."""

    seen: Sequence[Observation]
    days: int
    coverage: float


def _picked_by(rule: Rule) -> object:
    """Rules for which this is the same look at the same readings of a series."""
    assert rule.window is not None
    is_doubtful = rule.severity < SEVERITY_BEYOND_DOUBT
    contexts = [sorted((one or {}).items()) for one in (rule.context, rule.not_context)]
    return rule.window.span_ms, is_doubtful, repr(contexts)


def _pick(rule: Rule, series: Sequence[Observation], now_ms: int) -> _Picked:
    window = rule.window
    assert window is not None
    seen = sorted(
        (one for one in series if -AHEAD_MS <= now_ms - one.t_ms < window.span_ms and counts(rule, one)),
        key=lambda one: (one.t_ms, one.device, one.seq),
    )
    hours = len({one.t_ms // HOUR_MS for one in seen})
    coverage = min(1.0, hours / max(1, window.span_ms // HOUR_MS))
    return _Picked(seen, len({one.t_ms // DAY_MS for one in seen}), coverage)


def _is_few(rule: Rule, picked: _Picked) -> bool:
    window = rule.window
    assert window is not None
    is_few = len(picked.seen) < window.readings or picked.days < window.days or picked.coverage < window.coverage
    return is_few and window.statistic is not Statistic.MISSING_FOR


def _found(rule: Rule, picked: _Picked, person: PersonFacts, now_ms: int) -> Finding | None:
    window, seen = rule.window, picked.seen
    assert window is not None
    if _is_few(rule, picked):
        return None
    unit = _common_unit(rule, seen)
    values = {
        one.component: value
        for one in rule.any_of
        if (value := _number(rule, window, one.component, seen, unit, person, now_ms)) is not None
    }
    if not any(_reaches(rule, one, values, unit) for one in rule.any_of):
        return None
    words = _words(rule, values, unit) | {"readings": str(len(seen)), "days": str(picked.days)}
    own = targets_of(rule, person)
    source_zh, source_en = source_words(rule, has_target=bool(own))
    return Finding(
        rule=rule,
        person=seen[0].person if seen else "",
        values=values,
        unit=words["unit"],
        unit_code=_code(window, unit),
        readings=len(seen),
        days=picked.days,
        coverage=picked.coverage,
        since_ms=now_ms - window.span_ms,
        until_ms=now_ms,
        last_ms=seen[-1].t_ms if seen else now_ms - window.span_ms,
        message_zh=rule.message_zh.format(**words, source=source_zh),
        message_en=rule.message_en.format(**words, source=source_en),
        categories=categories_of(rule.scope, person, has_target=bool(own)),
        targets=own,
    )


def own_unit(window: Window) -> str | None:
    """The unit of what a window is boiled down to; None where that is the metric's."""
    if window.predicate:
        return PREDICATES[window.predicate].unit
    return OWN_UNIT.get(window.statistic) if window.statistic else None


def _code(window: Window, unit: Unit | None) -> str | None:
    own = own_unit(window)
    return own if own is not None else unit.code if unit else None


def _common_unit(rule: Rule, seen: Sequence[Observation]) -> Unit | None:
    """Slopes and predicates are about differences and shares, for which the canonical unit is the one."""
    units = {one.unit.code: one.unit for one in seen if one.unit}
    is_level = rule.window is not None and rule.window.predicate is None and rule.window.statistic != Statistic.SLOPE
    return next(iter(units.values())) if is_level and len(units) == 1 else rule.metric.unit


def _number(  # noqa: PLR0913, PLR0917 - everything a definition may ask
    rule: Rule,
    window: Window,
    component: str,
    seen: Sequence[Observation],
    unit: Unit | None,
    person: PersonFacts,
    now_ms: int,
) -> float | None:
    if window.statistic is Statistic.MISSING_FOR:
        return (now_ms - seen[-1].t_ms if seen else window.span_ms) / DAY_MS
    if window.statistic is Statistic.COUNT:
        return float(len(seen))
    there = [one for one in seen if component in one.values]
    if window.statistic is Statistic.TIME_IN_RANGE:
        return _inside(window, there) / len(there) * 100 if there else None
    if window.predicate:
        values = [canonical(rule.metric, one.values[component]) for one in there]
        given = Given(rule.metric, [one.t_ms for one in there], values, person)
        found = PREDICATES[window.predicate].of(given) if values else None
        return found if found is None else round(found, _FINE)
    assert window.statistic is not None
    sent = unit_of(rule.metric, unit, component)
    return of_values(
        window.statistic, [one.t_ms for one in there], [said(rule.metric, sent, one.values[component]) for one in there]
    )


def _inside(window: Window, there: Sequence[Observation]) -> int:
    """How many of the readings lie within; those that say the same, and most of a sensor's do, are looked at once."""
    known: dict[tuple[object, ...], bool] = {}
    count = 0
    for one in there:
        key = (id(one.unit), one.flag, *one.values.items())
        is_in = known.get(key)
        if is_in is None:
            is_in = known[key] = all(condition_holds(limit, one) for limit in window.within)
        count += is_in
    return count


def _reaches(rule: Rule, condition: Condition, values: Mapping[str, float], unit: Unit | None) -> bool:
    value = values.get(condition.component)
    return value is not None and compares(condition.op, value, _limit(rule, condition, unit))


def _limit(rule: Rule, condition: Condition, unit: Unit | None) -> float:
    assert rule.window is not None
    if own_unit(rule.window) is not None:
        return condition.limit
    return limit_in(rule.metric, unit_of(rule.metric, unit, condition.component), condition.limit)


def _words(rule: Rule, values: Mapping[str, float], unit: Unit | None) -> dict[str, str]:
    """One digit more than devices state is enough for a mean or a share."""
    assert rule.window is not None
    own = own_unit(rule.window)
    shown = None if own is not None else unit
    digits = (shown.decimals if shown else 0) + 1
    rounded = {component: round(value, digits) for component, value in values.items()}
    return {
        "value": "/".join(
            text(shown, rounded[one.component]) if one.component in rounded else "–" for one in rule.any_of
        ),
        "limit": "/".join(text(shown, _limit(rule, one, unit)) for one in rule.any_of),
        "unit": own if own is not None else unit.label if unit else "",
    }


def _text(unit: Unit | None, value: float | None) -> str:
    return "–" if value is None else text(unit, value)
