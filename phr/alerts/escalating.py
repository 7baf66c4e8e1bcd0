"""Calls others to an alert that nobody has seen: chosen contacts, the family, the team. By lease, so nobody twice.

A step is told first and put down second; broken off in between it is told again under the same keys, which tells
nothing. Who is called must have a right, at that moment, to see all that the alert is made of.
"""

from __future__ import annotations

from phr.alerts import carers, store, telling
from phr.alerts.courses import CRISIS, RECOVER, Step, courses
from phr.alerts.episode import WAITING, Episode, steps_left, with_step
from phr.clock import DAY_MS
from phr.database import Database
from phr.people import grants, hours, organisations, processing
from phr.people.grants import FAMILY_DOCTOR
from phr.people.organisations import Team
from phr.people.people import find as find_person

WAITS_MS = 3 * DAY_MS  # level 2 is "within 72 hours" (standards sheet, 1.7)


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
    person = find_person(database, one.person)
    if person is None or processing.is_unevaluated(person):
        return
    if step == "team":
        telling.call_team(database, one, _professionals(database, one, now_ms), now_ms)
        return
    among = carers.family(database, one.person, now_ms) if step == "relatives" else _chosen(database, one)
    who = carers.who_may_see(database, one.person, among, one.categories, now_ms)
    telling.call(database, one, step, carers.awake(database, one, who, now_ms), now_ms)


def _professionals(database: Database, one: Episode, now_ms: int) -> dict[str, int]:
    """Family doctors and their teams who may see it, with when they work next: it stands in their panel anyway, and
    nobody is woken for it. Of a crisis the doctor on duty alone; where none is who may see it, all doctors.
    """
    opens: dict[str, int] = {}
    duty: dict[str, int] = {}
    for grant in grants.of_kind(database, one.person, FAMILY_DOCTOR, now_ms):
        team = organisations.find_team(database, grant.grantee.removeprefix(organisations.TEAM))
        members = organisations.people_of_team(database, team.id) if team else [grant.grantee]
        opens_ms = _opens_ms(team, one, now_ms)
        for person in members:
            opens[person] = min(opens.get(person, opens_ms), opens_ms)
        for person, shifts in (organisations.duty_of_team(database, team.id, now_ms) if team else {}).items():
            opens_ms = hours.opens_ms(shifts, team.zone if team else organisations.CLOCK, now_ms)
            duty[person] = min(duty.get(person, opens_ms), opens_ms)
    seeing = carers.who_may_see(database, one.person, opens, one.categories, now_ms)
    awake = carers.awake(database, one, seeing, now_ms)
    if courses().of(one.rule).kind != CRISIS:
        return {person: opens[person] for person in awake}
    on_duty = {person: duty[person] for person in awake if person in duty}
    if on_duty:
        first = min(on_duty.values())
        return {person: opens_ms for person, opens_ms in on_duty.items() if opens_ms == first}
    nurses = organisations.nurses_among(database, awake)
    return {person: opens[person] for person in awake if person not in nurses}


def _opens_ms(team: Team | None, one: Episode, now_ms: int) -> int:
    """When those are told who work in a team, or for themselves: what can wait comes together."""
    shifts, zone = (team.shifts, team.zone) if team else ((), organisations.CLOCK)
    if one.level <= WAITING:
        return hours.gathers_ms(shifts, zone, now_ms, one.level_ms + WAITS_MS)
    return hours.opens_ms(shifts, zone, now_ms)


def _chosen(database: Database, one: Episode) -> tuple[str, ...]:
    chosen, kind = carers.contacts(database, one.person), courses().of(one.rule).kind
    if kind == CRISIS:
        return chosen.crisis
    return (kind == RECOVER and chosen.low_glucose) or chosen.emergency
