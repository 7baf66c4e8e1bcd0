"""The timeline of a life: what was measured, a line a day and metric, and what was written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint

from phr.api.deciding import access_by_category, returns, takes
from phr.api.entry_shapes import FilterQuery, KindsField, entry_json, filter_of
from phr.api.installation import database
from phr.clock import now_ms
from phr.people import people
from phr.people.people import Person
from phr.readings import daylines
from phr.readings.daylines import DayLine, Life
from phr.readings.stats import Column
from phr.readings.summaries import to_date
from phr.recording import rankings
from phr.timeline import timeline
from phr.timeline.categories import READINGS
from phr.timeline.timeline import DAY_MS, KINDS, Dated, Wanted, local_day
from phr.vocabulary.metric import Metric, Summary
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Sight
from phr.vocabulary.units import canonical

blueprint = Blueprint("timeline", __name__)


class TimelineQuery(FilterQuery):
    kinds = KindsField(KINDS, load_default=None)


@blueprint.get("/v1/people/<person>/timeline")
@access_by_category("read", by_period=True)
@takes(TimelineQuery, location="query")
@returns()
def show_timeline(person: str, sight: Sight, query: dict[str, Any]) -> dict[str, Any]:
    whose = _Whose(person)
    ranking_of = rankings.of_person(database(), person)
    life = Life(database(), person, vocabulary().metrics, whose.offset_min_at, ranking_of, now_ms() // DAY_MS)

    def day_lines(first: int | None, last: int | None) -> Iterator[DayLine]:
        return daylines.latest_first(life, first, last)

    page = timeline.page(database(), whose, _wanted(whose, query, sight), day_lines)
    if not page.lines:
        people.require(database(), person)  # of nobody
    return {"lines": [_line(one) for one in page.lines], "next_cursor": page.next_cursor}


@dataclass(slots=True)
class _Whose:
    """The person, who is read where one of their clocks is asked for: most lines say their own offset."""

    id: str
    _person: Person | None = None

    def offset_min_at(self, t_ms: int) -> int:
        if self._person is None:
            self._person = people.require(database(), self.id)
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


def _line(line: Dated | DayLine) -> dict[str, Any]:
    day = to_date(line.day).isoformat()
    if isinstance(line, Dated):
        return entry_json(line.entry) | {"day": day}
    metric = line.metric
    labels = {"kind": READINGS, "day": day, "metric": metric.key, "zh": metric.zh, "en": metric.en}
    devices = {
        "source": line.counting[0] if len(line.counting) == 1 and not metric.merge_sources else None,
        "sources": [{"device": device, "n": n, "counts": device in line.counting} for device, n in line.sources],
    }
    return labels | {"n": line.stats.n} | _numbers(metric, dict(line.stats.columns)) | devices


def _numbers(metric: Metric, columns: dict[str, Column]) -> dict[str, Any]:
    unit = metric.unit.code if metric.unit else None
    if not metric.components:
        return {"unit": unit} | (_summary(metric, columns[""]) if "" in columns else {})
    own_unit = {one.key: one.unit.code for one in metric.components if one.unit}
    shown = {
        name: {"unit": own_unit.get(name, unit), "n": column.n} | _summary(metric, column)
        for name, column in columns.items()
    }
    return {"unit": unit, "components": shown}


def _summary(metric: Metric, column: Column) -> dict[str, float]:
    """In the canonical unit: the extremes, and the mean, sum or last that the metric is summed up by."""
    if metric.summary is Summary.COUNT:
        return {}
    numbers = {"min": canonical(metric, column.low), "max": canonical(metric, column.high)}
    match metric.summary:
        case Summary.MEAN:
            return numbers | {"mean": column.total / (column.n * metric.scale)}
        case Summary.SUM:
            return numbers | {"sum": canonical(metric, column.total)}
    return numbers | {"last": canonical(metric, column.last)}
