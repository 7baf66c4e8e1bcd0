"""What a professional does for one resident: alerts, plans, the follow-up form, targets, referrals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from pages import looks, places, sittings
from pages.api import Refused, Reply
from pages.records import listed, profile_of

blueprint = Blueprint("work", __name__)

REFERRAL_DAYS = 30
MOST_TOLD = 6  # alerts in full; more of them are by their metric
MANY = "many:"


def of_resident(person: str) -> dict[str, Any]:
    """What waits with a resident, as far as the grant reaches."""
    plans = listed(f"/v1/people/{person}/plans", "plans")
    active = [one for one in plans if one["state"] == "active"]
    return {
        "alerts": _alerts(person),
        "plans": active,
        "visits": [one for plan in active for one in _visits(person, plan["id"])][:6],
        "tasks": listed(f"/v1/people/{person}/tasks", "tasks"),
        "referrals": listed(f"/v1/people/{person}/referrals", "referrals"),
        "programmes": sittings.ask("GET", "/v1/care/programmes")["programmes"],
        "articles": sittings.ask("GET", "/v1/education/articles", query={"language": looks.of(request).language})[
            "articles"
        ],
        "lessons": _lessons(person),
        "today": _today().isoformat(),
    }


def _alerts(person: str) -> list[dict[str, Any]]:
    """Those that are open, as their rules said it: with the value, the limit and the source."""
    found = listed(f"/v1/people/{person}/alerts?state=open", "alerts")
    return [sittings.ask("GET", f"/v1/people/{person}/alerts/{one['id']}") for one in found[:MOST_TOLD]] + found[
        MOST_TOLD:
    ]


def _lessons(person: str) -> list[dict[str, Any]]:
    """Those that were prescribed, with whether they are finished."""
    known = {one["lesson"]: one for one in listed(f"/v1/people/{person}/lessons", "lessons")}
    asked = [one for one in listed(f"/v1/people/{person}/reminders", "reminders") if one["kind"] == "lesson"]
    return [one | {"finished_at": known.get(one["about"], {}).get("finished_at")} for one in asked]


@blueprint.post("/app/people/<person>/alerts/<alert>/<act>")
def on_alert(person: str, alert: str, act: str) -> Answer:
    if act in ("acknowledge", "resolve"):
        sittings.ask("POST", f"/v1/people/{person}/alerts/{alert}/{act}", json={} if act == "resolve" else None)
    return _back(person)


@blueprint.post("/app/people/<person>/plans")
def enrol(person: str) -> Answer:
    body = {"programme": request.form.get("programme", ""), "starts_on": _today().isoformat()}
    sittings.ask("POST", f"/v1/people/{person}/plans", json=body)
    return _back(person)


@blueprint.post("/app/people/<person>/plans/<plan>/visits")
def prepare(person: str, plan: str) -> Answer:
    made = sittings.ask("POST", f"/v1/people/{person}/plans/{plan}/visits", json={"on": _today().isoformat()})
    return redirect(f"/app/people/{person}/visits/{made['id']}{places.kept()}", 303)


@blueprint.get("/app/people/<person>/visits/<visit>")
def show_visit(person: str, visit: str) -> str:
    return _form(person, sittings.ask("GET", f"/v1/people/{person}/visits/{visit}"), {})


@blueprint.post("/app/people/<person>/visits/<visit>")
def fill_in(person: str, visit: str) -> Answer:
    """Kept at every step, on the server and sealed; ``act`` says what more is to be done with it.

    What can't be right stays at its field with the reason, and the rest is kept; a script is told so in JSON.
    """
    path, form = f"/v1/people/{person}/visits/{visit}", request.form
    reply = sittings.reply("GET", path)
    faults: dict[str, str] = {}
    if reply.json()["state"] == "prepared":
        reply, faults = _keep(path, reply, form)
    if sittings.FORM_HEADER in request.headers:
        return Response(msgspec.json.encode({"faults": faults}), content_type="application/json")
    headers = {"If-Match": reply.etag}
    try:
        match form.get("act"):
            case "confirm" if not faults:
                sittings.ask("POST", f"{path}/confirm", json={"accept_proposal": True}, headers=headers)
                return _back(person)
            case "reopen":
                sittings.ask("POST", f"{path}/reopen", headers=headers)
    except Refused as error:
        key = _item_of(error)
        if key is None:
            raise
        faults = {key: _unconfirmed(key)}
    if faults:
        return Response(_form(person, reply.json(), faults), 422, content_type="text/html; charset=utf-8")
    return redirect(f"/app/people/{person}/visits/{visit}{places.kept()}", 303)


@blueprint.get("/app/people/<person>/visits/<visit>/form")
def fetch_form(person: str, visit: str) -> Response:
    """The official form to print or to take over, as the API writes it."""
    wanted = request.args.get("format", "html")
    found = sittings.reply("GET", f"/v1/people/{person}/visits/{visit}/form", query={"format": wanted})
    names = ("Content-Type", "Content-Disposition", "Content-Security-Policy")
    return Response(found.body, headers={name: found.headers[name] for name in names if name in found.headers})


@blueprint.post("/app/people/<person>/targets")
def set_target(person: str) -> Answer:
    form = request.form
    name, limit = form.get("target", ""), form.get("limit", "").strip()
    known = sittings.ask("GET", f"/v1/people/{person}/targets")["targets"]
    version = next((one["version"] for one in known if one["target"] == name), None)
    headers = {"If-Match": f'"{version}"'} if version else {}
    body = {"limit": float(limit) if limit else None, "why": form.get("why", "")}
    sittings.ask("PUT", f"/v1/people/{person}/targets/{name}", json=body, headers=headers)
    return _back(person)


@blueprint.post("/app/people/<person>/referrals")
def refer(person: str) -> Answer:
    """A question to a specialist; the resident is asked before anything is seen."""
    until = datetime.now(UTC) + timedelta(days=REFERRAL_DAYS)
    body = {
        "person": person,
        "grantee": request.form.get("specialist", "").strip(),
        "kind": "specialist",
        "question": request.form.get("question", "").strip(),
        "until": until.isoformat(timespec="seconds"),
    }
    sittings.ask("POST", "/v1/people/me/received-grants", json=body)
    return _back(person)


@blueprint.post("/app/people/<person>/referrals/<grant>/answer")
def answer(person: str, grant: str) -> Answer:
    body = {"answer": request.form.get("answer", "").strip()}
    sittings.ask("POST", f"/v1/people/{person}/referrals/{grant}/answer", json=body)
    return _back(person)


@blueprint.post("/app/people/<person>/tasks/<task>/close")
def close_task(person: str, task: str) -> Answer:
    headers = {"If-Match": f'"{request.form.get("version", "")}"'}
    body = {"outcome": request.form.get("outcome", "").strip()}
    sittings.ask("POST", f"/v1/people/{person}/tasks/{task}/close", json=body, headers=headers)
    return _back(person)


def _signs() -> dict[str, str]:
    """Signs of danger that a follow-up asks for, by the codes of the forms."""
    return {
        "consciousness-change": _("a change of consciousness"),
        "consciousness-or-behaviour-change": _("a change of consciousness or behaviour"),
        "severe-headache-or-dizziness": _("severe headache or dizziness"),
        "nausea-vomiting": _("nausea, vomiting"),
        "blurred-vision": _("blurred vision"),
        "sudden-vision-loss": _("sudden loss of sight"),
        "eye-pain": _("pain in the eyes"),
        "palpitation-chest-tightness": _("palpitations, tightness of the chest"),
        "dyspnoea-lying-flat": _("breathless when lying flat"),
        "pregnant-or-lactating": _("pregnant or breast-feeding"),
        "other-disease": _("another illness that does not allow treatment here"),
        "acetone-breath": _("breath that smells of acetone"),
        "palpitation-sweating": _("palpitations, sweating"),
        "anorexia-nausea-vomiting": _("no appetite, nausea, vomiting"),
        "polydipsia-polyuria": _("great thirst, much urine"),
        "abdominal-pain": _("pain in the belly"),
        "deep-breathing-flushed-skin": _("deep breathing, flushed skin"),
        "sustained-heart-rate-over-100": _("pulse above 100 all the time"),
        "temperature-over-39": _("temperature above 39 ℃"),
    }


def _form(person: str, visit: dict[str, Any], faults: dict[str, str]) -> str:
    """The page of a form, with what was typed where it could not be kept."""
    homes = {key: one for one in (visit["home"] or {}).values() if one["is_enough"] for key in one["values"]}
    return render_template(
        "visit.html",
        person=person,
        profile=profile_of(person),
        visit=visit,
        homes=homes,
        codes={one["key"]: one["codes"] for one in visit["items"] if one["codes"]},
        signs=_signs(),
        faults=faults,
        typed={key: request.form.get(key, "") for key in faults if key in request.form},
    )


def _keep(path: str, found: Reply, form: MultiDict[str, str]) -> tuple[Reply, dict[str, str]]:
    """All of the form that can be kept, and why the rest can't, by item."""
    visit = found.json()
    faults: dict[str, str] = {}
    body, items = _said(visit, form), {one["key"]: one for one in visit["items"]}
    while True:
        try:
            return sittings.reply("PATCH", path, json=body, headers={"If-Match": found.etag}), faults
        except Refused as error:
            key = _item_of(error)
            if key is None or key not in body["items"]:
                raise
            faults[key] = _impossible(items[key], error)
            del body["items"][key]


