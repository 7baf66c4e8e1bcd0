"""Which readings a rule has something to say about, each by itself. Pure: values in, alerts out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from phr.care.compare import condition_holds, said, text, unit_of
from phr.care.observation import PREGNANCY, Observation, PersonFacts
from phr.care.rule import Altitude, Pregnancy, Rule, Rules, Scope, UnknownAge
from phr.clock import age_on, to_datetime
from phr.vocabulary.alert import Alert
from phr.vocabulary.units import limit_in

# A device clock may run a little fast; what is further ahead is held at intake (contract, rule "clock").
AHEAD_MS = 10 * 60 * 1000
# A device's doubt about its own value may silence what can wait, never what is urgent (standards sheet, section 1.7).
SEVERITY_BEYOND_DOUBT = 3
# An emergency that is told late is no alarm and stands open for a week: our own choice, not clinical.
EMERGENCY, LATE_MS = 3, 7 * 24 * 3_600_000
# What a message names as the source of a limit that a doctor has set for the person.
DOCTORS_ZH, DOCTORS_EN = "您的医生定的目标", "your doctor's target"
_NOTHING_KNOWN = PersonFacts()
_NONE: frozenset[str] = frozenset()


def evaluate(
    rules: Rules, observations: Iterable[Observation], facts: Mapping[str, PersonFacts], now_ms: int
) -> list[Alert]:
    """An alert for each rule and reading that meet, in the order of the readings.

    The same reading gives the same key each time, also when it is corrected. Readings more than ten minutes ahead of
    now or older than the rule's ``max_age`` give nothing; of severity 3 and more a late alert, if they are of the last
    seven days. Of a person missing in ``facts`` nothing is known. A limit
    that a doctor has set for the person counts instead of the rule's own.
    """
    alerts = []
    for observation in observations:
        spoken: list[Rule] = []
        person = facts.get(observation.person, _NOTHING_KNOWN)
        for shipped in rules.by_metric.get(observation.metric.key, ()):
            rule = targeted(shipped, person) if person.targets else shipped
            # the cheapest questions first: nearly every reading ends at one of these two
            if not _is_timely(rule, observation.t_ms, now_ms) or not holds(rule, observation):
                continue
            if speaks_to(rule.scope, person, observation.t_ms):
                spoken.append(rule)
        ids = {rule.id for rule in spoken} if spoken else _NONE
        alerts += [_alert(rule, observation, person, now_ms) for rule in spoken if rule.yields_to not in ids]
    return alerts


def targeted(rule: Rule, person: PersonFacts) -> Rule:
    """The rule with the limits that a doctor has set for the person in place of its own."""
    own = targets_of(rule, person)
    if not own:
        return rule
    return replace(rule, any_of=tuple(replace(one, limit=own.get(one.component, one.limit)) for one in rule.any_of))


def targets_of(rule: Rule, person: PersonFacts) -> dict[str, float]:
    """The limits by component that a doctor has set for the person."""
    found = ((one.component, person.targets.get((rule.id, one.component))) for one in rule.any_of)
    return {component: limit for component, limit in found if limit is not None}


def categories_of(scope: Scope, person: PersonFacts, *, has_target: bool = False) -> tuple[str, ...]:
    """What one must be allowed to see to be told that a rule with this scope spoke to the person.

    Of several diagnoses that let it speak the one counts that the most may see.
    """
    found = {"readings"} | ({"care"} if has_target else set())
    for wanted, known in ((scope.diagnosis, person.diagnoses), (scope.medication, person.medications)):
        there = [person.categories.get(word, _NONE) for word in wanted if known and word in known]
        found |= min(there, key=lambda one: (len(one), sorted(one)), default=_NONE)
    if scope.pregnancy is Pregnancy.PREGNANT:
        found |= person.categories.get(PREGNANCY, _NONE)
    return tuple(sorted(found))


def source_words(rule: Rule, *, has_target: bool) -> tuple[str, str]:
    """Where a limit is from, in Chinese and English."""
    return (DOCTORS_ZH, DOCTORS_EN) if has_target else (rule.source.title_zh, rule.source.title_en)


def holds(rule: Rule, observation: Observation) -> bool:
    """True where one of the rule's conditions holds, compared in the unit as sent, for a reading of that context."""
    return counts(rule, observation) and any(condition_holds(one, observation) for one in rule.any_of)


