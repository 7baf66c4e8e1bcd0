"""What is a citizen's own: messages, doctor, data taken out, apps let in, the end of the record."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from pages import looks, shown, sittings
from pages.api import Asked, Refused
from pages.house import house

blueprint = Blueprint("mine", __name__)

FORMATS = ("phr-archive", "pdf", "ips")


@blueprint.get("/app/more")
def show_more() -> str:
    return render_template("more.html")


@blueprint.get("/app/notices")
def show_notices() -> str:
    """Shown is read."""
    query = {"cursor": request.args.get("cursor")}
    found = sittings.ask("GET", "/v1/people/me/notices", query=query)
    if unread := [one["id"] for one in found["notices"] if not one.get("read_at")]:
        sittings.ask("POST", "/v1/people/me/notices/read", json={"ids": unread[:200]})
    return render_template("notices.html", notices=found["notices"], cursor=found["next_cursor"])


@blueprint.get("/app/doctor")
def show_doctor() -> str:
    texts = {one["topic"]: one for one in sittings.ask("GET", "/v1/consent-texts")["texts"]}
    return render_template(
        "doctor.html",
        text=shown.words(texts["family-doctor"]) if "family-doctor" in texts else "",
        contracts=sittings.ask("GET", "/v1/people/me/contracts")["contracts"],
        plans=sittings.ask("GET", "/v1/people/me/plans")["plans"],
        targets=sittings.ask("GET", "/v1/people/me/targets")["targets"],
        referrals=sittings.ask("GET", "/v1/people/me/referrals")["referrals"],
    )


@blueprint.get("/app/mine")
def show() -> str:
    return render_template(
        "mine.html",
        exports=sittings.ask("GET", "/v1/people/me/exports")["exports"],
        links=sittings.ask("GET", "/v1/people/me/links")["links"],
        browsers=sittings.ask("GET", "/v1/people/me/known-browsers")["browsers"],
        erasure=_erasure(),
        me=sittings.require().person,
    )


@blueprint.post("/app/mine/exports")
def export() -> Answer:
    wanted = request.form.get("format", "")
    body = {"format": wanted if wanted in FORMATS else FORMATS[0], "language": looks.of(request).language}
    made = sittings.ask("POST", "/v1/people/me/exports", json=body)
    return redirect(f"/app/mine/exports/{made['id']}", 303)


@blueprint.get("/app/mine/exports/<one>")
def fetch(one: str) -> Response:
    """The file as it is written, however long it is."""
    path = f"/v1/people/me/exports/{one}/file"
    status, given, parts = house().api.open("GET", path, Asked(token=sittings.token()))
    if status >= 400:
        sittings.ask("GET", path)  # says why
    names = ("Content-Type", "Content-Disposition", "Content-Security-Policy")
    return Response(parts, status, headers={name: given[name] for name in names if name in given})


@blueprint.post("/app/mine/links/<link>/end")
def end_link(link: str) -> Answer:
    sittings.ask("DELETE", f"/v1/people/me/links/{link}")
    return redirect("/app/mine", 303)


@blueprint.post("/app/mine/browsers/<browser>/forget")
def forget_browser(browser: str) -> Answer:
    sittings.ask("DELETE", f"/v1/people/me/known-browsers/{browser}")
    return redirect("/app/mine", 303)


@blueprint.post("/app/mine/erasure")
def erase() -> Answer:
    me = sittings.require().person
    sittings.ask("DELETE", f"/v1/people/{me}", query={"confirm": request.form.get("confirm", "").strip()})
    return redirect("/app/mine", 303)


@blueprint.post("/app/mine/erasure/cancel")
def keep() -> Answer:
    sittings.ask("DELETE", "/v1/people/me/erasure")
    return redirect("/app/mine", 303)


def _erasure() -> dict[str, Any] | None:
    """The request that is under way."""
    try:
        found: dict[str, Any] = sittings.ask("GET", "/v1/people/me/erasure")
    except Refused as error:
        if error.reply.status == 404:
            return None
        raise
    return found if found.get("state") == "asked" else None
