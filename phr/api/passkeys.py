"""Where a person adds a passkey, at a browser: logs in, within five minutes, and has the device make one."""

from __future__ import annotations

from flask import Blueprint, Response, request

from phr.api import pages, recency
from phr.api.authorize import back, log_in, logged_in
from phr.api.deciding import speaks
from phr.api.installation import database
from phr.api.oauth import server
from phr.auth import ceremonies, known_devices
from phr.auth.ceremonies import Asking, Party, PasskeyRefused
from phr.auth.codes import Login
from phr.clock import now_ms
from phr.errors import AlreadyThere
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import passkeys, people, second_factors
from phr.people.keyring import KeyDestroyed

blueprint = Blueprint("passkeys", __name__)


@blueprint.get("/oauth/passkeys")
@speaks(gives="text/html")
def show() -> Response:
    party, who = server().party, pages.login()
    if party is None:
        return pages.told("sorry", "passkey_none", 404)
    return _asking(party, who) if who is not None and _is_good(who) else log_in()


@blueprint.post("/oauth/passkeys")
@speaks("application/x-www-form-urlencoded", "text/html")
def decide() -> Response:
    party, who, step = server().party, pages.login(), request.form.get("step")
    if party is None:
        return pages.told("sorry", "passkey_none", 404)
    if not pages.is_own_form():
        return pages.told("sorry", "bad_form", 403)
    if step == "log-in":
        return logged_in()
    if step == "leave" or who is None or not _is_good(who):
        pages.leave()
        return back()
    return _added(party, who)


def _is_good(who: Login) -> bool:
    """By a login of now; and by two factors where the person has them, since a passkey counts as two."""
    return recency.is_now(who.auth_at_ms, now_ms()) and (
        "mfa" in who.amr or not second_factors.has(database(), who.person)
    )


def _asking(party: Party, who: Login, fault: str | None = None, status: int = 200) -> Response:
    try:
        person = people.require(database(), who.person)
        asking, name = Asking(database(), party, pages.cookie()), person.name or who.person[:8]
        asked = ceremonies.registration_options(asking, who.person, name, now_ms())
    except KeyDestroyed:  # of somebody who is being erased
        pages.leave()
        return pages.told("sorry", "passkey_bad", 403)
    return pages.page("passkeys.html", status, passkey=asked, fault=fault)


def _added(party: Party, who: Login) -> Response:
    now, answer = now_ms(), request.form.get("attestation", "")
    try:
        if len(answer) > ceremonies.LONGEST_ANSWER:
            raise PasskeyRefused("too long")
        found = ceremonies.registered(Asking(database(), party, pages.cookie()), who.person, answer, now)
        name = passkeys.check_new(database(), found)
        pages.log(who.person, "added a passkey", now)
        _tell(who.person, name, now)
        passkeys.add(database(), found, now)  # last: who comes in has been told of before
    except (PasskeyRefused, AlreadyThere) as error:
        return _asking(party, who, "passkey_bad", error.status)
    done = pages.told("done", "passkey_done", 201)
    known_devices.remember(database(), pages.keep_device(done), who.person, now)
    pages.leave()
    return done


def _tell(person: str, login: str, now: int) -> None:
    zh = "您的健康档案新增了一个通行密钥登录方式。如非本人操作，请立即在“登录方式”中移除。"
    en = "A passkey was added to log in to your record. If that was not you, remove it under logins at once."
    outbox.tell(database(), Telling(f"passkey:{login}:{now}", person, "login-added", zh, en, urgency=3), now)
