"""One sentence on what a single value means: which line of the rules it has crossed, or that it crossed none. Pure.

Only rules that ask for no diagnosis, medicine or pregnancy speak here, so that the sentence tells of the reading alone;
and only those that are active. It is never a diagnosis: a line, the value, where the line is from.
"""

from __future__ import annotations

from dataclasses import dataclass

from phr.care.compare import condition_holds
from phr.care.evaluate import counts, source_words, speaks_to, targeted, targets_of, words_of
from phr.care.observation import Observation, PersonFacts
from phr.care.rule import Comparison, Pregnancy, Rule, Rules, Statistic

PERSON = "person"
_SIGNS = {Comparison.AT_LEAST: "≥", Comparison.ABOVE: ">", Comparison.AT_MOST: "≤", Comparison.BELOW: "<"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """``crossed``: the rule whose line it has crossed; None: none of the lines there are."""

    crossed: str | None
    zh: str
    en: str
    source: str
    reviewed: bool


def meaning(rules: Rules, observation: Observation, facts: PersonFacts) -> Meaning | None:
    """None where no rule has a line for a single reading of this metric and this person."""
    metric = observation.metric
    speaking = [
        targeted(rule, facts)
        for rule in rules.all
        if rule.metric.key == metric.key and rule.is_active and _is_plain(rule)
        if speaks_to(rule.scope, facts, observation.t_ms) and counts(rule, observation)
    ]
    if not speaking:
        return None
    own = {rule.id for rule in speaking if targets_of(rule, facts)}
    crossed = [rule for rule in speaking if any(condition_holds(one, observation) for one in rule.any_of)]
    if crossed:
        gravest = max(crossed, key=lambda rule: rule.severity)
        source_zh, source_en = source_words(gravest, has_target=gravest.id in own)
        words = words_of(gravest, observation)
        zh = gravest.message_zh.format(**words, source=source_zh)
        en = gravest.message_en.format(**words, source=source_en)
        return Meaning(gravest.id, zh, en, gravest.source.citation, bool(gravest.reviewed_by))
    speaking.sort(key=lambda rule: rule.severity)
    lines = dict.fromkeys(_line(rule, observation) for rule in speaking)
    sources = dict.fromkeys(source_words(rule, has_target=rule.id in own) for rule in speaking)
    zh = f"没有达到单次测量的提醒线：{'、'.join(lines)}（{'；'.join(zh for zh, _ in sources)}）。"
    en = f"Not beyond a line for a single reading: {', '.join(lines)} ({'; '.join(en for _, en in sources)})."
    citations = "; ".join(dict.fromkeys(rule.source.citation for rule in speaking))
    return Meaning(None, zh, en, citations, all(rule.reviewed_by for rule in speaking))


def _line(rule: Rule, observation: Observation) -> str:
    """ "≥180/110 mmHg", "<3.9 mmol/L"."""
    words = words_of(rule, observation)
    return f"{_SIGNS[rule.any_of[0].op]}{words['limit']} {words['unit']}".strip()


def _is_plain(rule: Rule) -> bool:
    scope = rule.scope
    asks = bool(scope.diagnosis or scope.medication) or scope.pregnancy is Pregnancy.PREGNANT
    is_of_one = rule.window is None or rule.window.statistic is Statistic.LAST
    return is_of_one and scope.audience == PERSON and not asks
