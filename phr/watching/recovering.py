"""Looks whether what an alert was of is over: readings that are back within the limit, or a week without another.

Two readings end an episode, as two begin one (standards sheet, 1.7); of low sugar one does, which is what was asked
for. A claim is a lease, and to look twice does no harm.
"""

from __future__ import annotations

from phr.alerts import store, telling
from phr.alerts.courses import RECOVER, courses
from phr.alerts.episode import Ending, Episode, ended
from phr.care.evaluate import counts, holds, targeted
from phr.care.observation import PersonFacts
from phr.care.rule import Rules
from phr.database import Database
from phr.people import people
from phr.plans.facts import facts_of_many
from phr.recording import lately
from phr.watching.episodes import FORGOTTEN_AFTER_MS

BACK, BACK_FROM_LOW = 2, 1
# Our own choice, not clinical: what nobody has looked at of these levels, or somebody has, is over after a week.
OVER_AFTER_MS = 7 * 24 * 3_600_000
CAN_WAIT = 2
OVER_WINDOWS_AFTER_MS = FORGOTTEN_AFTER_MS  # what a rule over a window has found ends with its finding, or then
_AHEAD_MS = 10 * 60_000


def look_one(database: Database, rules: Rules, now_ms: int) -> bool:
    """One open alert whose time to be looked at has come; False where there is none."""
    one = store.claim(database, "look_ms", now_ms)
    if one is None:
        return False
    how = _ending(database, one, rules, now_ms)
    if how is None:
        store.looked(database, one, now_ms)
    else:
        # What came in the meantime may have made it worse: then it is looked at again.
        seen = one.readings
        left = store.change(
            database,
            one.person,
            one.id,
            lambda known: ended(known, how, now_ms) if known.readings == seen else known,
        )
        if not left.is_open:
            telling.stand_down(database, left, now_ms)
    return True


def _ending(database: Database, one: Episode, rules: Rules, now_ms: int) -> Ending | None:
    if _is_back(database, one, rules, now_ms):
        return "back-within"
    is_looked_after = one.level <= CAN_WAIT or bool(one.acknowledged)
    rule = rules.get(one.rule)
    after_ms = OVER_WINDOWS_AFTER_MS if rule is not None and rule.window is not None else OVER_AFTER_MS
    return "passed" if is_looked_after and now_ms - one.received_ms > after_ms else None


def _is_back(database: Database, one: Episode, rules: Rules, now_ms: int) -> bool:
    """Of a rule that looks at one reading; what a rule over a window has found ends with its finding."""
    shipped, person = rules.get(one.rule), people.find(database, one.person)
    if shipped is None or shipped.window is not None or person is None:
        return False
    facts = facts_of_many(database, {person.id: person}, now_ms).get(person.id, PersonFacts())
    rule = targeted(shipped, facts)
    since_ms = max(met.t_ms for met in one.readings) + 1
    later = lately.readings(database, person, rule.metric, (since_ms, now_ms + _AHEAD_MS))
    looked_at = [seen for seen in later if counts(rule, seen)]
    wanted = BACK_FROM_LOW if courses().of(one.rule).kind == RECOVER else BACK
    last = looked_at[-wanted:]
    return len(last) == wanted and not any(holds(rule, seen) for seen in last)
