"""A vendor's page: devices, rejections with their reasons, what came in by the hour. By the vendor's own client."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from pages import problems, sittings
from pages.house import house
from phr.auth import page_sessions
from phr.clock import now_ms
from phr.people import seals

blueprint = Blueprint("vendor", __name__)

SHOWN = 50


@blueprint.get("/vendor")
def show_login() -> Response | str:
    if _is_vendors():
        return redirect("/app/vendor", 303)
    return render_template("vendor_login.html")


@blueprint.post("/vendor")
def log_in() -> Response:
    """With the client's own credentials, for as long as its token lasts: ten minutes, and nothing that renews it."""
    form = request.form
    basic = base64.b64encode(f"{form.get('client_id', '')}:{form.get('client_secret', '')}".encode()).decode()
    reply = house().api.call(
        "POST",
        "/oauth/token",
        form={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {basic}"},
    )
    if not reply.is_good:
        return problems.told(reply.status, _("Not logged in"), _("These are no vendor's credentials."))
    tokens, database = sittings.tokens_of(reply), house().database()
    who = house().installation.protector.of_token(tokens.access)
    if who.kind != "vendor":
        return problems.told(403, _("Not logged in"), _("These are no vendor's credentials."))
    cookie = page_sessions.begin(database, seals.vendor(who.subject), tokens, now_ms(), work=page_sessions.VENDOR)
    answer = redirect("/app/vendor", 303)
    sittings.keep(answer, cookie)
    return answer


@blueprint.get("/app/vendor")
def show() -> str:
    asked = {name: request.args.get(name, "").strip() or None for name in ("device", "code")}
    return render_template(
        "vendor.html",
        vendor=sittings.require().person.partition(":")[2],
        devices=sittings.ask("GET", "/v1/vendor/devices", query=_page("cursor")),
        rejections=sittings.ask("GET", "/v1/vendor/rejections", query=_page("rejected") | asked),
        asked=asked,
        statistics=sittings.ask("GET", "/v1/vendor/statistics"),
    )


@blueprint.get("/app/vendor/intake")
def show_intake() -> str:
    """The part of the page that is asked for again by itself."""
    return render_template("intake.html", statistics=sittings.ask("GET", "/v1/vendor/statistics"))


def _page(name: str) -> dict[str, Any]:
    return {"limit": SHOWN, "cursor": request.args.get(name)}


def _is_vendors() -> bool:
    sitting = sittings.find()
    return sitting is not None and sitting.work == page_sessions.VENDOR
