"""What the browser keeps for when there is no network: a page without anything of anybody's, the last days, the worker
that brings them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, render_template

from pages import assets, shown, sittings
from phr.timeline.kinds import kinds
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("offline", __name__)

DAYS = 30
PAGE, MOST_PAGES = 200, 5


@blueprint.get("/app/offline")
def show() -> str:
    return render_template("offline.html")


@blueprint.get("/app/kept")
def show_days() -> Response:
    """The last 30 days as rows of [day, what, value], for the store of one's own phone; at work there is none."""
    if sittings.require().locks:
        return jsonify(lines=[])
    query: dict[str, Any] = {
        "from": (datetime.now(UTC) - timedelta(days=DAYS)).isoformat(timespec="seconds"),
        "limit": PAGE,
    }
    lines: list[list[str]] = []
    for _ in range(MOST_PAGES):
        page = sittings.ask("GET", "/v1/people/me/timeline", query=query)
        lines += [_row(one) for one in page["lines"]]
        query["cursor"] = page["next_cursor"]
        if query["cursor"] is None:
            break
    return jsonify(lines=lines)


@blueprint.get("/app/sw.js")
def show_worker() -> Response:
    """Asked for again at each visit, so that a new release takes over."""
    found = assets.files()["sw.js"]
    return Response(found.body, content_type=found.type, headers={"Cache-Control": "no-cache"})


def _row(line: dict[str, Any]) -> list[str]:
    day = shown.day(line["day"])
    if line["kind"] != "readings":
        kind = kinds()[line["kind"]]
        what = next((line[name] for name in ("text", "title", "name", "topic") if line.get(name)), "")
        return [day, shown.words({"zh": kind.zh, "en": kind.en}), str(what)]
    return [day, shown.name(line["metric"]), _of_day(line)]


def _of_day(line: dict[str, Any]) -> str:
    """Of a day's readings the mean, sum or last, and where there were several the extremes."""
    metric = vocabulary().metrics[line["metric"]]
    parts = line.get("components")
    if parts is None:
        values = [line]
    else:
        values = [parts[one.key] for one in metric.components if one.required and one.key in parts]
    middle = [next((one[name] for name in ("mean", "sum", "last") if name in one), None) for one in values]
    if None in middle or not middle:
        return f"{line['n']} ×"
    told = "/".join(shown.number(metric, one) for one in middle if one is not None)
    unit = shown.unit(metric.key)
    spread = ""
    if line["n"] > 1 and "sum" not in values[0]:
        low, high = ("/".join(shown.number(metric, one[end]) for one in values) for end in ("min", "max"))
        spread = f" ({low} – {high})"
    return f"{told} {unit}{spread}".replace("  ", " ")
