"""An operator's pages: how the parts fare, what comes in as it comes in, rejections with their reasons, devices."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from pages import sittings

blueprint = Blueprint("operations", __name__)

SHOWN = 50


@blueprint.get("/app/operations")
def show() -> str:
    return render_template("operations.html", **_now())


@blueprint.get("/app/operations/intake")
def show_intake() -> str:
    """The part of the page that is asked for again by itself."""
    return render_template("intake.html", **_now())


@blueprint.get("/app/operations/rejections")
def show_rejections() -> str:
    asked = {name: request.args.get(name, "").strip() or None for name in ("vendor", "device", "code")}
    query = {"limit": SHOWN, "cursor": request.args.get("cursor")} | asked
    found = sittings.ask("GET", "/v1/operations/rejections", query=query)
    vendors = sittings.ask("GET", "/v1/operations/intake")["vendors"]
    return render_template("rejections.html", found=found, asked=asked, vendors=[one["vendor"] for one in vendors])


@blueprint.get("/app/operations/devices")
def show_devices() -> str:
    prefix = request.args.get("prefix", "").strip()
    query = {"limit": SHOWN, "cursor": request.args.get("cursor"), "prefix": prefix}
    found = sittings.ask("GET", "/v1/operations/devices", query=query)
    return render_template("fleet.html", found=found, prefix=prefix)


def _now() -> dict[str, Any]:
    return {
        "state": sittings.ask("GET", "/v1/operations/state"),
        "statistics": sittings.ask("GET", "/v1/operations/intake"),
    }
