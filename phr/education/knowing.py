"""What is known of a person that speaks for an article, read from where it is kept."""

from __future__ import annotations

from collections.abc import Mapping

from phr.alerts import store
from phr.care.evaluate import speaks_to
from phr.care.observation import PREGNANCY, PersonFacts
from phr.care.rule import Rules
from phr.clock import DAY_MS, age_on, to_datetime
from phr.database import Database
from phr.education import mornings
from phr.education.article import LANGUAGES
from phr.education.matching import Known, Sign, table
from phr.people import processing
from phr.people.people import Person
from phr.plans import keeping, plans
from phr.plans.facts import facts_of
from phr.recording import lately

HAPPENED_MS = 14 * DAY_MS  # an alert of so long ago still concerns
_WITHDRAWN = "withdrawn"
SILENCE, ADHERENCE = frozenset({"readings", "care"}), frozenset({"medications", "care"})


def known_of(database: Database, person: Person, rules: Rules, now_ms: int) -> Known:
    """Nothing but age and sex of somebody who has refused to be evaluated by rules.

    ``rules``: as the installation's clinicians have signed them.
    """
    today = to_datetime(now_ms, person.offset_min_at(now_ms)).date()
    age = age_on(person.birth_on, today) if person.birth_on else None
    if processing.is_unevaluated(person):
        return Known(age=age, sex=person.sex)
    facts = facts_of(database, [person.id], now_ms).get(person.id, PersonFacts())
    alerts = store.since(database, [person.id], now_ms - HAPPENED_MS)
    return Known(
        conditions={word: facts.categories.get(word, frozenset()) for word in facts.diagnoses or ()},
        rules={one.rule: frozenset(one.categories) for one in alerts if not one.ended or one.ended.how != _WITHDRAWN},
        mornings=_mornings(database, person, facts, rules, now_ms),
        keeping=_keeping(database, person, now_ms),
        age=age,
        sex=person.sex,
        pregnancy=facts.categories[PREGNANCY] if facts.is_pregnant else None,
    )


def _mornings(database: Database, person: Person, facts: PersonFacts, rules: Rules, now_ms: int) -> dict[str, Sign]:
    found = {}
    for name in sorted({one.when.mornings for one in table().matches if one.when.mornings}):
        rule = rules.get(name)
        if rule is None or not rule.is_active or not speaks_to(rule.scope, facts, now_ms):
            continue
        between = (now_ms - (mornings.WITHIN_DAYS + 1) * DAY_MS, now_ms + 1)
        series = lately.readings(database, person, rule.metric, between)
        said = mornings.beyond(rule, series, facts, person.offset_min_at, now_ms)
        if said is not None:
            found[name] = said
    return found


def _keeping(database: Database, person: Person, now_ms: int) -> dict[str, Sign]:
    found = {}
    active = [one for one in plans.of_person(database, person.id) if one.state == plans.ACTIVE]
    silent = keeping.silence(database, person, active, now_ms)
    if silent is not None:
        found["silent"] = _sign(SILENCE, {"days": str(silent.days)})
    percent = keeping.irregular_percent(database, person, now_ms)
    if percent is not None:
        words = {"days": str(keeping.ADHERENCE_DAYS), "percent": f"{percent:g}"}
        found["medicines-missed"] = _sign(ADHERENCE, words)
    return found


def _sign(categories: frozenset[str], words: Mapping[str, str]) -> Sign:
    """Numbers are written alike in every language."""
    return Sign(categories, dict.fromkeys(LANGUAGES, words))
