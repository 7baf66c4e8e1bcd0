"""A person's page: a whole life on one time axis, from eighty years down to a minute, and each metric as a trend."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from pages import looks, shown, sittings
from pages.records import listed, or_nothing, profile_of
from pages.views import work
from phr.timeline.kinds import kinds
from phr.vocabulary.metric import Metric, Summary, ValueType
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("life", __name__)

STRIP = 6  # latest values at the head of a resident's page
LANES = 4  # open at first; the rest by a tick
FIRST = ("blood-pressure", "glucose-interstitial", "glucose-capillary", "heart-rate", "weight")
WITH_CURVES = (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS)


@blueprint.get("/app/people/<person>")
def show(person: str) -> str:
    profile = profile_of(person)
    overview = or_nothing(f"/v1/people/{person}/overview") or {"latest": [], "attention": []}
    latest = {one["metric"]: one for one in overview["latest"]}
    wanted = [one for one in request.args.get("show", "").split(",") if one in latest]
    lanes = [lane(metric) for metric in _in_order(latest)]
    is_open = wanted or [one["metric"] for one in lanes[:LANES]]
    return render_template(
        "life.html",
        person=person,
        profile=profile,
        strip=[latest[one["metric"]] for one in lanes[:STRIP]],
        attention=[one for one in overview["attention"] if one["metric"]],
        lanes=[one | {"open": one["metric"] in is_open} for one in lanes],
        targets=listed(f"/v1/people/{person}/targets", "targets"),
        kinds={name: shown.words({"zh": kind.zh, "en": kind.en}) for name, kind in kinds().items()},
        span=request.args.get("span", "year" if wanted else "fitting"),
        words=_words(),
        work=_work(person),
    )


@blueprint.get("/app/people/<person>/trend/<metric>")
def show_trend(person: str, metric: str) -> Response:
    """One metric alone, of the last three months."""
    return redirect(f"/app/people/{person}?show={metric}&span=quarter", 303)


def _work(person: str) -> dict[str, Any] | None:
    """What waits with a resident, for who is at work; nothing on one's own page."""
    sitting = sittings.require()
    if not sitting.locks or person in ("me", sitting.person):
        return None
    return work.of_resident(person)


def lane(metric: Metric) -> dict[str, Any]:
    """What a script needs to draw a metric in the reader's unit and language: shown = (canonical - offset) / factor."""
    unit = shown.unit_of(metric)
    own = vocabulary().metrics
    parts = [{"key": one.key, "name": shown.name(own[one.metric].key)} for one in metric.components if one.required]
    return {
        "metric": metric.key,
        "name": shown.name(metric.key),
        "unit": shown.label(unit),
        "factor": unit.factor if unit else 1,
        "offset": unit.offset if unit else 0,
        "decimals": unit.decimals if unit is not metric.unit and unit else metric.decimals,
        "parts": parts or [{"key": "", "name": ""}],
        "statistic": str(metric.summary),
    }


def _in_order(latest: dict[str, Any]) -> list[Metric]:
    known = vocabulary().metrics
    first = [key for key in FIRST if key in latest]
    rest = [key for key in known if key in latest and key not in first]
    found = [known[key] for key in first + rest]
    return [one for one in found if one.value_type in WITH_CURVES and one.summary is not Summary.COUNT]


def _words() -> dict[str, str]:
    """What the script says, in the reader's language."""
    return {
        "reading": _("Reading"),
        "device": _("Device"),
        "history": _("Changes"),
        "corrected": _("Before"),
        "none": _("Nothing here in this time"),
        "readings": _("readings"),
        "target": _("Target"),
        "more": _("There is more than is listed; zoom in."),
        "failed": _("Could not be loaded. Nothing is lost; it is tried again by itself."),
        "time": _("Time"),
        "suspect": _("unusual"),
        "usual": _("usual"),
        "locale": looks.of(request).tag,
    }
