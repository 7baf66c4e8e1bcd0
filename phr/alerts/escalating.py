"""Calls others to an alert that nobody has seen: chosen contacts, the family, the team. By lease, so nobody twice.

A step is told first and put down second; broken off in between it is told again under the same keys, which tells
nothing. Who is called must have a right, at that moment, to see all that the alert is made of.
"""

from __future__ import annotations

from phr.alerts import carers, store, telling
from phr.alerts.courses import CRISIS, RECOVER, Step, courses
from phr.alerts.episode import Episode, steps_left, with_step
from phr.database import Database
from phr.people import processing
from phr.people.people import find as find_person


def escalate_one(database: Database, now_ms: int) -> bool:
    """What is due for one alert; False where nothing is."""
    one = store.claim(database, "next_ms", now_ms)
    if one is None:
        return False
    take_steps(database, one, now_ms)
    return True


def take_steps(database: Database, one: Episode, now_ms: int) -> None:
    """All that is due for it now; safe to repeat."""
    due = [step for at_ms, step in steps_left(one, courses()) if at_ms <= now_ms]
    for step in due:
        _take(database, one, step, now_ms)

    def done(known: Episode) -> Episode:
        if known.level_ms != one.level_ms:
            return known  # it has risen since, and its steps begin anew
        for step in due:
            known = with_step(known, step, now_ms)
        return known

    store.change(database, one.person, one.id, done)


def _take(database: Database, one: Episode, step: Step, now_ms: int) -> None:
    if step == "team":
        return  # it stands in the team's panel from now on; nobody is woken for it
    person = find_person(database, one.person)
    if person is None or processing.is_unevaluated(person):
        return
    among = carers.family(database, one.person, now_ms) if step == "relatives" else _chosen(database, one)
    who = carers.who_may_see(database, one.person, among, one.categories, now_ms)
    telling.call(database, one, step, carers.awake(database, one, who, now_ms), now_ms)


def _chosen(database: Database, one: Episode) -> tuple[str, ...]:
    chosen, kind = carers.contacts(database, one.person), courses().of(one.rule).kind
    if kind == CRISIS:
        return chosen.crisis
    return (kind == RECOVER and chosen.low_glucose) or chosen.emergency
