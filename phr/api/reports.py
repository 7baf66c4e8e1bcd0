"""Reports of measuring protocols: home blood pressure, CGM and others, computed from a person's readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, TypedDict, get_type_hints

import numpy as np
from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api import deciding
from phr.api.answer_schemas import ShapedAs
from phr.api.deciding import access, period, returns, takes
from phr.api.grant_shapes import DATES
from phr.api.installation import database
from phr.api.shapes import CitedTold, Words, cited_json
from phr.care.protocol import Days, Measured, Protocol
from phr.care.protocols import protocols
from phr.clock import DAY_MS, now_ms, to_datetime
from phr.errors import InputInvalid, NotFound
from phr.people.people import Person
from phr.readings import series
from phr.readings.columns import ABSENT
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.series import End, Wish
from phr.readings.summaries import to_date, to_day
from phr.readings.track import Resolution
from phr.recording import rankings
from phr.timeline.categories import READINGS
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Period

blueprint = Blueprint("reports", __name__)

MOST_READINGS = 200_000  # of a metric: one a minute for 90 days, of a second source as well
LONGEST_DAYS = 366


_Span = TypedDict("_Span", {"from": date, "through": date})  # words of the language


class ReportTold(Words, _Span):
    """``report``: of the protocol's own shape; ``reviewed_by``: None until a clinician signs."""

    person: str
    protocol: str
    report: Annotated[Any, ShapedAs(tuple(get_type_hints(one.report)["return"] for one in protocols().values()))]
    meant_for: str
    sources: list[CitedTold]
    reviewed_by: str | None


class ProtocolUnknown(NotFound):
    code = "protocol-unknown"


class ReportQuery(Schema):
    through = fields.Date(load_default=None, validate=validate.Range(*DATES))
    days = fields.Integer(load_default=None, validate=validate.Range(1, LONGEST_DAYS))


@blueprint.get("/v1/people/<person>/reports/<protocol>")
@access("readings.read", by_period=True)
@takes(ReportQuery, location="query")
@returns()
def show_report(person: str, protocol: str, query: dict[str, Any]) -> ReportTold:
    """What a protocol makes of the last days: each result with what it rests on and whether that is enough to judge."""
    asked, whose = _protocol(protocol), deciding.whose(person)
    days = _days(asked, whose, query)
    return {
        "person": person,
        "protocol": asked.name,
        "zh": asked.zh,
        "en": asked.en,
        "from": to_date(days.first),
        "through": to_date(days.last),
        "report": report_of(whose, asked, days, period(READINGS)),
        "meant_for": asked.meant_for,
        "sources": [cited_json(one) for one in asked.sources],
        "reviewed_by": asked.reviewed_by or None,
    }


def report_of(person: Person, protocol: Protocol, days: Days, within: Period) -> Any:
    """What the protocol makes of a person's readings of these days, of those within a period of data."""
    metrics = vocabulary().metrics
    return protocol.report({key: _measured(person, metrics[key], days, within) for key in protocol.metrics}, days)


def _protocol(name: str) -> Protocol:
    found = protocols().get(name)
    if found is None:
        raise ProtocolUnknown(f"no protocol {name[:64]!r}; there are {', '.join(sorted(protocols()))}")
    return found


def _days(protocol: Protocol, person: Person, query: Mapping[str, Any]) -> Days:
    """The days that end today (by the person's zone) or on the day asked for."""
    length = query["days"] or protocol.usual_length
    if length not in protocol.lengths:
        allowed = ", ".join(map(str, protocol.lengths[:3])) + ("" if len(protocol.lengths) <= 3 else " …")
        raise InputInvalid(f"{protocol.name} is over {allowed} days, at most {protocol.lengths[-1]}", "/days")
    now = now_ms()
    through: date = query["through"] or to_datetime(now, person.offset_min_at(now)).date()
    last = to_day(through)
    return Days(last - length + 1, last)


def _measured(person: Person, metric: Metric, days: Days, within: Period) -> Measured:
    """The readings that count. They are of days of the offset they were sent with: a day more is read at each end."""
    lane = Lane(database(), person.id, metric, person.offset_min_at)
    wish = Wish(
        start=End((days.first - 1) * DAY_MS),
        end=End((days.last + 2) * DAY_MS),
        resolution=Resolution.RAW,
        limit=MOST_READINGS,
        within=within,
    )
    found = series.read(lane, wish, rankings.of_metric(database(), person.id, metric))
    if found.next_cursor:
        raise InputInvalid(f"more than {MOST_READINGS:,} readings; ask for fewer days", "/days")
    assert isinstance(found.found, Rows)
    whole = _columns(found.found, metric)
    is_in = (whole.day >= days.first) & (whole.day <= days.last)
    is_counted = is_in if found.counted is None else is_in & found.counted
    return replace(whole.where(is_counted), of_other_sources=int(is_in.sum() - is_counted.sum()))


def _columns(rows: Rows, metric: Metric) -> Measured:
    names = [part.key for part in metric.components] or [""]
    absent = np.full(rows.t.size, ABSENT, np.int64)
    values = {}
    for name in names:
        stored = rows.values.get(name, absent)
        values[name] = np.where(stored == ABSENT, np.nan, stored / metric.scale)
    contexts = np.full(rows.t.size, None, object)
    for index, extra in rows.extras.items():
        contexts[index] = extra.get("c")
    return Measured(rows.t, rows.offsets, values, rows.units(), contexts)
