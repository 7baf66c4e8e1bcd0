"""Whether somebody's last mornings were beyond a rule's line. Pure.

A mean of a morning is compared as the rule over a window compares its own: in the unit as sent where all readings share
one, with the limit that a doctor has set for the person in place of the rule's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

from phr.care import windows
from phr.care.evaluate import source_words, targeted
from phr.care.observation import Observation, PersonFacts
from phr.care.rule import Rule, Statistic, Window
from phr.clock import DAY_MS, to_datetime
from phr.education.matching import Sign

# Our own choice, not clinical: what a morning is, how many of them, and over how many days at most.
FROM_HOUR, UNTIL_HOUR = 4, 10
MORNINGS, WITHIN_DAYS = 3, 7
_A_MORNING = Window(DAY_MS, Statistic.MEAN, None, (), readings=1, days=1, coverage=0.0)


def beyond(
    rule: Rule, series: Iterable[Observation], person: PersonFacts, offset_at: Callable[[int], int], now_ms: int
) -> Sign | None:
    """What the last three mornings with readings say, those of the last seven days; None where one of them was not.

    ``offset_at``: minutes from UTC of the person's clock at an instant. None, too, where the rule may not speak or is
    not for the person.
    """
    by_day: dict[date, list[Observation]] = defaultdict(list)
    for one in series:
        local = to_datetime(one.t_ms, offset_at(one.t_ms))
        if FROM_HOUR <= local.hour < UNTIL_HOUR:
            by_day[local.date()].append(one)
    last = sorted(by_day)[-MORNINGS:]
    today = to_datetime(now_ms, offset_at(now_ms)).date()
    if len(last) < MORNINGS or (today - last[0]).days >= WITHIN_DAYS:
        return None
    of_a_morning = replace(rule, window=_A_MORNING)
    found = [windows.judge(of_a_morning, by_day[day], person, max(one.t_ms for one in by_day[day])) for day in last]
    if not all(found) or found[-1] is None:
        return None
    shown = targeted(rule, person)
    unit = rule.metric.unit
    words = {"mornings": str(MORNINGS), "limit": "/".join(f"{one.limit:g}" for one in shown.any_of)}
    words["unit"] = unit.label if unit else ""
    sources = dict(zip(("zh", "en"), source_words(rule, has_target=bool(found[-1].targets)), strict=True))
    return Sign(
        frozenset(found[-1].categories), {language: words | {"source": source} for language, source in sources.items()}
    )