def counts(rule: Rule, observation: Observation) -> bool:
    """True where the rule may look at this reading: its context is the right one, and it is not in doubt."""
    if observation.quality == "suspect" and rule.severity < SEVERITY_BEYOND_DOUBT:
        return False
    if rule.context is None and rule.not_context is None:
        return True
    context = observation.context or {}
    if rule.not_context and any(_said(context, key) in values for key, values in rule.not_context.items()):
        return False
    return all(_said(context, key) in values for key, values in (rule.context or {}).items())


def speaks_to(scope: Scope, person: PersonFacts, t_ms: int) -> bool:
    """True where a rule with this scope is meant for this person at that instant.

    Ages are counted by UTC date, so that a birthday may count a day early or late. What must be known and is not known
    makes the rule silent; what must not be and is not known does not.
    """
    if scope.pregnancy is not Pregnancy.ANY and bool(person.is_pregnant) != (scope.pregnancy is Pregnancy.PREGNANT):
        return False
    if (scope.sex and person.sex != scope.sex) or (scope.altitude is Altitude.LOW and person.lives_high):
        return False
    if not _has(person.diagnoses, scope.diagnosis, scope.no_diagnosis):
        return False
    if not _has(person.medications, scope.medication, scope.no_medication):
        return False
    if person.birth_on is None:
        return scope.unknown_age is UnknownAge.APPLIES
    age = age_on(person.birth_on, to_datetime(t_ms).date())
    return age >= scope.age_min and (scope.age_max is None or age <= scope.age_max)


def _said(context: Mapping[str, Any], key: str) -> str:
    """Contexts hold words, numbers and truths as JSON has them; rules name all of them as words."""
    value = context.get(key)
    return value if isinstance(value, str) else json.dumps(value)


def _has(known: frozenset[str] | None, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> bool:
    there = known or _NONE
    return (not wanted or not there.isdisjoint(wanted)) and there.isdisjoint(unwanted)


def _is_timely(rule: Rule, t_ms: int, now_ms: int) -> bool:
    greatest_ms = max(rule.max_age_ms, LATE_MS) if rule.severity >= EMERGENCY else rule.max_age_ms
    return -AHEAD_MS <= now_ms - t_ms <= greatest_ms


def _alert(rule: Rule, observation: Observation, person: PersonFacts, now_ms: int) -> Alert:
    """``rule``: with the person's own limits in it."""
    metric, own = observation.metric, targets_of(rule, person)
    source_zh, source_en = source_words(rule, has_target=bool(own))
    unit = observation.unit or metric.unit
    words = words_of(rule, observation)
    return Alert(
        key=_key(rule, observation),
        rule=rule.id,
        rule_version=rule.version,
        person=observation.person,
        severity=rule.severity,
        metric=metric.key,
        device=observation.device,
        t_ms=observation.t_ms,
        seq=observation.seq,
        values={
            component: said(metric, unit_of(metric, observation.unit, component), stored)
            for component, stored in observation.values.items()
        },
        unit=unit.code if unit else None,
        message_zh=rule.message_zh.format(**words, source=source_zh),
        message_en=rule.message_en.format(**words, source=source_en),
        source=rule.source.citation,
        reviewed=bool(rule.reviewed_by),
        raised_at_ms=now_ms,
        categories=categories_of(rule.scope, person, has_target=bool(own)),
        targets=own,
        is_late=now_ms - observation.t_ms > rule.max_age_ms,
    )


def words_of(rule: Rule, observation: Observation) -> dict[str, str]:
    """Value and limit side by side in the unit as sent: "182/96" and "180/110"."""
    metric = observation.metric
    unit = observation.unit or metric.unit
    mark = {None: "", "below-range": "<", "above-range": ">"}[observation.flag]
    values, limits = [], []
    for condition in rule.any_of:
        own_unit = unit_of(metric, observation.unit, condition.component)
        stored = observation.values.get(condition.component)
        values.append("–" if stored is None else text(own_unit, said(metric, own_unit, stored)))
        limits.append(text(own_unit, limit_in(metric, own_unit, condition.limit)))
    return {"value": mark + "/".join(values), "limit": "/".join(limits), "unit": unit.label if unit else ""}


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
