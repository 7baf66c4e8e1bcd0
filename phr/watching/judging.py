"""Judges the rules over a window for people whose readings have changed, and raises what they find once an episode.

Any number of judges may run and any of them may be killed anywhere: who is due is claimed by lease, an episode is
stored before it is told, telling is keyed by it, and only then is the person done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from phr.alerts import raising
from phr.care.evaluate import speaks_to
from phr.care.observation import PersonFacts
from phr.care.rule import Rule, Rules
from phr.care.windows import Finding, judge_or_not
from phr.database import Database
from phr.people import people, processing
from phr.people.people import Person
from phr.plans.facts import facts_of_many, with_height
from phr.recording import lately
from phr.watching import episodes, watches
from phr.watching.gathering import rules_over_windows
from phr.watching.watches import EVERYTHING, Watch

AT_ONCE = 50
_AHEAD_MS = 10 * 60_000


@dataclass(frozen=True, slots=True)
class _Judged:
    watch: Watch
    asked: frozenset[str]
    found: tuple[Finding, ...]


def judge_some(database: Database, rules: Rules, now_ms: int) -> bool:
    """Some who are due; True where there were any."""
    claimed = watches.claim(database, AT_ONCE, now_ms)
    if not claimed:
        return False
    by_metric = rules_over_windows(rules)
    known = people.find_many(database, [one.person for one in claimed])
    facts = facts_of_many(database, known, now_ms)
    judged = [
        _judged(database, one, known.get(one.person), (facts.get(one.person, PersonFacts()), by_metric), now_ms)
        for one in claimed
    ]
    now_open = {
        one.watch.person: episodes.opened(one.watch.open, one.asked, {finding.rule.id for finding in one.found}, now_ms)
        for one in judged
    }
    before = {one.person: one.open for one in claimed}
    watches.set_open(database, {person: some for person, some in now_open.items() if some != before[person]})
    alerts = [alert for one in judged for alert in episodes.alerts(one.found, now_open[one.watch.person], now_ms)]
    if alerts:
        raising.take(database, alerts, now_ms)
    for person, some in now_open.items():
        if gone := before[person].keys() - some.keys():
            raising.over(database, person, sorted(gone), now_ms)
    watches.set_judged(database, claimed, now_ms)
    watches.forget(database, [one.person for one in claimed if one.person not in known])
    return True


def _judged(
    database: Database,
    watch: Watch,
    person: Person | None,
    asking: tuple[PersonFacts, Mapping[str, tuple[Rule, ...]]],
    now_ms: int,
) -> _Judged:
    """Of nobody, or of one who does not want to be judged by rules, nothing is found."""
    if person is None or processing.is_unevaluated(person):
        return _Judged(watch, frozenset(), ())
    facts, by_metric = asking
    metrics = by_metric.keys() if EVERYTHING in watch.metrics else watch.metrics & by_metric.keys()
    asked: set[str] = set()
    found: list[Finding] = []
    for metric in sorted(metrics):
        rules = by_metric[metric]
        if facts.height_cm is None and any(rule.window and rule.window.predicate for rule in rules):
            facts = with_height(database, person.id, facts)
        findings, unjudged = _findings(database, person, rules, facts, now_ms)
        asked |= {rule.id for rule in rules} - unjudged
        found += findings
    return _Judged(watch, frozenset(asked), tuple(found))


def _findings(
    database: Database, person: Person, rules: tuple[Rule, ...], facts: PersonFacts, now_ms: int
) -> tuple[list[Finding], frozenset[str]]:
    """Of the rules on one metric that are for the person; readings are read once, over the longest of the windows.

    And those of them that have not enough to judge.
    """
    rules = tuple(rule for rule in rules if speaks_to(rule.scope, facts, now_ms))
    if not rules:
        return [], frozenset()
    spans = [rule.window.span_ms for rule in rules if rule.window]
    seen = lately.readings(database, person, rules[0].metric, (now_ms - max(spans), now_ms + _AHEAD_MS))
    found, unjudged = judge_or_not(rules, seen, facts, now_ms)
    return [replace(one, person=person.id) for one in found if now_ms - one.last_ms <= one.rule.max_age_ms], unjudged
