"""How somebody keeps to what was planned: days without a reading that a plan asks for, medicines that were taken.

Both are states and no alarms: the panel shows them, and something to read may suit them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from phr.clock import DAY_MS, to_datetime
from phr.database import Database
from phr.people.people import Person
from phr.plans.plans import Plan
from phr.plans.preparing import REGULAR_PERCENT
from phr.readings.latest import latest
from phr.reminders import adherence, ledger
from phr.vocabulary.metrics import vocabulary

SILENT_DAYS = 14  # our own choice
ADHERENCE_DAYS, LEAST_SETTLED = 30, 10


@dataclass(frozen=True, slots=True)
class Silence:
    days: int
    metrics: frozenset[str]  # that were asked for


def today_of(person: Person, now_ms: int) -> date:
    return to_datetime(now_ms, person.offset_min_at(now_ms)).date()


def silence(database: Database, person: Person, active: Sequence[Plan], now_ms: int) -> Silence | None:
    """Of who is to measure something by a plan that is old enough, and has measured nothing of it for two weeks."""
    today = today_of(person, now_ms)
    old = [plan for plan in active if plan.measuring and (today - plan.starts_on).days >= SILENT_DAYS]
    if not old:
        return None
    asked = frozenset(one.metric for plan in old for one in plan.measuring)
    metrics = {key: metric for key, metric in vocabulary().metrics.items() if key in asked}
    last_ms = max((one.t_ms for one in latest(database, person.id, metrics)), default=None)
    begun = max(plan.starts_on for plan in old)
    days = (today - begun).days if last_ms is None else (now_ms - last_ms) // DAY_MS
    return Silence(days, asked) if days >= SILENT_DAYS else None


def irregular_percent(database: Database, person: Person, now_ms: int) -> float | None:
    """The share of medicines taken in 30 days where that is not regular; None where it is, or too few are settled."""
    found = ledger.of_person(database, person.id, now_ms - ADHERENCE_DAYS * DAY_MS, now_ms)
    total = adherence.of(one for one in found if one.kind == "medication").total
    percent = total.done_percent
    is_missed = percent is not None and total.settled >= LEAST_SETTLED and percent < REGULAR_PERCENT
    return percent if is_missed else None
