"""What is usual for one person: the band that a chart draws behind their own readings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple, TypedDict

import numpy as np
from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, period, returns, takes
from phr.api.grant_shapes import DATES
from phr.api.installation import database
from phr.api.series import metric_of
from phr.api.shapes import On
from phr.care import baseline
from phr.care.baseline import BLOCK_H, MADE_OF_DAYS, Band, Floats, Ints
from phr.care.source import Evidence
from phr.clock import DAY_MS, MINUTE_MS, now_ms, to_datetime
from phr.errors import InputInvalid
from phr.people import people, processing
from phr.people.people import Person
from phr.readings import series, sums
from phr.readings.periods import Periods
from phr.readings.raw import Lane
from phr.readings.series import End, Wish
from phr.readings.slices import is_dense
from phr.readings.summaries import to_date, to_day
from phr.readings.track import Resolution
from phr.recording import lately, rankings
from phr.timeline.categories import READINGS
from phr.vocabulary.metric import Bounds, Metric, Summary, Unit
from phr.vocabulary.sight import Period
from phr.vocabulary.units import canonical

blueprint = Blueprint("usual", __name__)

LONGEST_DAYS = 366
DAY, HOUR = "day", "hour"


class UsualQuery(Schema):
    """``meal``: of readings with this context alone, as ``fasting``."""

    through = fields.Date(load_default=None, validate=validate.Range(*DATES))
    days = fields.Integer(load_default=30, validate=validate.Range(1, LONGEST_DAYS))
    resolution = fields.String(load_default=DAY, validate=validate.OneOf((DAY, HOUR)))
    meal = fields.String(load_default=None, validate=validate.Length(1, 64))


class BandTold(TypedDict):
    """``hour``: from which on, of the resolution ``hour``. ``n``: days with readings that it is made of."""

    on: On
    hour: int | None
    low: float | None
    high: float | None
    n: int


class PartTold(TypedDict):
    component: str | None
    unit: str | None
    bands: list[BandTold]


class UsualTold(TypedDict):
    """``is_evaluated``: false of somebody whom no rule looks at; there are no bands then."""

    person: str
    metric: str
    meal: str | None
    resolution: str
    hours: int | None
    is_evaluated: bool
    evidence: str
    least_days: int
    parts: list[PartTold]


class _Found(NamedTuple):
    """Readings in the order of time, on the person's own clock; values in the canonical unit."""

    local_ms: Ints
    values: Floats


NOTHING = _Found(np.empty(0, np.int64), np.empty(0))


@blueprint.get("/v1/people/<person>/usual/<metric>")
@access("readings.read", by_period=True)
@takes(UsualQuery, location="query")
@returns()
def show_usual(person: str, metric: str, query: dict[str, Any]) -> UsualTold:
    """Within which values somebody's readings usually are, for each of the last days; null where too few days say it.

    Made of the person's own readings of the 90 days until a week before, by hour and weekday; it judges nothing.
    """
    measured, whose = metric_of(metric), people.require(database(), person)
    _require_fitting(measured, query)
    days, is_evaluated = _days(whose, query), not processing.is_unevaluated(whose)
    found = _found(whose, measured, days, query["meal"]) if is_evaluated else {}
    by_hour = query["resolution"] == HOUR
    return {
        "person": person,
        "metric": measured.key,
        "meal": query["meal"],
        "resolution": query["resolution"],
        "hours": BLOCK_H if by_hour else None,
        "is_evaluated": is_evaluated,
        "evidence": Evidence.UNVERIFIED,
        "least_days": baseline.LEAST_REFERENCE,
        "parts": [
            {
                "component": name or None,
                "unit": unit.code if unit else None,
                "bands": _bands(found.get(name, NOTHING), days, (measured.decimals, bounds), by_hour=by_hour),
            }
            for name, unit, bounds in (_parts(measured) if is_evaluated else [])
        ],
    }


