"""A clinic's own pages: follow-ups to send on, residents to import, rules to sign, an emergency to open, contracts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from pages import looks, sittings
from pages.api import Refused
from pages.records import listed
from pages.views import consenting

blueprint = Blueprint("clinic", __name__)

ACTS = {
    "sign": ("POST", "sign"),
    "take-back": ("DELETE", "sign"),
    "publish": ("POST", "publish"),
    "withdraw": ("DELETE", "publish"),
}

COLUMNS = ("name", "identity_number", "phone", "birth_date", "sex", "team", "starts_on", "ends_on")


@blueprint.get("/app/clinic")
def show() -> str:
    return render_template(
        "clinic.html",
        organisation=sittings.ask("GET", "/v1/organisation"),
        cases=listed("/v1/organisation/emergencies", "cases"),
        requests=listed("/v1/organisation/requests", "requests"),
        request_text=consenting.text_of("relative"),
        papers=listed("/v1/organisation/consent-papers", "papers"),
    )


@blueprint.get("/app/clinic/contracts")
def show_contracts() -> str:
    """Of their own page, since everybody whose name is shown finds that in their access log."""
    teams = {one["team"]: one["name"] for one in sittings.ask("GET", "/v1/organisation")["teams"]}
    found = sittings.ask("GET", "/v1/organisation/contracts")["contracts"]
    return render_template("contracts.html", contracts=found, teams=teams)


@blueprint.get("/app/clinic/residents")
def show_import() -> str:
    return render_template("residents.html", found=None, columns=COLUMNS)


@blueprint.post("/app/clinic/residents")
def import_residents() -> Response:
    """Looks at the file first (``act``: try), and takes it in as a whole where nothing is wrong with it."""
    file, is_dry = request.files.get("file"), request.form.get("act") != "import"
    if file is None or not file.filename:
        return _imported(None, _("Choose a file first."), is_dry=is_dry)
    content = file.read()
    found = _take_in(content, is_dry=True)
    if not is_dry and not found["faults"]:
        found = _take_in(content, is_dry=False)
    return _imported(found, "", is_dry=is_dry)


def _take_in(content: bytes, *, is_dry: bool) -> dict[str, Any]:
    query, headers = {"dry_run": "true" if is_dry else "false"}, {"Content-Type": "text/csv"}
    path = "/v1/organisation/residents"
    found: dict[str, Any] = sittings.ask("POST", path, query=query, data=content, headers=headers)
    return found


def _imported(found: dict[str, Any] | None, fault: str, *, is_dry: bool) -> Response:
    page = render_template("residents.html", found=found, is_dry=is_dry, fault=fault, columns=COLUMNS)
    is_refused = bool(fault or (found and found["faults"] and not is_dry))
    return Response(page, 422 if is_refused else 200, content_type="text/html; charset=utf-8")


@blueprint.get("/app/clinic/forms")
def show_forms() -> str:
    """Confirmed follow-ups, to be typed into the regional system or handed to it as a file, and marked as sent."""
    asked = _span()
    found = sittings.ask("GET", "/v1/organisation/visits", query=asked | {"format": "json"})["forms"]
    forms = [
        {name: one[name] for name in ("id", "person", "form", "sent")}
        | {"name": one["姓名"], "on": one["随访日期"], "doctor": one["随访医生"]}
        for one in found
    ]
    return render_template("forms.html", forms=forms, asked=asked)


@blueprint.get("/app/clinic/forms/file")
def fetch_forms() -> Response:
    wanted = "json" if request.args.get("format") == "json" else "xlsx"
    reply = sittings.reply("GET", "/v1/organisation/visits", query=_span() | {"format": wanted})
    name = f"visits.{wanted}"
    headers = {"Content-Type": reply.headers["Content-Type"], "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(reply.body, headers=headers)


@blueprint.post("/app/clinic/forms/sent")
def mark_sent() -> Response:
    """Those that were ticked; one that somebody changed meanwhile stays as it is and is still in the list."""
    body = {"to": request.form.get("to", "").strip(), "number": request.form.get("number", "").strip() or None}
    wanted = request.form.getlist("shown" if request.form.get("act") == "all" else "visit")
    for person, _sign, visit in (one.partition("/") for one in wanted):
        path = f"/v1/people/{person}/visits/{visit}"
        sittings.ask("POST", f"{path}/sent", json=body, headers={"If-Match": "*"})
    return redirect(f"/app/clinic/forms?{urlencode(_span())}", 303)


@blueprint.get("/app/clinic/rules")
def show_rules() -> str:
    found = sittings.ask("GET", "/v1/care/rules")
    return render_template("rules.html", rules=found["rules"], silent=found["silent_emergency_rules"])


@blueprint.post("/app/clinic/rules/<rule>/<act>")
def sign(rule: str, act: str) -> Response:
    sittings.ask("DELETE" if act == "take-back" else "POST", f"/v1/care/rules/{rule}/sign")
    return redirect(f"/app/clinic/rules#{rule}", 303)


@blueprint.get("/app/clinic/articles")
def show_articles() -> str:
    query = {"language": looks.of(request).language}
    everybodys = sittings.ask("GET", "/v1/education/articles", query=query)["articles"]
    own = sittings.ask("GET", "/v1/organisation/articles", query=query)["articles"]
    return render_template(
        "articles.html", articles=own + everybodys, own={one["slug"] for one in own}, drafts=_drafts()
    )


@blueprint.get("/app/clinic/drafts/<slug>")
def show_draft(slug: str) -> str:
    """Both languages beside each other, as they would be read, with what an editor should look at."""
    return render_template("draft.html", texts=sittings.ask("GET", f"/v1/education/workflow/{slug}")["texts"])


@blueprint.post("/app/clinic/drafts/<slug>")
def move_draft(slug: str) -> Response:
    """The very version that was shown: signed, published, or one of these taken back."""
    form = request.form
    if form.get("act") not in ACTS:
        abort(400)
    method, way = ACTS[form["act"]]
    query = {"language": form.get("language", ""), "version": form.get("version", "")}
    sittings.ask(method, f"/v1/education/articles/{slug}/{way}", query=query)
    return redirect(f"/app/clinic/drafts/{slug}", 303)


@blueprint.post("/app/clinic/articles/<slug>/<act>")
def sign_article(slug: str, act: str) -> Response:
    """In the language in which it was read."""
    query = {"language": looks.of(request).language}
    sittings.ask("DELETE" if act == "take-back" else "POST", f"/v1/education/articles/{slug}/sign", query=query)
    return redirect(f"/app/clinic/articles#{slug}", 303)


@blueprint.post("/app/clinic/emergencies")
def open_emergency() -> Response:
    """Breaks the glass: the owner is told at once, the privacy officer looks at it."""
    form = request.form
    body = {"identity_number": form.get("identity", "").strip(), "reason": form.get("reason", "").strip()}
    made = sittings.ask("POST", "/v1/emergencies", json=body)
    return redirect(f"/app/emergencies/{made['person']}", 303)


@blueprint.get("/app/emergencies/<person>")
def show_emergency(person: str) -> str:
    return render_template("emergency.html", found=sittings.ask("GET", f"/v1/people/{person}/emergency-summary"))


@blueprint.post("/app/clinic/emergencies/<case>/close")
def close_emergency(case: str) -> Response:
    body = {"is_justified": request.form.get("justified") == "yes"}
    sittings.ask("POST", f"/v1/organisation/emergencies/{case}/close", json=body)
    return redirect("/app/clinic", 303)


def _span() -> dict[str, str]:
    """Which forms are wanted; without a word those of this month that were not sent on yet."""
    today = datetime.now(UTC).astimezone(ZoneInfo(sittings.require().zone)).date()
    said = {name: request.values.get(name, "") for name in ("from", "to", "sent")}
    asked = {"from": said["from"] or today.replace(day=1).isoformat(), "to": said["to"] or today.isoformat()}
    wanted = said["sent"] if "sent" in request.values else "false"
    return asked | ({"sent": wanted} if wanted else {})


def _drafts() -> list[dict[str, object]]:
    """What was imported and not replaced; nothing for who may not sign."""
    try:
        found: list[dict[str, object]] = sittings.ask("GET", "/v1/education/workflow")["articles"]
    except Refused as error:
        if error.reply.status != 403:
            raise
        return []
    return list({(one["language"], one["slug"]): one for one in reversed(found)}.values())
