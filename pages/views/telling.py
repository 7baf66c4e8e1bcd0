"""How a person is told: where, by which channels of which kind, when not, and how much is said there."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from pages import sittings

blueprint = Blueprint("telling", __name__)

PLACE = "/app/notices/settings"
PREFERENCES = "/v1/people/me/notice-preferences"
ADDRESSES = "/v1/people/me/notice-addresses"
MAY_DETAIL = ("web-push", "webhook")
UNPROVED = "unproved"


@blueprint.get(PLACE)
def show() -> str:
    where = sittings.ask("GET", ADDRESSES)
    addresses = where["addresses"]
    devices = sittings.ask("GET", "/v1/people/me/devices")["devices"]
    return render_template(
        "telling.html",
        addresses=addresses,
        push_key=where["web_push_key"],
        channels=list(dict.fromkeys(one["channel"] for one in addresses if one["state"] != UNPROVED)),
        chosen=sittings.ask("GET", PREFERENCES),
        devices=[one["device"] for one in devices if one["state"] == "bound"],
        names=_channels(),
        kinds=_kinds(),
        may_detail=MAY_DETAIL,
    )


@blueprint.post("/app/notices/addresses")
def add() -> Response:
    channel = request.form.get("channel", "")
    address = {name: request.form[name].strip() for name in ("email", "device") if request.form.get(name)}
    sittings.ask("POST", ADDRESSES, json={"channel": channel, "address": address})
    return redirect(PLACE, 303)


@blueprint.post("/app/notices/addresses/<address>/proof")
def prove(address: str) -> Response:
    sittings.ask("POST", f"{ADDRESSES}/{address}/proof", json={"code": request.form.get("code", "").strip()})
    return redirect(PLACE, 303)


@blueprint.post("/app/notices/addresses/<address>/remove")
def remove(address: str) -> Response:
    sittings.ask("DELETE", f"{ADDRESSES}/{address}")
    return redirect(PLACE, 303)


@blueprint.post(PLACE)
def choose() -> Response:
    """One choice at a time: a channel of a kind, whether it says more, quiet hours, the hour of the digest."""
    before = sittings.reply("GET", PREFERENCES)
    wanted, form = before.json(), request.form
    channel = form.get("channel", "")
    match form.get("what"):
        case "kind" if form.get("kind") in wanted["kinds"]:
            wanted["kinds"][form["kind"]] = _switched(wanted["kinds"][form["kind"]], channel)
        case "details":
            wanted["details"] = _switched(wanted["details"], channel)
        case "quiet":
            wanted["quiet"] = {"from": form.get("from", ""), "to": form.get("to", "")}
        case "no-quiet":
            wanted["quiet"] = None
        case "digest":
            wanted["digest_at"] = form.get("at") or None
    sittings.ask("PUT", PREFERENCES, json=wanted, headers={"If-Match": before.etag})
    return redirect(PLACE, 303)


def _switched(chosen: list[str], channel: str) -> list[str]:
    return [one for one in chosen if one != channel] if channel in chosen else [*chosen, channel]


def _channels() -> dict[str, str]:
    return {
        "wechat": _("WeChat"),
        "wechat-official": _("WeChat official account"),
        "web-push": _("a browser"),
        "email": _("e-mail"),
        "sms": _("short message"),
        "device": _("a device's display"),
        "webhook": _("a partner's server"),
    }


def _kinds() -> dict[str, str]:
    return {
        "alert": _("Values that need attention"),
        "reminder": _("Medicines, measurements, visits"),
        "lesson": _("Lessons"),
        "account": _("My record and who sees it"),
    }