def _item_of(error: Refused) -> str | None:
    """The item of the form that a refusal names."""
    _, sign, key = str(error.problem.get("pointer", "")).partition("/items/")
    return key if sign else None


def _impossible(item: dict[str, Any], error: Refused) -> str:
    match item["kind"]:
        case "number":
            low, high = item["bounds"]
            return str(_("a number from %(low)s to %(high)s", low=format(low, "g"), high=format(high, "g")))
        case "day":
            return str(_("a day such as %(day)s", day=_today().isoformat()))
    return str(error.problem.get("detail", ""))


def _unconfirmed(key: str) -> str:
    """Why a form can't be confirmed, by the item that it is about."""
    known = {
        "next-on": _("the day of the next visit lies after this one"),
        "referral-to": _("say where to, since there is a reason to refer"),
    }
    return str(known.get(key) or _("say it before the form is confirmed"))


def _said(visit: dict[str, Any], form: MultiDict[str, str]) -> dict[str, Any]:
    """What the form holds, for the items of this visit alone; what came from home and is left so stays adopted."""
    items: dict[str, Any] = {}
    adopt = []
    for one in visit["items"]:
        key = one["key"]
        if f"adopt:{key}" in form:
            adopt.append(key)
        elif f"{MANY}{key}" in form:
            items[key] = [each for each in form.getlist(key) if each] or None
        elif key in form and str("" if one["value"] is None else one["value"]) != form[key]:
            items[key] = _value(form[key], is_number=one["kind"] == "number")
    body: dict[str, Any] = {"items": items, "adopt": adopt}
    if "has-signs" in form:
        body["signs"] = form.getlist("sign")
    return body


def _value(text: str, *, is_number: bool) -> Any:
    text = text.strip()
    if not text:
        return None
    try:
        return float(text) if is_number else text
    except ValueError:  # the API names the item
        return text


def _visits(person: str, plan: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sittings.ask("GET", f"/v1/people/{person}/plans/{plan}/visits")["visits"]
    return sorted(found, key=lambda one: str(one["on"]), reverse=True)


def _today() -> date:
    return datetime.now(ZoneInfo(sittings.require().zone)).date()


def _back(person: str) -> Answer:
    return redirect(f"/app/people/{person}{places.kept()}", 303)
