"""What a resident needs, read from where it is kept: alerts, plans, visits, tasks, adherence, days of silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from phr.alerts.episode import Episode
from phr.care.followup import Class
from phr.database import Database
from phr.panel.needs import Need
from phr.people.people import Person
from phr.plans import keeping, plans, tasks, visits
from phr.plans.keeping import today_of
from phr.plans.plans import ACTIVE, Plan, programme_of
from phr.vocabulary.metrics import vocabulary

AHEAD = timedelta(days=7)  # what is due within a week is worth an appointment: our own choice
_LEVELS = {1: "early-warning", 2: "alert-soon", 3: "alert-today", 4: "emergency"}
_EMERGENCY = 3
_READINGS, _CARE, _ADHERENCE = ("readings",), ("care",), ("care", "medications")

ByOrganisation = Mapping[str, list[Need]]


def needs_of(
    database: Database, person: Person, organisations: Iterable[str], alerts: Sequence[Episode], now_ms: int
) -> tuple[dict[str, list[Need]], dict[str, list[str]]]:
    """By organisation: what the resident needs of it, and the programmes that they are enrolled in there."""
    known = [one for one in plans.of_person(database, person.id) if one.state == ACTIVE]
    open_tasks = [one for one in tasks.of_people(database, [person.id]) if one.state == tasks.OPEN]
    today = today_of(person, now_ms)
    common = [*_of_alerts(alerts), *_of_silence(database, person, known, now_ms)]
    common += _of_medicines(database, person, now_ms)
    needs: dict[str, list[Need]] = {}
    programmes: dict[str, list[str]] = {}
    for name in sorted({*organisations, *(one.organisation for one in known)}):
        own = [one for one in known if one.organisation == name]
        needs[name] = [*common, *_of_tasks(one for one in open_tasks if one.organisation == name)]
        for plan in own:
            needs[name] += _of_plan(database, plan, today)
        programmes[name] = sorted({one.programme for one in own})
    return needs, programmes


def _of_alerts(alerts: Iterable[Episode]) -> Iterable[Need]:
    for one in alerts:
        code = "late-emergency" if one.is_late and one.severity >= _EMERGENCY else _LEVELS[one.level]
        if one.is_open and not (one.is_late and code != "late-emergency"):
            yield Need(code, one.categories, {"what": _of_metric(one.metric)})


def _of_metric(key: str) -> tuple[str, str]:
    metric = vocabulary().metrics.get(key)
    return (metric.zh, metric.en) if metric else (key, key)


def _of_tasks(found: Iterable[tasks.Task]) -> Iterable[Need]:
    for one in found:
        day = one.due_on.isoformat()
        yield Need("urgent-task" if one.is_urgent else "task", one.categories or _CARE, {"on": (day, day)})


def _of_plan(database: Database, plan: Plan, today: date) -> Iterable[Need]:
    programme = programme_of(plan.programme)
    what = {"programme": (programme.zh, programme.en)}
    done = [one for one in visits.of_plan(database, plan) if one.done is not None]
    last = [one.done.outcome for one in done[-2:] if one.done]
    categories = tuple(sorted({*_CARE, *(done[-1].categories if done else ())}))
    if last[-1:] == [Class.UNCONTROLLED]:
        twice = last == [Class.UNCONTROLLED] * 2
        yield Need("twice-uncontrolled" if twice else "uncontrolled", categories, what)
    elif last and last[-1] in (Class.ADVERSE_REACTION, Class.COMPLICATION):
        yield Need("reaction-or-complication", categories, what)
    due_on = visits.due_on(database, plan, today)
    if due_on is not None and due_on < today:
        days = str((today - due_on).days)
        yield Need("overdue", _CARE, what | {"days": (days, days)})
    elif due_on is not None and due_on <= today + AHEAD:
        yield Need("due", _CARE, what | {"on": (due_on.isoformat(),) * 2})


def _of_silence(database: Database, person: Person, known: Sequence[Plan], now_ms: int) -> Iterable[Need]:
    found = keeping.silence(database, person, known, now_ms)
    if found is not None:
        yield Need("silent", _READINGS, {"days": (str(found.days),) * 2})


def _of_medicines(database: Database, person: Person, now_ms: int) -> Iterable[Need]:
    percent = keeping.irregular_percent(database, person, now_ms)
    if percent is not None:
        days = str(keeping.ADHERENCE_DAYS)
        yield Need("not-adherent", _ADHERENCE, {"days": (days,) * 2, "percent": (f"{percent:g}",) * 2})