def _require_fitting(metric: Metric, query: Mapping[str, Any]) -> None:
    if metric.summary is Summary.COUNT or not (metric.bounds or metric.components):
        raise InputInvalid(f"{metric.key} is no number that could be usual", "/metric")
    if query["resolution"] == HOUR and metric.summary is Summary.SUM:
        raise InputInvalid(f"{metric.key} is added up by day; ask for days", "/resolution")
    if query["meal"] is not None and ("meal" not in metric.context or _is_summed_up(metric)):
        raise InputInvalid(f"readings of {metric.key} are of no meal", "/meal")


def _days(person: Person, query: Mapping[str, Any]) -> range:
    """Local days since 1970-01-01, up to today by the person's zone or the day asked for."""
    now = now_ms()
    through: date = query["through"] or to_datetime(now, person.offset_min_at(now)).date()
    return range(to_day(through) - query["days"] + 1, to_day(through) + 1)


def _parts(metric: Metric) -> list[tuple[str, Unit | None, Bounds | None]]:
    if not metric.components:
        return [("", metric.unit, metric.bounds)]
    return [(part.key, part.unit or metric.unit, part.bounds) for part in metric.components]


def _is_summed_up(metric: Metric) -> bool:
    """True where days or hours say it better than the readings that they are made of."""
    return metric.summary is Summary.SUM or is_dense(metric)


def _found(person: Person, metric: Metric, days: range, meal: str | None) -> dict[str, _Found]:
    """By component, what is usual is made of; a day more at both ends, since days are the person's own."""
    between = ((days[0] - MADE_OF_DAYS - 1) * DAY_MS, (days[-1] + 2) * DAY_MS)
    if _is_summed_up(metric):
        return _summed_up(person, metric, between, period(READINGS))
    seen = [
        one
        for one in lately.readings(database(), person, metric, between, period(READINGS))
        if one.quality != "suspect" and (meal is None or (one.context or {}).get("meal") == meal)
    ]
    found = {}
    for name, _, _ in _parts(metric):
        there = [one for one in seen if name in one.values]
        local = [one.t_ms + person.offset_min_at(one.t_ms) * MINUTE_MS for one in there]
        values = [canonical(metric, one.values[name]) for one in there]
        found[name] = _Found(np.array(local, np.int64), np.array(values, np.float64))
    return found


def _summed_up(person: Person, metric: Metric, between: tuple[int, int], within: Period) -> dict[str, _Found]:
    """Sums of days, or means of hours."""
    is_sum = metric.summary is Summary.SUM
    wish = Wish(
        start=End(between[0]),
        end=End(between[1]),
        resolution=Resolution.DAY if is_sum else Resolution.HOUR,
        within=within,
    )
    lane = Lane(database(), person.id, metric, person.offset_min_at)
    rows = series.read(lane, wish, rankings.of_metric(database(), person.id, metric)).found
    assert isinstance(rows, Periods)
    local = rows.at * DAY_MS if rows.offset is None else rows.at + rows.offset * MINUTE_MS
    found = {}
    for name, columns in rows.sums.columns.items():
        count = columns[sums.COUNT]
        values = columns[sums.TOTAL] / metric.scale / (1 if is_sum else np.maximum(count, 1))
        found[name] = _Found(local[count > 0], values[count > 0])
    return found


def _bands(found: _Found, days: range, shown: tuple[int, Bounds | None], *, by_hour: bool) -> list[BandTold]:
    decimals, bounds = shown
    made = baseline.bands(baseline.rhythm(*found), days, 10.0**-decimals, by_hour=by_hour)
    return [_told(one, decimals + 1, bounds) for one in made]


def _told(band: Band, digits: int, bounds: Bounds | None) -> BandTold:
    low = band.low if band.low is None or bounds is None else max(band.low, bounds.low)
    high = band.high if band.high is None or bounds is None else min(band.high, bounds.high)
    return {
        "on": to_date(band.day).isoformat(),
        "hour": band.hour,
        "low": None if low is None else round(low, digits),
        "high": None if high is None else round(high, digits),
        "n": band.n,
    }
