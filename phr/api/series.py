"""One metric of a person in columns, raw or by hour, day, week, month and year."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, TypedDict

import msgspec
from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from phr.api.answer_schemas import ShapedAs
from phr.api.deciding import access, period, returns, takes, whose
from phr.api.installation import database
from phr.api.shapes import Moment, MomentField
from phr.errors import InputInvalid, NotFound
from phr.people.people import Person, ZonePeriod
from phr.readings import cursor, series, table
from phr.readings.local_time import Clock
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.series import AUTO, MOST_ROWS, End, Series, Wish
from phr.readings.track import Resolution
from phr.recording import rankings
from phr.timeline.categories import READINGS
from phr.vocabulary.metric import Enough, Metric
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("series", __name__)

LONGEST_SOURCE = 256
CLOCKS_KEPT = 64


class SeriesTold(TypedDict):
    """``columns``: of equal length, by name; ``t`` is always there.

    Raw there are also ``value`` or one a component, ``end`` of what lasts, ``flag`` where there is one, and the fields
    asked for; of periods ``n``, ``min``, ``max``, one of ``mean``, ``sum`` and ``last``, ``zone``, ``coverage`` and
    ``is_enough``. Numbers are in ``unit``. ``enough``: how much there must be before a period is judged; None: no
    source says.
    """

    person: str
    metric: str
    unit: str | None
    resolution: Resolution
    columns: Annotated[
        msgspec.Raw, ShapedAs((dict[str, list[float | str | bool | dict[str, Any] | list[str] | None]],))
    ]
    enough: Annotated[dict[str, Any], ShapedAs((Enough,))] | None
    next_cursor: str | None


class MetricUnknown(NotFound):
    code = "metric-unknown"


class MetricNotAReading(InputInvalid):
    """A component, an aggregate or a derived value: it is never stored by itself."""

    code = "metric-not-a-reading"


class FieldNames(fields.Field[tuple[str, ...]]):
    """Names of further columns, divided by commas."""

    openapi: ClassVar[dict[str, Any]] = {"type": "string"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:  # noqa: ARG002
        names = tuple(dict.fromkeys(name for name in str(value).split(",") if name))
        if unknown := [name for name in names if name not in table.FIELDS]:
            raise ValidationError(f"no field {unknown[0][:64]!r}; there are {', '.join(table.FIELDS)}")
        return names


class SeriesQuery(Schema):
    start = MomentField(data_key="from", load_default=None)
    end = MomentField(data_key="to", load_default=None)
    resolution = fields.String(load_default=AUTO, validate=validate.OneOf((AUTO, *Resolution)))
    max_points = fields.Integer(load_default=1_000, validate=validate.Range(1, MOST_ROWS))
    source = fields.String(load_default=None, validate=validate.Length(1, LONGEST_SOURCE))
    fields_ = FieldNames(data_key="fields", load_default=())
    limit = fields.Integer(load_default=MOST_ROWS, validate=validate.Range(1, MOST_ROWS))
    cursor = fields.String(load_default=None, validate=validate.Length(1, cursor.LONGEST))


@blueprint.get("/v1/people/<person>/series/<metric>")
@access("readings.read", by_period=True)
@takes(SeriesQuery, location="query")
@returns()
def show_series(person: str, metric: str, query: dict[str, Any]) -> SeriesTold:
    measured = metric_of(metric)
    clock = _clock(whose(person))
    found = series.read(
        Lane(database(), person, measured, clock.offset_at),
        _wish(query),
        rankings.of_metric(database(), person, measured),
    )
    return {
        "person": person,
        "metric": measured.key,
        "unit": measured.unit.code if measured.unit else None,
        "resolution": found.resolution,
        "columns": msgspec.Raw(table.as_json(_columns(found, measured, clock, query["fields_"]))),
        "enough": asdict(measured.enough) if measured.enough else None,
        "next_cursor": found.next_cursor,
    }


def metric_of(key: str) -> Metric:
    """The metric that readings may have. Raises MetricUnknown, MetricNotAReading."""
    metric = vocabulary().get(key)
    if metric is None:
        near = vocabulary().nearest(key)
        hint = f"; the nearest known name is {near}" if near else ""
        raise MetricUnknown(f"no metric {key[:64]!r}{hint}")
    if not metric.is_reading:
        raise MetricNotAReading(f"{key} is never stored by itself; ask for {' and '.join(metric.use_instead)}")
    return metric


def _wish(query: dict[str, Any]) -> Wish:
    return Wish(
        start=_end(query["start"]),
        end=_end(query["end"]),
        resolution=AUTO if query["resolution"] == AUTO else Resolution(query["resolution"]),
        max_points=query["max_points"],
        source=query["source"],
        limit=query["limit"],
        cursor=query["cursor"],
        within=period(READINGS),
    )


def _end(moment: Moment | None) -> End | None:
    return End(*moment) if moment else None


def _columns(found: Series, metric: Metric, clock: Clock, names: tuple[str, ...]) -> table.Columns:
    if isinstance(found.found, Rows):
        return table.of_readings(found.found, metric, names, found.counted)
    return table.of_periods(found.found, metric, clock, found.resolution, has_device="device" in names)


_CLOCKS: dict[tuple[ZonePeriod, ...], Clock] = {}


def _clock(person: Person) -> Clock:
    """People who have lived in the same zones at the same times share a clock, which remembers what it was asked."""
    clock = _CLOCKS.get(person.zones)
    if clock is None:
        if len(_CLOCKS) >= CLOCKS_KEPT:
            _CLOCKS.clear()
        clock = _CLOCKS[person.zones] = Clock(person.offset_min_at, person.zones)
    return clock
