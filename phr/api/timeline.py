"""The timeline of a life: what was measured, a line a day and metric, and what was written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from flask import Blueprint

from phr.api import deciding
from phr.api.deciding import access_by_category, returns, takes
from phr.api.entry_shapes import EntryTold, FilterQuery, KindsField, entry_json, filter_of
from phr.api.installation import database
from phr.api.shapes import Words
from phr.clock import DAY_MS, On, now_ms
from phr.people.people import Person
from phr.readings import daylines
from phr.readings.daylines import DayLine, Life
from phr.readings.stats import Column
from phr.readings.summaries import to_date
from phr.recording import rankings
from phr.timeline import timeline
from phr.timeline.categories import READINGS
from phr.timeline.timeline import KINDS, Dated, Wanted, local_day
from phr.vocabulary.metric import Metric, Summary
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Sight
from phr.vocabulary.units import canonical

blueprint = Blueprint("timeline", __name__)


class TimelineQuery(FilterQuery):
    kinds = KindsField(KINDS, load_default=None)


class EntryLineTold(EntryTold):
    """``day``: the local day that it stands on."""

    day: On


class NumbersTold(TypedDict, total=False):
    """In the canonical unit: the extremes, and the one of the others that the metric is summed up by."""

    min: float
    max: float
    mean: float
    sum: float
    last: float


class ComponentTold(NumbersTold):
    unit: str | None
    n: int


class DeviceCountedTold(TypedDict):
    """``n``: its readings; ``counts``: the line is made of them."""

    device: str
    n: int
    counts: bool


class _DayTold(Words):
    """One metric on one local day. ``source``: the one device that counts, where there is but one."""

    kind: Literal["readings"]
    day: On
    metric: str
    n: int
    unit: str | None
    source: str | None
    sources: list[DeviceCountedTold]


class NumberLineTold(_DayTold, NumbersTold):
    """One metric on one local day; without numbers where it is only counted."""


class ComponentsLineTold(_DayTold):
    """The same of a metric that has components, such as a blood pressure."""

    components: dict[str, ComponentTold]


LineTold = EntryLineTold | NumberLineTold | ComponentsLineTold


class TimelineTold(TypedDict):
    lines: list[LineTold]
    next_cursor: str | None


@blueprint.get("/v1/people/<person>/timeline")
@access_by_category("read", by_period=True)
@takes(TimelineQuery, location="query")
@returns()
def show_timeline(person: str, sight: Sight, query: dict[str, Any]) -> TimelineTold:
    whose = _Whose(person)
    ranking_of = rankings.of_person(database(), person)
    life = Life(database(), person, vocabulary().metrics, whose.offset_min_at, ranking_of, now_ms() // DAY_MS)

    def day_lines(first: int | None, last: int | None) -> Iterator[DayLine]:
        return daylines.latest_first(life, first, last)

    page = timeline.page(database(), whose, _wanted(whose, query, sight), day_lines)
    if not page.lines:
        deciding.whose(person)  # of nobody
    return {"lines": [_line(one) for one in page.lines], "next_cursor": page.next_cursor}


@dataclass(slots=True)
class _Whose:
    """The person, who is read where one of their clocks is asked for: most lines say their own offset."""

    id: str
    _person: Person | None = None

    def offset_min_at(self, t_ms: int) -> int:
        if self._person is None:
            self._person = deciding.whose(self.id)
        return self._person.offset_min_at(t_ms)


def _wanted(whose: _Whose, query: dict[str, Any], sight: Sight) -> Wanted:
    """A day whose part lies in the span counts: its line is of the whole day. Readings have no source, text or code."""
    start, end = query["start"], query["end"]
    seen_first, seen_last = sight.periods[READINGS].days(whose.offset_min_at) if READINGS in sight else (None, None)
    first = start and local_day(whose, start.t_ms, start.offset_min)
    last = end and local_day(whose, end.t_ms - 1, end.offset_min)
    is_of_readings = query["kinds"] is None or READINGS in query["kinds"]
    is_of_entries = any(query[name] is not None for name in ("source", "text", "code"))
    return Wanted(
        entries=filter_of(query, sight),
        has_readings=is_of_readings and READINGS in sight and not is_of_entries,
        first_day=max((day for day in (first, seen_first) if day is not None), default=None),
        last_day=min((day for day in (last, seen_last) if day is not None), default=None),
        limit=query["limit"],
        cursor=query["cursor"],
    )


def _line(line: Dated | DayLine) -> LineTold:
    day = to_date(line.day).isoformat()
    if isinstance(line, Dated):
        return {**entry_json(line.entry), "day": day}
    metric, columns = line.metric, dict(line.stats.columns)
    told: _DayTold = {
        "kind": "readings",
        "day": day,
        "metric": metric.key,
        "zh": metric.zh,
        "en": metric.en,
        "n": line.stats.n,
        "unit": metric.unit.code if metric.unit else None,
        "source": line.counting[0] if len(line.counting) == 1 and not metric.merge_sources else None,
        "sources": [{"device": device, "n": n, "counts": device in line.counting} for device, n in line.sources],
    }
    if metric.components:
        return {**told, "components": _components(metric, columns)}
    return {**told, **(_summary(metric, columns[""]) if "" in columns else NumbersTold())}


def _components(metric: Metric, columns: dict[str, Column]) -> dict[str, ComponentTold]:
    own_unit = {one.key: one.unit.code for one in metric.components if one.unit}
    unit = metric.unit.code if metric.unit else None
    return {
        name: {"unit": own_unit.get(name, unit), "n": column.n, **_summary(metric, column)}
        for name, column in columns.items()
    }


def _summary(metric: Metric, column: Column) -> NumbersTold:
    if metric.summary is Summary.COUNT:
        return {}
    numbers: NumbersTold = {"min": canonical(metric, column.low), "max": canonical(metric, column.high)}
    match metric.summary:
        case Summary.MEAN:
            numbers["mean"] = column.total / (column.n * metric.scale)
        case Summary.SUM:
            numbers["sum"] = canonical(metric, column.total)
        case _:
            numbers["last"] = canonical(metric, column.last)
    return numbers
