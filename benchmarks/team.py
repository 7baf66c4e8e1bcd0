"""What reaches a team from 2,000 residents in 90 days, with every rule signed and nobody who acknowledges anything.

Simulated: 600 residents with hypertension (two pressures a day in one week of four, one on two mornings of the
others), 200 with type 2 diabetes (fasting sugar on three mornings a week), 600 who wear a watch (resting heart rate
each night), 200 with an oximeter (each night), 600 who weigh themselves weekly. How high these people are and how
much they vary is ours, said in HABITS, and no clinical statement. A single alert is an episode that comes to the
team's turn and is told by itself; what can wait comes together as a day of work begins (phr/people/hours.py) and counts
as one. What ends before, or is only for the person, does not reach it. A rise of resting heart rate is
`early_warning`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from benchmarks import Figure, note
from phr.alerts import episode
from phr.alerts.courses import courses
from phr.alerts.episode import Episode
from phr.alerts.escalating import WAITS_MS
from phr.care.evaluate import counts, evaluate, holds
from phr.care.observation import Observation, PersonFacts
from phr.care.rule import Rule, Rules
from phr.care.rules import rules
from phr.care.windows import judge_or_not
from phr.clock import DAY_MS, HOUR_MS
from phr.people import hours
from phr.people.organisations import CLOCK
from phr.vocabulary.alert import Alert
from phr.vocabulary.metrics import vocabulary
from phr.watching import episodes
from phr.watching.gathering import rules_over_windows

FIGURES = ("team_single_alerts_per_day", "team_single_alerts_busiest_day", "team_alerts_together_per_day")

RESIDENTS, DAYS, BEFORE = 2_000, 90, 14
MORNING_MS = 7 * 3_600_000
BEGIN_MS = 1_790_000_000_000 // DAY_MS * DAY_MS
READINGS_BACK = 2
OFFSET_MS = 8 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Habit:
    """Of people of one sort: how many they are, their own mean and its spread, their spread from day to day."""

    metric: str
    people: int
    diagnosis: str | None
    means: tuple[tuple[str, float, float, float], ...]  # component, mean, spread between, spread within
    days: tuple[int, ...]  # of 28
    times: tuple[int, ...] = (0,)  # hours after seven
    context: str | None = None


PROTOCOL = tuple(range(7))
MORNINGS = tuple(day for day in range(28) if day % 7 in (0, 2, 4))
PRESSURES = (("systolic", 129.0, 9.0, 8.0), ("diastolic", 78.0, 6.0, 5.0))
HABITS = (
    Habit("blood-pressure", 600, "hypertension", PRESSURES, PROTOCOL, (0, 12)),
    Habit("blood-pressure", 600, "hypertension", PRESSURES, (8, 11, 15, 18, 22, 25)),
    Habit("glucose-capillary", 200, "type-2-diabetes", (("", 6.6, 0.8, 0.7),), MORNINGS, context="fasting"),
    Habit("resting-heart-rate", 600, None, (("", 64, 7, 2.5),), tuple(range(28))),
    Habit("spo2", 200, None, (("", 97, 0.8, 0.6),), tuple(range(28))),
    Habit("weight", 600, None, (("", 66, 9, 0.4),), (0, 7, 14, 21)),
)


class Reached(NamedTuple):
    """An alert that came to the team's turn, and when it is told."""

    rule: str
    told_ms: int
    can_wait: bool


@dataclass(slots=True)
class Resident:
    """What stands of one: open episodes by rule, what windows have found, readings by metric."""

    facts: PersonFacts
    open: dict[str, Episode] = field(default_factory=dict)
    found: dict[str, tuple[int, int]] = field(default_factory=dict)
    series: dict[str, list[Observation]] = field(default_factory=dict)
    back: Counter[str] = field(default_factory=Counter)


def figures() -> Iterator[Figure]:
    signed = _signed()
    reached = [one for number in range(RESIDENTS) for one in _reached(number, signed)]
    by_rule = Counter(one.rule for one in reached)
    note(f"to the team in {DAYS} days: {dict(by_rule.most_common())}")
    singly = [_day(one.told_ms) for one in reached if not one.can_wait]
    together = {one.told_ms for one in reached if one.can_wait}
    by_day = Counter([*singly, *map(_day, together)])
    note(f"by themselves {len(singly)}, together {len(reached) - len(singly)} in {len(together)} messages")
    yield Figure(FIGURES[0], sum(by_day.values()) / DAYS, "alerts")
    yield Figure(FIGURES[1], max(by_day.values(), default=0), "alerts")
    yield Figure(FIGURES[2], (len(reached) - len(singly)) / DAYS, "alerts")


def _day(told_ms: int) -> int:
    return (told_ms + OFFSET_MS) // DAY_MS


