"""What went with reading, of one person as they ask, and of a quarter as totals that are counted once.

Collection ``effect_totals``: _id  a quarter, "2026-Q3"     at_ms  when it was counted     cells  as ``effect.Cell``

A quarter is counted when it is first asked for, four weeks after its end at the earliest, and stays as it was counted:
to count it again after somebody has left would tell what they had added.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from phr.clock import DAY_MS, age_on, to_datetime, to_ms
from phr.database import DURABLE, Database, Document, insert_new
from phr.education import authoring, effect, progress
from phr.education.article import Article
from phr.education.effect import DAYS, Counted, Day, Span
from phr.education.matching import table
from phr.education.progress import Progress
from phr.errors import InputInvalid
from phr.people import people, processing
from phr.people.people import Person
from phr.readings import series
from phr.readings import table as columns
from phr.readings.local_time import Clock
from phr.readings.periods import Periods
from phr.readings.raw import Lane
from phr.readings.series import End, Wish
from phr.readings.track import Resolution
from phr.recording import rankings
from phr.vocabulary.metric import Metric, Summary
from phr.vocabulary.metrics import vocabulary

TOTALS = "effect_totals"
AT_ONCE = 500
EPOCH = date(1970, 1, 1).toordinal()
_QUARTER = re.compile(r"(\d{4})-Q([1-4])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Change:
    """Of one article and one metric; ``is_complete``: the four weeks after reading are over."""

    slug: str
    metric: str
    read_ms: int
    before: Span
    after: Span
    is_complete: bool


def of_person(database: Database, person: Person, begun: Iterable[Progress], now_ms: int) -> list[Change]:
    """Of each lesson that was read, for each metric that it is about; none where nothing was measured."""
    found = []
    for one in begun:
        article = authoring.shelf(database).articles.get(("zh", one.slug))
        if article is None or one.read_ms is None:
            continue
        for metric in _measured(article):
            before, after = _spans(database, person, metric, one.read_ms)
            if before.days or after.days:
                is_complete = _day(person, now_ms) > _day(person, one.read_ms) + DAYS
                found.append(Change(one.slug, metric.key, one.read_ms, before, after, is_complete))
    return found


def totals(database: Database, quarter: str, now_ms: int) -> Document:
    """{"quarter", "counted_at_ms", "cells"} of those who have consented to research and read in that quarter.

    Raises InputInvalid for what is no quarter, or one that is not over for four weeks.
    """
    low_ms, high_ms = _span_of(quarter)
    if now_ms < high_ms + (DAYS + 2) * DAY_MS:  # the last day, wherever it ends last
        raise InputInvalid("not yet: a quarter is counted four weeks after its end", "/quarter")
    row = database[TOTALS].find_one({"_id": quarter})
    if row is None:
        counted = effect.cells(_counted(database, (low_ms, high_ms), now_ms))
        new = {"_id": quarter, "at_ms": now_ms, "cells": [asdict(one) for one in counted]}
        insert_new(database, TOTALS, [new])  # another who counted at the same time may have been quicker
        row = database[TOTALS].with_options(write_concern=DURABLE).find_one({"_id": quarter})
    assert row is not None
    return {"quarter": quarter, "counted_at_ms": row["at_ms"], "cells": row["cells"]}


def _counted(database: Database, between: tuple[int, int], now_ms: int) -> Iterator[Counted]:
    """Each person once for a topic and metric, from when they first read about that.

    A guardian's consent does not do for who is 14.
    """
    given = processing.who_have_given(database, processing.RESEARCH)
    consenting = list(given)
    for low in range(0, len(consenting), AT_ONCE):
        for person in people.find_many(database, consenting[low : low + AT_ONCE]).values():
            if not person.consent_withdrawn and not processing.is_anothers(person, given[person.id], now_ms):
                yield from _of_one(database, person, between)


def _of_one(database: Database, person: Person, between: tuple[int, int]) -> Iterator[Counted]:
    first: dict[tuple[str, str], int] = {}
    for one in progress.of_person(database, person.id):
        article = authoring.shelf(database).articles.get(("zh", one.slug))
        if article is None or one.read_ms is None:
            continue
        topic = table().topic_of(one.slug)
        if topic is None:
            continue
        for metric in _measured(article):
            key = (topic, metric.key)
            first[key] = min(one.read_ms, first.get(key, one.read_ms))
    for (topic, metric_key), read_ms in first.items():
        if not between[0] <= read_ms < between[1]:
            continue
        before, after = _spans(database, person, vocabulary().metrics[metric_key], read_ms)
        if before.days or after.days:
            on = to_datetime(read_ms, person.offset_min_at(read_ms)).date()
            age = age_on(person.birth_on, on) if person.birth_on else None
            yield Counted(topic, metric_key, effect.age_group(age), before, after)


def _measured(article: Article) -> list[Metric]:
    """The metrics that it is about, of those with numbers that are read here."""
    known = (vocabulary().metrics[key] for key in article.metrics)
    return [one for one in known if one.is_reading and one.unit is not None and one.summary is not Summary.COUNT]


def _spans(database: Database, person: Person, metric: Metric, read_ms: int) -> tuple[Span, Span]:
    return effect.spans(_days(database, person, metric, read_ms), _day(person, read_ms))


def _days(database: Database, person: Person, metric: Metric, read_ms: int) -> Iterator[Day]:
    """The days with readings about that instant."""
    lane = Lane(database, person.id, metric, person.offset_min_at)
    start, end = End(read_ms - (DAYS + 1) * DAY_MS), End(read_ms + (DAYS + 2) * DAY_MS)
    wish = Wish(start=start, end=end, resolution=Resolution.DAY)
    rows = series.read(lane, wish, rankings.of_metric(database, person.id, metric)).found
    assert isinstance(rows, Periods)
    clock = Clock(person.offset_min_at, person.zones)
    shown = columns.listed(columns.of_periods(rows, metric, clock, Resolution.DAY, has_device=False))
    names = {key: f"{key}_{metric.summary}" if key else str(metric.summary) for key in _components(metric)}
    for number, day in enumerate(rows.at.tolist()):
        values = {key: shown[name][number] for key, name in names.items()}
        kept = {key: value for key, value in values.items() if value is not None and math.isfinite(value)}
        yield Day(day, int(shown["n"][number]), kept)


def _components(metric: Metric) -> list[str]:
    return [one.key for one in metric.components] or [""]


def _day(person: Person, t_ms: int) -> int:
    """The local day, since 1970-01-01."""
    return to_datetime(t_ms, person.offset_min_at(t_ms)).date().toordinal() - EPOCH


def _span_of(quarter: str) -> tuple[int, int]:
    """Its first instant and the next one's, in UTC."""
    found = _QUARTER.fullmatch(quarter)
    if found is None or not 2000 <= int(found[1]) <= 2200:
        raise InputInvalid("a quarter is written 2026-Q3", "/quarter")
    year, number = int(found[1]), int(found[2])
    begin = datetime(year, 3 * number - 2, 1, tzinfo=UTC)
    end = datetime(year + (number == 4), 3 * number % 12 + 1, 1, tzinfo=UTC)
    return to_ms(begin), to_ms(end)


def as_json(found: Document) -> dict[str, Any]:
    """As an operator reads it."""
    return {
        "quarter": found["quarter"],
        "counted_at": to_datetime(found["counted_at_ms"]).isoformat(),
        "least_people": effect.LEAST,
        "rounded_to": effect.ROUND,
        "days_before_and_after": DAYS,
        "association_not_effect": effect.NOTE,
        "cells": found["cells"],
    }
