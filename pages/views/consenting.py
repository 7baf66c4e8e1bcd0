"""Consents that staff take down for who does not use the app: how, before whom, and the paper that shows it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from pages import looks, shown, sittings
from pages.api import Refused
from pages.house import house
from phr.api import recency
from phr.clock import now_ms

blueprint = Blueprint("consenting", __name__)

KINDS = ("family-doctor", "proxy")
KEPT = ("Content-Type", "Content-Disposition", "Content-Security-Policy")


@blueprint.get("/app/clinic/contracts/<person>/<contract>")
def show(person: str, contract: str) -> str:
    return _page(person, contract)


@blueprint.post("/app/clinic/contracts/<person>/<contract>/consents/<grant>")
def take_down(person: str, contract: str, grant: str) -> Response:
    """The consent, and the paper where one comes with it; a paper that can't be taken leaves the consent as it is."""
    form = request.form
    kind = form.get("kind", KINDS[0])
    path = f"/v1/people/{person}/contracts/{contract}"
    body = {
        "how": form.get("how", ""),
        "evidence": form.get("evidence", "").strip(),
        "witness": form.get("witness") or None,
        "text": {"version": _text(kind)["version"], "language": looks.of(request).language},
    }
    where = f"{path}/proxies/{grant}/consent" if kind == "proxy" else f"{path}/consent"
    try:
        sittings.ask("POST", where, json=body)
    except Refused as error:
        if error.code == "login-too-old":
            return sittings.to_log_in(_place(person, contract), is_fresh=True)
        if error.reply.status != 400:
            raise
        return _again(person, contract, str(error.problem.get("detail", "")))
    return _with_paper(person, contract, grant, is_needed=False)


@blueprint.post("/app/clinic/contracts/<person>/<contract>/consents/<grant>/papers")
def add_paper(person: str, contract: str, grant: str) -> Response:
    return _with_paper(person, contract, grant, is_needed=True)


@blueprint.get("/app/clinic/consents/<person>/<grant>/papers/<paper>")
def fetch(person: str, grant: str, paper: str) -> Response:
    return fetched(f"/v1/people/{person}/contracts/consents/{grant}/papers/{paper}")


@blueprint.get("/app/clinic/papers/<paper>")
def fetch_as_officer(paper: str) -> Response:
    return fetched(f"/v1/organisation/consent-papers/{paper}")


@blueprint.post("/app/clinic/requests/<grant>")
def answer(grant: str) -> Response:
    """The privacy officer's word to a relative of somebody who has died."""
    body: dict[str, Any] = {"answer": request.form.get("answer", "")}
    if body["answer"] == "accept":
        body["text"] = {"version": _text("relative")["version"], "language": looks.of(request).language}
    try:
        sittings.ask("POST", f"/v1/organisation/requests/{grant}", json=body)
    except Refused as error:
        if error.code != "login-too-old":
            raise
        return sittings.to_log_in("/app/clinic", is_fresh=True)
    return redirect("/app/clinic", 303)


def fetched(path: str) -> Response:
    """A file of the API, to be kept and not shown."""
    found = sittings.reply("GET", path)
    return Response(found.body, headers={name: found.headers[name] for name in KEPT if name in found.headers})


def text_of(topic: str) -> str:
    """The present wording that somebody consents to."""
    return shown.words(_text(topic))


def hows() -> dict[str, str]:
    return {
        "sms-reply": _("answered by a short message"),
        "tablet-signature": _("signed on a tablet"),
        "paper": _("signed on paper before a witness"),
    }


def _with_paper(person: str, contract: str, grant: str, *, is_needed: bool) -> Response:
    file = request.files.get("paper")
    if file is not None and file.filename:
        path = f"/v1/people/{person}/contracts/consents/{grant}/papers"
        try:
            sittings.ask("POST", path, data=file.read(), headers={"Content-Type": "application/octet-stream"})
        except Refused as error:
            if error.reply.status not in (400, 409, 413, 415):
                raise
            return _again(person, contract, _why_not(error))
    elif is_needed:
        return _again(person, contract, _("Choose a file first."))
    return redirect(_place(person, contract), 303)


def _why_not(error: Refused) -> str:
    known = {
        400: _("The file is empty, cut off or damaged."),
        409: _("There are enough pages already."),
        413: _("The file is larger than 10 MiB."),
        415: _("A scan or a photograph is a JPEG, a PNG or a PDF."),
    }
    return " ".join((_("The paper was not kept."), known[error.reply.status]))


def _again(person: str, contract: str, fault: str) -> Response:
    return Response(_page(person, contract, fault), 422, content_type="text/html; charset=utf-8")


def _page(person: str, contract: str, fault: str = "") -> str:
    path = f"/v1/people/{person}/contracts"
    found = next((one for one in sittings.ask("GET", path)["contracts"] if one["id"] == contract), None)
    if found is None:
        sittings.ask("GET", f"{path}/{contract}/proxies")  # says that there is none
    consents = [found | {"kind": KINDS[0], "id": found["grant"]}] if found else []
    if found and found["state"] in ("accepted", "frozen"):
        consents += sittings.ask("GET", f"{path}/{contract}/proxies")["grants"]
    me, organisation = sittings.require().person, sittings.ask("GET", "/v1/organisation")
    return render_template(
        "consent.html",
        contract=found,
        consents=consents,
        papers={one["id"]: _papers(person, one["id"]) for one in consents if (one["assisted"] or {}).get("by") == me},
        colleagues=[one for one in organisation["members"] if one["person"] != me],
        teams={one["team"]: one["name"] for one in organisation["teams"]},
        texts={kind: text_of(kind) for kind in KINDS},
        hows=hows(),
        place=_place(person, contract),
        is_fresh=_is_fresh(),
        fault=fault,
    )


def _papers(person: str, grant: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sittings.ask("GET", f"/v1/people/{person}/contracts/consents/{grant}/papers")[
        "papers"
    ]
    return found


def _is_fresh() -> bool:
    """True for a login that does to let somebody see a record: better asked for before the form is filled in."""
    who = house().installation.protector.of_token(sittings.token())
    return recency.is_now(who.auth_at_ms, now_ms())


def _place(person: str, contract: str) -> str:
    return f"/app/clinic/contracts/{person}/{contract}"


def _text(topic: str) -> dict[str, Any]:
    texts: list[dict[str, Any]] = sittings.ask("GET", "/v1/consent-texts")["texts"]
    return next(one for one in texts if one["topic"] == topic)
