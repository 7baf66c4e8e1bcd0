"""What protocols make of somebody's readings: home blood pressure, the sensor's profile by hour; to be printed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template

from pages import shown
from pages.records import or_nothing, profile_of
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("reports", __name__)

PROTOCOLS = {"blood-pressure": "home-blood-pressure", "glucose-interstitial": "cgm"}  # by the metric that they are of
RANGES = ("very-low", "low", "in-range", "high", "very-high")
QUANTILES = ("p5", "p25", "p50", "p75", "p95")


@blueprint.get("/app/people/<person>/report")
def show(person: str) -> str:
    """Every report that there are readings for, with the latest values, targets, diagnoses and medicines."""
    overview = or_nothing(f"/v1/people/{person}/overview") or {"latest": []}
    has = {one["metric"] for one in overview["latest"]}
    entries = or_nothing(f"/v1/people/{person}/entries", query={"kinds": "condition,medication,allergy", "limit": 100})
    found = {
        protocol: or_nothing(f"/v1/people/{person}/reports/{protocol}")
        for metric, protocol in PROTOCOLS.items()
        if metric in has
    }
    return render_template(
        "report.html",
        person=person,
        profile=profile_of(person),
        latest=overview["latest"],
        entries=(entries or {"entries": []})["entries"],
        pressure=found.get("home-blood-pressure"),
        cgm=_cgm(found.get("cgm")),
        now=shown.now(),
    )


def _cgm(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """With the profile in the reader's unit, as a picture draws it: a column an hour, low values below."""
    if found is None or not found["report"]["basis"]["n"]:
        return None
    metric = vocabulary().metrics["glucose-interstitial"]
    rows = [row for row in found["report"]["profile"] if row["p50"] is not None]
    top = max(13.9, *(row["p95"] for row in rows)) if rows else 13.9
    points = {
        name: [(40 + row["hour"] * 25, round(210 - row[name] / top * 190, 1)) for row in rows] for name in QUANTILES
    }
    lines = [
        {"y": round(210 - limit / top * 190, 1), "text": shown.number(metric, limit)} for limit in (3.9, 10.0)
    ]  # the range of the consensus (phr/care/protocols/cgm.py)
    return found | {"points": points, "lines": lines, "ranges": RANGES}
