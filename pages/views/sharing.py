"""Who may see a record and who looked: grants, family, doctors, consents, the access log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from pages import looks, shown, sittings
from pages.views import consenting
from phr.auth.scopes import scopes
from phr.people.grants import WITH_KIND

blueprint = Blueprint("sharing", __name__)

DAYS = {"1": 1, "7": 7, "30": 30, "90": 90, "365": 365}
RELATIVE = "relative"
SUPPORT = "support"
GIVEN = (RELATIVE, "family-doctor", "proxy")
PAPERS = "/v1/people/me/contracts/consents"
LIVE = ("accepted", "invited", "proposed", "frozen")


@blueprint.get("/app/sharing")
def show() -> str:
    found = sittings.ask("GET", "/v1/people/me/grants")["grants"]
    return render_template(
        "sharing.html",
        live=[one for one in found if one["state"] in LIVE],
        over=[one for one in found if one["state"] not in LIVE],
        received=sittings.ask("GET", "/v1/people/me/received-grants")["grants"],
        consents=sittings.ask("GET", "/v1/people/me/consents")["consents"],
        me=sittings.require().person,
        categories=_categories(),
        texts={kind: shown.words(_text(kind)) for kind in GIVEN},
        support_text=shown.words(_text(SUPPORT)),
    )


@blueprint.post("/app/sharing")
def give() -> Response:
    """To a relative or a professional, by the id that they tell; to the operators, who have none."""
    kind = request.form.get("kind", RELATIVE)
    grantee = SUPPORT if kind == SUPPORT else request.form.get("grantee", "").strip()
    sittings.ask("POST", "/v1/people/me/grants", json=_wanted(kind) | {"grantee": grantee})
    return redirect("/app/sharing", 303)


@blueprint.post("/app/sharing/invitations")
def invite() -> str:
    """A code for a relative, on the page that this makes and nowhere else."""
    made = sittings.ask("POST", "/v1/people/me/grants/invitations", json=_wanted(RELATIVE))
    return render_template("invited.html", invited=made)


@blueprint.post("/app/sharing/by-code")
def come_by_code() -> Response:
    body = {"code": request.form.get("code", "")}
    sittings.ask("POST", "/v1/people/me/received-grants/by-code", json=body)
    return redirect("/app/sharing", 303)


@blueprint.get("/app/sharing/<grant>")
def preview(grant: str) -> str:
    """What they see, by the same decision as theirs."""
    found = sittings.ask("GET", f"/v1/people/me/grants/{grant}")
    seen = sittings.ask("GET", f"/v1/people/me/grants/{grant}/preview")
    overview = None
    if "readings" in seen["read"]:
        overview = sittings.ask("GET", "/v1/people/me/overview", headers={"View-As": grant})
    papers = sittings.ask("GET", f"{PAPERS}/{grant}/papers")["papers"] if found["assisted"] else []
    return render_template(
        "grant.html", grant=found, seen=seen, overview=overview, words=_words(), papers=papers, hows=consenting.hows()
    )


@blueprint.get("/app/sharing/<grant>/papers/<paper>")
def fetch_paper(grant: str, paper: str) -> Response:
    return consenting.fetched(f"{PAPERS}/{grant}/papers/{paper}")


@blueprint.post("/app/sharing/<grant>/<act>")
def decide(grant: str, act: str) -> Response:
    if act == "revoke":
        sittings.ask("DELETE", f"/v1/people/me/grants/{grant}")
    elif act == "accept":
        kind = sittings.ask("GET", f"/v1/people/me/grants/{grant}")["kind"]
        text = {"version": _text(kind)["version"], "language": looks.of(request).language}
        sittings.ask("POST", f"/v1/people/me/grants/{grant}/accept", json={"text": text})
    elif act == "decline":
        sittings.ask("POST", f"/v1/people/me/grants/{grant}/decline")
    elif act == "give-up":
        sittings.ask("DELETE", f"/v1/people/me/received-grants/{grant}")
    return redirect("/app/sharing", 303)


@blueprint.post("/app/consents/<topic>")
def consent(topic: str) -> Response:
    is_given = request.form.get("consent") == "yes"
    body: dict[str, Any] = {"consent": is_given}
    if is_given:
        body["text"] = {"version": _text(topic)["version"], "language": looks.of(request).language}
    elif topic == "store" or topic.startswith("vendor:"):
        body["stored"] = request.form.get("stored", "lock")
    sittings.ask("PUT", f"/v1/people/me/consents/{topic}", json=body)
    return redirect("/app/sharing", 303)


@blueprint.get("/app/looked")
def show_log() -> str:
    query = {
        "limit": 50,
        "cursor": request.args.get("cursor"),
        "others": "false" if request.args.get("all") else "true",
    }
    found = sittings.ask("GET", "/v1/people/me/access-log", query=query)
    is_all = bool(request.args.get("all"))
    return render_template("looked.html", lines=found["lines"], cursor=found["next_cursor"], is_all=is_all)


def _wanted(kind: str) -> dict[str, Any]:
    """What the form describes, with the text that was shown beside it."""
    days = DAYS.get(request.form.get("days", ""))
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds") if days else None
    return {
        "kind": kind,
        "categories": request.form.getlist("category") or ["*"],
        "text": {"version": _text(kind)["version"], "language": looks.of(request).language},
    } | ({"until": until} if until else {})


def _text(topic: str) -> dict[str, Any]:
    """The wording that is shown before somebody consents, and its version."""
    texts: list[dict[str, Any]] = sittings.ask("GET", "/v1/consent-texts")["texts"]
    known = {one["topic"]: one for one in texts}
    return known.get(topic) or known.get(topic.partition(":")[0]) or known[RELATIVE]


def _words() -> dict[str, str]:
    """Categories in the reader's language, as the scopes that open them are told."""
    language = looks.of(request).language
    found: dict[str, str] = {}
    for scope in scopes().values():
        if len(scope.categories) == 1 and scope.verb == "read":
            found[scope.categories[0]] = getattr(scope, language)
    return found


def _categories() -> dict[str, str]:
    return {name: words for name, words in _words().items() if name not in WITH_KIND}
