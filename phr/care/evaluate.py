"""Which readings a rule has something to say about. Pure: values in, alerts out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from phr.care.rule import Comparison, Condition, Pregnancy, Rule, Rules, Scope, UnknownAge
from phr.clock import to_datetime
from phr.vocabulary.alert import Alert
from phr.vocabulary.metric import Metric, Unit
from phr.vocabulary.units import as_sent, canonical, limit_in

# A device clock may run a little fast; what is further ahead is held at intake (contract, rule "clock").
AHEAD_MS = 10 * 60 * 1000
# A device's doubt about its own value may silence what can wait, never what is urgent (standards sheet, section 1.7).
_SEVERITY_BEYOND_DOUBT = 3
_SIDE = {None: 0, "below-range": -1, "above-range": 1}


@dataclass(frozen=True, slots=True)
class Observation:
    """One stored reading, as rules see it."""

    person: str
    metric: Metric
    device: str
    seq: int
    t_ms: int
    values: Mapping[str, int]  # stored integers by component; "" for plain numbers
    unit: Unit | None  # as sent; None: canonical
    flag: str | None = None  # "below-range" | "above-range"
    quality: str | None = None  # "suspect"


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What a rule's scope asks about a person; None is not known."""

    birth_on: date | None = None
    is_pregnant: bool | None = None


_NOTHING_KNOWN = PersonFacts()


def evaluate(
    rules: Rules, observations: Iterable[Observation], facts: Mapping[str, PersonFacts], now_ms: int
) -> list[Alert]:
    """An alert for each rule and reading that meet, in the order of the readings.

    The same reading gives the same key each time, also when it is corrected. Readings more than ten minutes ahead of
    now or older than the rule's ``max_age`` give nothing. Of a person missing in ``facts`` nothing is known.
    """
    alerts = []
    for observation in observations:
        for rule in rules.by_metric.get(observation.metric.key, ()):
            # the cheapest questions first: nearly every reading ends at one of these two
            if not _is_timely(rule, observation.t_ms, now_ms) or not holds(rule, observation):
                continue
            if speaks_to(rule.scope, facts.get(observation.person, _NOTHING_KNOWN), observation.t_ms):
                alerts.append(_alert(rule, observation, now_ms))
    return alerts


def holds(rule: Rule, observation: Observation) -> bool:
    """True where one of the rule's conditions holds, compared in the unit as sent."""
    if observation.quality == "suspect" and rule.severity < _SEVERITY_BEYOND_DOUBT:
        return False
    return any(_condition_holds(condition, observation) for condition in rule.any_of)


def speaks_to(scope: Scope, person: PersonFacts, t_ms: int) -> bool:
    """True where a rule with this scope is meant for this person at that instant.

    Ages are counted by UTC date, so that a birthday may count a day early or late.
    """
    if scope.pregnancy is not Pregnancy.ANY and bool(person.is_pregnant) != (scope.pregnancy is Pregnancy.PREGNANT):
        return False
    if person.birth_on is None:
        return scope.unknown_age is UnknownAge.APPLIES
    age = _age_on(person.birth_on, to_datetime(t_ms).date())
    return age >= scope.age_min and (scope.age_max is None or age <= scope.age_max)


def _is_timely(rule: Rule, t_ms: int, now_ms: int) -> bool:
    return -AHEAD_MS <= now_ms - t_ms <= rule.max_age_ms


def _age_on(birth_on: date, day: date) -> int:
    """Full years; who is born on 29 February has a birthday on 1 March in other years."""
    return day.year - birth_on.year - ((day.month, day.day) < (birth_on.month, birth_on.day))


def _condition_holds(condition: Condition, observation: Observation) -> bool:
    stored = observation.values.get(condition.component)
    if stored is None:
        return False
    unit = _unit_of(observation, condition.component)
    value = _said(observation.metric, unit, stored)
    return _compares(condition.op, value, limit_in(observation.metric, unit, condition.limit), observation.flag)


def _compares(op: Comparison, value: float, limit: float, flag: str | None) -> bool:
    """A sensor's Hi is more than the value that stands beside it, and says nothing about being low; Lo likewise."""
    side = _SIDE[flag]
    if op in (Comparison.AT_LEAST, Comparison.ABOVE):
        reached = (value, side) > (limit, 0) or (op is Comparison.AT_LEAST and value == limit)
        return reached and side >= 0
    reached = (value, side) < (limit, 0) or (op is Comparison.AT_MOST and value == limit)
    return reached and side <= 0


def _unit_of(observation: Observation, component: str) -> Unit | None:
    """The unit a value was sent in: a component may have one of its own (pulse beside a pressure in kPa)."""
    fixed = [known.unit for known in observation.metric.components if known.key == component and known.unit]
    return fixed[0] if fixed else observation.unit or observation.metric.unit


def _said(metric: Metric, unit: Unit | None, stored: int) -> int | float:
    """What the device said. In the canonical unit every kept digit counts: 179.6 is not 180."""
    if unit is not None and (unit.factor, unit.offset) != (1.0, 0.0):
        return as_sent(metric, unit, stored)
    value = canonical(metric, stored)
    return int(value) if value.is_integer() else value


def _alert(rule: Rule, observation: Observation, now_ms: int) -> Alert:
    unit = observation.unit or observation.metric.unit
    words = _words(rule, observation)
    return Alert(
        key=_key(rule, observation),
        rule=rule.id,
        rule_version=rule.version,
        person=observation.person,
        severity=rule.severity,
        metric=observation.metric.key,
        device=observation.device,
        t_ms=observation.t_ms,
        seq=observation.seq,
        values={
            component: _said(observation.metric, _unit_of(observation, component), stored)
            for component, stored in observation.values.items()
        },
        unit=unit.code if unit else None,
        message_zh=rule.message_zh.format(**words, source=rule.source.title_zh),
        message_en=rule.message_en.format(**words, source=rule.source.title_en),
        source=rule.source.citation,
        reviewed=bool(rule.reviewed_by),
        raised_at_ms=now_ms,
    )


def _words(rule: Rule, observation: Observation) -> dict[str, str]:
    """Value and limit side by side in the unit as sent: "182/96" and "180/110"."""
    unit = observation.unit or observation.metric.unit
    mark = {None: "", "below-range": "<", "above-range": ">"}[observation.flag]
    values, limits = [], []
    for condition in rule.any_of:
        own_unit = _unit_of(observation, condition.component)
        stored = observation.values.get(condition.component)
        values.append("–" if stored is None else _text(own_unit, _said(observation.metric, own_unit, stored)))
        limits.append(_text(own_unit, limit_in(observation.metric, own_unit, condition.limit)))
    return {"value": mark + "/".join(values), "limit": "/".join(limits), "unit": unit.label if unit else ""}


def _text(unit: Unit | None, value: float) -> str:
    """At the unit's decimals, more where the value has more."""
    fixed = f"{value:.{unit.decimals if unit else 0}f}"
    return fixed if float(fixed) == value else f"{value:g}"


def _key(rule: Rule, observation: Observation) -> str:
    identity = [
        rule.id,
        observation.person,
        observation.metric.key,
        observation.device,
        observation.t_ms,
        observation.seq,
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
