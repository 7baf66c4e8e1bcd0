"""Takes in what rules have found: each into its episode, and what opens one or makes it worse is told.

Safe to run again from the top: a reading belongs to one episode of its rule, and is told under a key of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from phr.alerts import carers, episode, escalating, measuring_again, store, telling
from phr.alerts.courses import CONFIRM, courses
from phr.alerts.episode import CALL_120, Episode
from phr.database import Database
from phr.errors import ServerUnavailable
from phr.notices import outbox
from phr.notices.outbox import Raising
from phr.vocabulary.alert import Alert


def take(database: Database, found: Iterable[Alert], now_ms: int) -> None:
    """Stored, told, and who is to be called at once is called. Raises pymongo's errors where nothing is certain."""
    by_rule: defaultdict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in found:
        by_rule[alert.person, alert.rule].append(alert)
    touched: list[Episode] = []
    raisings: list[Raising] = []
    asking: list[Alert] = []
    for (person, rule), alerts in by_rule.items():
        episodes = _settled(database, person, rule, sorted(alerts, key=lambda one: one.t_ms), now_ms)
        told = list(_raisings(database, alerts, episodes, now_ms))
        touched += episodes
        raisings += told
        asking += _asking(rule, told, episodes)
    outbox.raise_all(database, raisings)
    measuring_again.ask(database, asking, now_ms)
    for one in touched:
        if any(at_ms <= now_ms for at_ms, _ in episode.steps_left(one, courses())):
            escalating.take_steps(database, one, now_ms)


def withdraw(database: Database, person: str, keys: Sequence[str], now_ms: int) -> None:
    """Where readings with these notices were taken out of the record; safe to repeat."""
    for one in store.of_readings(database, person, keys) if keys else ():
        left = store.change(database, person, one.id, lambda known: episode.without(known, keys, now_ms))
        if left.ended and left.ended.how == "withdrawn":
            telling.take_back(database, left, now_ms)
        elif left.is_open and not left.is_late:
            outbox.unquiet(database, [met.key for met in left.readings if met.role == "opened" and not met.is_gone])


def reinstate(database: Database, person: str, keys: Sequence[str]) -> None:
    """Where they are in it again. One whose rule has another open one by now stays withdrawn."""
    for one in store.of_readings(database, person, keys) if keys else ():
        store.put(database, one, episode.given_back(one, keys))


def over(database: Database, person: str, rules: Iterable[str], now_ms: int) -> None:
    """What these rules had found is not so any more; safe to repeat."""
    for rule in rules:
        for one in store.of_rules(database, person, rule, ()):
            left = store.change(database, person, one.id, lambda known: episode.ended(known, "back-within", now_ms))
            telling.stand_down(database, left, now_ms)


def _asking(rule: str, told: Iterable[Raising], episodes: Iterable[Episode]) -> list[Alert]:
    """Of a rule that waits for a second reading the first ones."""
    if courses().of(rule).kind != CONFIRM:
        return []
    first = {met.key for one in episodes for met in one.readings if met.role == "opened"}
    return [one.alert for one in told if one.is_told and one.alert.key in first]


def _settled(database: Database, person: str, rule: str, alerts: Sequence[Alert], now_ms: int) -> list[Episode]:
    """The episodes that these readings belong to, stored."""
    for _ in range(store.TRIES):
        known = store.of_rules(database, person, rule, [one.key for one in alerts])
        before = {one.id: one for one in known}
        after = dict(before)
        for alert in alerts:
            _put_into(after, alert, now_ms)
        if all(
            store.put(database, before[name], one) if name in before else store.insert(database, one)
            for name, one in after.items()
        ):
            return list(after.values())
    raise ServerUnavailable("too many change the alerts of one person at once")


def _put_into(known: dict[str, Episode], alert: Alert, now_ms: int) -> None:
    course = courses().of(alert.rule)
    going_on = next((one for one in known.values() if one.is_open), None)
    if any(one.has(alert.key) for one in known.values() if one is not going_on):
        return
    one = episode.with_reading(going_on, alert, course, now_ms) if going_on else episode.opened(alert, course, now_ms)
    known[one.id] = one


def _raisings(
    database: Database, alerts: Sequence[Alert], episodes: Sequence[Episode], now_ms: int
) -> Iterable[Raising]:
    """What each reading's notice is: told, or kept with its episode alone."""
    person, rule = alerts[0].person, alerts[0].rule
    is_snoozed = rule in carers.snoozed(database, person, person, now_ms)
    by_key = {met.key: (one, met.role) for one in episodes for met in one.readings}
    for alert in alerts:
        one, role = by_key.get(alert.key, (None, "more"))  # beyond what an episode keeps of its readings
        is_silent = alert.is_late or (is_snoozed and (one is None or one.level < CALL_120))
        if role == "again":
            zh, en = courses().of(rule).again
            yield Raising(replace(alert, message_zh=f"{zh}{alert.message_zh}", message_en=f"{en} {alert.message_en}"),
                          is_told=not is_silent)  # fmt: skip
        else:
            yield Raising(alert, is_told=role == "opened" and not is_silent, is_entered=role == "opened")
