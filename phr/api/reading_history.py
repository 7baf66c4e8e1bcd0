"""The history of one reading: who, when, from where, before and after."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, period, returns, takes
from phr.api.installation import database
from phr.api.shapes import MomentField
from phr.api.voiding import source_of
from phr.clock import At, rfc3339
from phr.errors import NotFound
from phr.readings import past
from phr.readings.past import Happening, Version
from phr.timeline.categories import READINGS
from phr.vocabulary.metric import Metric
from phr.vocabulary.reading import DURATION
from phr.vocabulary.units import canonical

blueprint = Blueprint("reading_history", __name__)


class HistoryQuery(Schema):
    metric = fields.String(required=True, validate=validate.Length(1, 64))
    device = fields.String(required=True, validate=validate.Length(1, 200))
    t = MomentField(required=True)
    seq = fields.Integer(load_default=0, validate=validate.Range(0, 2**31 - 1))


class VersionTold(TypedDict):
    """What a reading said, numbers in the canonical unit. ``sent``: as it was sent; ``end``: of what lasted."""

    t: At
    unit_as_sent: str | None
    value: NotRequired[Any]
    components: NotRequired[dict[str, float]]
    end: NotRequired[At]
    context: NotRequired[dict[str, Any]]
    flag: NotRequired[str]
    quality: NotRequired[str]
    sent: NotRequired[Any]
    id: NotRequired[str]


OriginTold = TypedDict("OriginTold", {"device": str, "origin": str, "import": NotRequired[str]})


class JudgeTold(TypedDict):
    """Who voided or restored it, and why."""

    by: str
    reason: str | None


class HappeningTold(TypedDict):
    action: Literal["recorded", "corrected", "voided", "restored"]
    at: At
    source: OriginTold | JudgeTold
    before: VersionTold | None
    after: VersionTold | None


class ReadingHistoryTold(TypedDict):
    """Latest first."""

    metric: str
    device: str
    t: At
    seq: int
    unit: str | None
    changes: list[HappeningTold]


@blueprint.get("/v1/people/<person>/readings/history")
@access("readings.read", by_period=True)
@takes(HistoryQuery, location="query")
@returns()
def show_reading_history(person: str, query: dict[str, Any]) -> ReadingHistoryTold:
    source, key = source_of(person, query), (query["t"].t_ms, query["seq"])
    metric = source.metric
    if not period(READINGS).holds(key[0]):
        raise NotFound("no such reading")
    changes = [_change(metric, source.device, key[0], one) for one in past.of_reading(database(), source, key)]
    unit = metric.unit.code if metric.unit else None
    return {
        "metric": metric.key,
        "device": source.device,
        "t": rfc3339(key[0]),
        "seq": key[1],
        "unit": unit,
        "changes": changes,
    }


def _change(metric: Metric, device: str, t_ms: int, one: Happening) -> HappeningTold:
    """Numbers in the canonical unit; ``source`` is where the word came from, or who voided or restored it and why."""
    word = one.after or one.before
    assert word is not None
    origin: OriginTold = {"device": device, "origin": word.origin}
    if word.batch is not None:
        origin["import"] = word.batch
    source: OriginTold | JudgeTold = origin if one.by is None else {"by": one.by, "reason": one.reason}
    before, after = (_version(metric, t_ms, version) for version in (one.before, one.after))
    return {"action": one.action, "at": rfc3339(one.at_ms), "source": source, "before": before, "after": after}


def _version(metric: Metric, t_ms: int, version: Version | None) -> VersionTold | None:
    if version is None:
        return None
    numbers: dict[str, Any] = {name: canonical(metric, stored) for name, stored in version.values.items()}
    lasted_ms = version.values.get(DURATION)
    numbers.pop(DURATION, None)
    told: VersionTold = {"t": rfc3339(t_ms, version.offset_min), "unit_as_sent": version.unit}
    if "" in numbers:
        told["value"] = numbers.pop("")
    if numbers:
        told["components"] = numbers
    if lasted_ms is not None:
        told["end"] = rfc3339(t_ms + lasted_ms, version.offset_min)
    told.update(version.extra)  # type: ignore[typeddict-item] # by the names of EXTRA_KEYS
    return told
