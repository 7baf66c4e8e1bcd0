"""A citizen's devices and the readings of a household that are nobody's yet."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from pages import problems, shown, sittings
from pages.api import Refused
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("things", __name__)

HELD = "/v1/people/me/held"
MINE, GUEST, NOT_OURS = "mine", "guest", "not-ours"


@blueprint.get("/app/devices")
def show_devices() -> str:
    found = sittings.ask("GET", "/v1/people/me/devices")["devices"]
    questions = sittings.ask("GET", "/v1/people/me/inbox")["inbox"]
    held = [one | {"units": _units(one["metric"])} for one in sittings.ask("GET", HELD)["held"]]
    claimed = request.args.get("claimed", "")
    return render_template("devices.html", devices=found, questions=questions, held=held, claimed=claimed)


@blueprint.post("/app/devices")
def claim() -> Response:
    code = request.form.get("code", "").strip()
    device, _sign, secret = code.rpartition("#") if "#" in code else (request.form.get("device", "").strip(), "", code)
    try:
        sittings.ask("POST", "/v1/devices/claim", json={"device": device, "code": secret})
    except Refused as error:
        why = _unclaimed(error)
        if why is None:
            raise
        return problems.told(error.reply.status, _("Not connected"), why)
    return redirect(f"/app/devices?claimed={device}", 303)


@blueprint.post("/app/devices/held/<held>/<act>")
def put_right(held: str, act: str) -> Response:
    """A reading that could not be taken as it came: its unit, its time, or away with it."""
    form = request.form
    try:
        match act:
            case "correct":
                sittings.ask("POST", f"{HELD}/{held}/correct", json={"unit": form.get("unit", "")})
            case "restamp":
                sittings.ask("POST", f"{HELD}/{held}/restamp", json={"t": _moment(form.get("t", ""))})
            case "discard":
                sittings.ask("DELETE", f"{HELD}/{held}")
    except Refused as error:
        if error.code not in ("value-out-of-bounds", "unit-unknown", "not-correctable", "time-impossible"):
            raise
        return problems.told(error.reply.status, _("Not put right"), _("So it can't be right either. Look again."))
    return redirect("/app/devices", 303)


@blueprint.post("/app/devices/<vendor>/<device>/give-up")
def give_up(vendor: str, device: str) -> str:
    """Shows the new code once: who has it next can claim the device with it."""
    query = {"slot": request.form.get("slot", "")}
    code = sittings.ask("DELETE", f"/v1/people/me/devices/{vendor}/{device}", query=query)["claim_code"]
    return render_template("given_up.html", device=f"{vendor}/{device}", code=code)


@blueprint.post("/app/devices/questions/<question>")
def answer(question: str) -> Response:
    said = request.form.get("answer", "")
    if said in (MINE, GUEST, NOT_OURS):
        sittings.ask("POST", f"/v1/people/me/inbox/{question}", json={"answer": said})
    return redirect("/app/devices", 303)


def _units(key: str) -> dict[str, str]:
    """What the metric may have been measured in, by code."""
    metric = vocabulary().get(key)
    return {one.code: shown.label(one) or one.code for one in metric.units} if metric else {}


def _moment(text: str) -> str:
    """What a field of day and time holds, on the clock of who is at the page; what is none as it is, for the API."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return text
    return local.replace(tzinfo=ZoneInfo(sittings.require().zone)).isoformat(timespec="seconds")


def _unclaimed(error: Refused) -> str | None:
    if error.code == "reading-missing":
        return str(_("Measure once with the device first, then connect it within five minutes."))
    if error.reply.status in (400, 403, 404):
        return str(_("The device or the code is not right. Look at the box once more."))
    if error.reply.status == 409:
        return str(_("Somebody has this device. Who gives it up is told the next code."))
    return None
