"""Whose eyes a plan or a target is for: that of care, and what the disease it is about is sensitive by."""

from __future__ import annotations

from functools import cache

from phr.care.codes import codes
from phr.care.programme import Programme
from phr.care.rules import rules
from phr.timeline.sensitive import sensitive_of

CARE = "care"


def of_programme(programme: Programme) -> tuple[str, ...]:
    """What one must be allowed to see to be told of somebody's plan in this programme."""
    return of_words((programme.diagnosis,))


@cache
def of_rule(rule_id: str) -> tuple[str, ...]:
    """What one must be allowed to see to be told of somebody's target of this rule, and of the programme it is of."""
    rule = rules().get(rule_id)
    words = rule.scope.diagnosis if rule else ()
    return of_words((*words, *(one.diagnosis for one in rules().programmes if rule_id in one.rules)))


@cache
def of_metric(metric: str) -> tuple[str, ...]:
    """As ``of_rule`` for the goal of a metric: of all the rules that look at it."""
    found = {word for rule in rules().all if rule.metric.key == metric for word in of_rule(rule.id)}
    return tuple(sorted({CARE} | found)) if _is_of_one_kind(metric) else (CARE,)


def of_target(name: str) -> tuple[str, ...]:
    """Of a target by its name."""
    kind, _, rest = name.partition(".")
    return (of_rule if kind == "rule" else of_metric)(rest.partition(".")[0])


def _is_of_one_kind(metric: str) -> bool:
    """True for a metric that only sensitive programmes look at: a goal of it tells of them."""
    looking = [rule.id for rule in rules().all if rule.metric.key == metric]
    return bool(looking) and all(len(of_rule(one)) > 1 for one in looking)


def of_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """What one must be allowed to see to be told that somebody is cared for by these words of scopes."""
    found = {CARE}
    for word in words:
        for prefix in codes().diagnoses.get(word, ()):
            found |= set(sensitive_of("icd-10", prefix))
    return tuple(sorted(found))
