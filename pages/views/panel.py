"""A family doctor's morning: residents in the order of need, from one to the next with one key."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from pages import places, sittings
from pages.views import drafts

blueprint = Blueprint("panel", __name__)

SHOWN = 50


@blueprint.get("/app/panel")
def show() -> str:
    query = {"limit": SHOWN, "cursor": request.args.get("cursor")} | places.filters()
    programmes = {one["programme"]: one for one in sittings.ask("GET", "/v1/care/programmes")["programmes"]}
    return render_template(
        "panel.html",
        panel=sittings.ask("GET", "/v1/panel", query=query),
        summary=sittings.ask("GET", "/v1/panel/summary"),
        programmes=programmes,
        filters=places.filters(),
        half_written=drafts.waiting(),
    )


@blueprint.get("/app/panel/next")
def show_next() -> Response:
    """The resident who comes after the place that the cursor names; behind the last one the panel again."""
    query = {"limit": 1, "cursor": request.args.get("after")} | places.filters()
    found = sittings.ask("GET", "/v1/panel", query=query)["residents"]
    if not found:
        return redirect(f"/app/panel{places.kept()}", 303)
    return redirect(f"/app/people/{found[0]['person']}{places.kept(at=found[0]['cursor'])}", 303)