def _signed() -> Rules:
    """The shipped rules as if a clinician had signed each of them."""
    shipped = rules()
    signed = {
        key: tuple(replace(one, reviewed_by="simulated") for one in some) for key, some in shipped.by_metric.items()
    }
    return replace(
        shipped, by_metric=signed, others=tuple(replace(one, reviewed_by="simulated") for one in shipped.others)
    )


def _reached(number: int, signed: Rules) -> Iterator[Reached]:
    """Each alert of this resident that came to the team's turn."""
    chance = np.random.default_rng((3, number))
    mine = [one for one in HABITS if number % RESIDENTS < RESIDENTS and _has(one, number)]
    diagnoses = frozenset(one.diagnosis for one in mine if one.diagnosis)
    one = Resident(PersonFacts(sex="female", diagnoses=diagnoses, is_pregnant=False))
    means = {
        habit: [(name, chance.normal(mean, between), within) for name, mean, between, within in habit.means]
        for habit in mine
    }
    if len(mine) > 1 and mine[0].metric == mine[1].metric:
        means[mine[1]] = means[mine[0]]
    windows = rules_over_windows(signed)
    for day in range(-BEFORE, DAYS):
        fresh = [
            seen
            for habit in mine
            if (day + number) % 28 in habit.days
            for seen in _measured(number, habit, means[habit], day, chance)
        ]
        for seen in fresh:
            one.series.setdefault(seen.metric.key, []).append(seen)
            _by_reading(one, seen, signed)
        now_ms = BEGIN_MS + (day + 1) * DAY_MS
        for metric in {seen.metric.key for seen in fresh} & windows.keys():
            _by_window(one, windows[metric], metric, now_ms)
        for rule, known in list(one.open.items()):
            due = [at_ms for at_ms, step in episode.steps_left(known, courses()) if step == "team" and at_ms <= now_ms]
            if due:
                one.open[rule] = episode.with_step(known, "team", now_ms)
                if day >= 0:
                    yield _told(known, rule, due[0])


def _told(known: Episode, rule: str, due_ms: int) -> Reached:
    can_wait = known.level <= episode.WAITING
    if can_wait:
        return Reached(rule, hours.gathers_ms((), CLOCK, due_ms, known.level_ms + WAITS_MS), can_wait)
    return Reached(rule, hours.opens_ms((), CLOCK, due_ms), can_wait)


def _has(habit: Habit, number: int) -> bool:
    """Spread over the residents, so that some have several."""
    first = {"blood-pressure": 0, "glucose-capillary": 500, "resting-heart-rate": 900, "spo2": 1_400, "weight": 300}[
        habit.metric
    ]
    return 0 <= (number - first) % RESIDENTS < habit.people


def _measured(
    number: int, habit: Habit, means: Sequence[tuple[str, float, float]], day: int, chance: np.random.Generator
) -> Iterator[Observation]:
    metric = vocabulary().metrics[habit.metric]
    for hour in habit.times:
        values = {name: round(chance.normal(mean, within) * metric.scale) for name, mean, within in means}
        if habit.metric == "spo2":
            values = {"": min(values[""], 100 * metric.scale)}
        t_ms = BEGIN_MS + day * DAY_MS + MORNING_MS + hour * 3_600_000
        context = {"meal": habit.context} if habit.context else None
        yield Observation(f"p{number}", metric, "acme/1", 0, t_ms, values, metric.unit, context=context)


def _by_reading(one: Resident, seen: Observation, signed: Rules) -> None:
    alerts = evaluate(signed, [seen], {seen.person: one.facts}, seen.t_ms)
    for alert in alerts:
        _take(one, alert, seen.t_ms)
    raised = {alert.rule for alert in alerts}
    for rule in signed.by_metric.get(seen.metric.key, ()):
        if rule.id in one.open and rule.id not in raised and counts(rule, seen) and not holds(rule, seen):
            one.back[rule.id] += 1
            if one.back[rule.id] >= READINGS_BACK:
                del one.open[rule.id]
    for rule_id in raised:
        one.back[rule_id] = 0


def _by_window(one: Resident, some: tuple[Rule, ...], metric: str, now_ms: int) -> None:
    findings, unjudged = judge_or_not(some, one.series[metric], one.facts, now_ms)
    before = one.found
    one.found = episodes.opened(
        before, {rule.id for rule in some} - unjudged, {finding.rule.id for finding in findings}, now_ms
    )
    for alert in episodes.alerts(findings, one.found, now_ms):
        _take(one, alert, now_ms)
    for rule_id in before.keys() - one.found.keys():
        one.open.pop(rule_id, None)


def _take(one: Resident, alert: Alert, now_ms: int) -> None:
    course, known = courses().of(alert.rule), one.open.get(alert.rule)
    one.open[alert.rule] = (
        episode.with_reading(known, alert, course, now_ms) if known else episode.opened(alert, course, now_ms)
    )
