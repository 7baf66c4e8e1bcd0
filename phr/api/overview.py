"""The overview: the latest of each metric, what needs attention, what is due."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from phr.api.deciding import access, caller, period, returns
from phr.api.installation import database
from phr.clock import now_ms, rfc3339, to_ms
from phr.notices import outbox
from phr.notices.outbox import Notice
from phr.people.access import Ask, Caller, visible
from phr.readings.latest import Latest, latest
from phr.timeline.categories import READINGS
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from phr.vocabulary.units import canonical

blueprint = Blueprint("overview", __name__)

LISTED_NOTICES = 50


@blueprint.get("/v1/people/<person>/overview")
@access("overview.read", by_period=True)
@returns()
def show_overview(person: str) -> dict[str, Any]:
    now = now_ms()
    pending, seen = outbox.pending(database(), person, LISTED_NOTICES), period(READINGS)
    return {
        "latest": [latest_json(one, now) for one in latest(database(), person, vocabulary().metrics, seen)],
        "attention": [notice_json(one) for one in pending if _may_see(caller(), one)],
        "due": [],  # nothing plans yet
    }


def _may_see(who: Caller, notice: Notice) -> bool:
    """What no reading raised (who used the record) is the owner's alone; for what hangs on more one needs all of it."""
    if not notice.metric:
        return who.subject == notice.person and who.act is None
    if set(notice.categories) == {READINGS}:
        return period(READINGS).holds(to_ms(notice.measured_at))
    ask = Ask(notice.person, "read", notice.categories, "", by_period=True)
    return visible(database(), who, ask, now_ms()).sees(notice.categories, to_ms(notice.measured_at))


def latest_json(one: Latest, now: int) -> dict[str, Any]:
    metric = one.metric
    shown = {
        "metric": metric.key,
        "zh": metric.zh,
        "en": metric.en,
        "t": rfc3339(one.t_ms, one.offset_min),
        "age_s": max(0, now - one.t_ms) // 1000,
        "unit": metric.unit.code if metric.unit else None,
        "flag": one.extra.get("flag"),
        "quality": one.extra.get("quality"),
        "device": one.device,
    }
    if DURATION in one.values:
        shown["end"] = rfc3339(one.t_ms + one.values[DURATION], one.offset_min)
    return shown | _value(one)


def _value(one: Latest) -> dict[str, Any]:
    """Numbers in the canonical unit; of a waveform its code, not its samples."""
    numbers = {name: canonical(one.metric, value) for name, value in one.values.items() if name != DURATION}
    if one.metric.components:
        return {"components": numbers}
    if "" in numbers:
        return {"value": numbers[""]}
    value = one.extra.get("value") or {}
    return {"value": {name: part for name, part in value.items() if name != "values"} or None}


def notice_json(one: Notice) -> dict[str, Any]:
    """A notice as the overview and streams show it."""
    return {
        "id": one.key,
        "rule": one.rule,
        "severity": one.severity,
        "metric": one.metric or None,
        "measured_at": rfc3339(to_ms(one.measured_at)) if one.metric else None,
        "raised_at": rfc3339(to_ms(one.raised_at)),
        "message": {"zh": one.message_zh, "en": one.message_en},
        "source": one.source,
        "reviewed": one.reviewed,
    }
