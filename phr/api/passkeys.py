"""Where a person adds a passkey, by a login of the last five minutes: at a page of ours, or by an app of theirs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypedDict

import msgspec
from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, Schema, fields, validate

from phr.api import pages, recency
from phr.api.authorize import back, log_in, logged_in
from phr.api.deciding import access, caller, returns, speaks, takes
from phr.api.installation import database
from phr.api.oauth import server
from phr.api.shapes import At
from phr.auth import ceremonies
from phr.auth.ceremonies import Asking, Party, PasskeyRefused
from phr.auth.codes import Login
from phr.clock import now_ms, rfc3339
from phr.errors import AccessDenied, AlreadyThere, NotFound
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import passkeys, people, second_factors
from phr.people.keyring import KeyDestroyed

blueprint = Blueprint("passkeys", __name__)


BASE64URL = validate.Regexp(r"[A-Za-z0-9_-]+={0,2}\Z")


class ResponseBody(Schema):
    class Meta:
        unknown = EXCLUDE  # what browsers add to the same: transports, a public key besides

    client_data = fields.String(required=True, data_key="clientDataJSON", validate=BASE64URL)
    attestation = fields.String(required=True, data_key="attestationObject", validate=BASE64URL)


class AttestationBody(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True, validate=BASE64URL)
    raw_id = fields.String(required=True, data_key="rawId", validate=BASE64URL)
    type = fields.String(required=True, validate=validate.Equal("public-key"))
    response = fields.Nested(ResponseBody, required=True)


class PasskeyBody(Schema):
    """``attestation``: what the authenticator gave, as ``PublicKeyCredential.toJSON()`` has it (WebAuthn Level 3)."""

    attestation = fields.Nested(AttestationBody, required=True)


class OptionsTold(TypedDict):
    """``options``: for ``PublicKeyCredential.parseCreationOptionsFromJSON``, good for five minutes and once."""

    options: dict[str, Any]


class PasskeyTold(TypedDict):
    login: str
    made_at: At


@blueprint.post("/v1/people/<person>/passkeys/options")
@access("logins.write")
@returns()
def ask_for_passkey(person: str) -> OptionsTold:
    """What an app that speaks for this installation's address asks an authenticator, to make a passkey."""
    asking = _of_app(person)
    return {"options": msgspec.json.decode(_options(asking, person, now_ms()))}


@blueprint.post("/v1/people/<person>/passkeys")
@access("logins.write")
@takes(PasskeyBody)
@returns(status=201)
def add_passkey(person: str, body: dict[str, Any]) -> PasskeyTold:
    now, answer = now_ms(), msgspec.json.encode(PasskeyBody().dump(body)["attestation"]).decode()
    return {"login": _kept(_of_app(person), person, answer, now), "made_at": rfc3339(now)}


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
        asked = _options(Asking(database(), party, pages.cookie()), who.person, now_ms())
    except KeyDestroyed:  # of somebody who is being erased
        pages.leave()
        return pages.told("sorry", "passkey_bad", 403)
    return pages.page("passkeys.html", status, passkey=asked, fault=fault)


def _added(party: Party, who: Login) -> Response:
    now, answer = now_ms(), request.form.get("attestation", "")
    try:
        note = partial(pages.log, who.person, "added a passkey", now)
        _kept(Asking(database(), party, pages.cookie()), who.person, answer, now, note=note)
    except (PasskeyRefused, AlreadyThere) as error:
        return _asking(party, who, "passkey_bad", error.status)
    done = pages.told("done", "passkey_done", 201)
    pages.remember_device(done, who.person, now)
    pages.leave()
    return done


def _of_app(person: str) -> Asking:
    """For the person alone, by both factors where they have two: a passkey counts as two. Raises AccessDenied."""
    who, party = caller(), server().party
    if who.subject != person or who.act is not None:
        raise AccessDenied("a passkey is the person's own")
    if "mfa" not in who.amr and second_factors.has(database(), person):
        raise AccessDenied("log in with both factors first")
    if party is None:
        raise NotFound("there are no passkeys here: the installation's address has no name, or no TLS")
    return Asking(database(), party, f"app {who.client_id}", is_app=True)  # no cookie is written so


def _options(asking: Asking, person: str, now: int) -> str:
    name = people.require(database(), person).name or person[:8]
    return ceremonies.registration_options(asking, person, name, now)


def _kept(asking: Asking, person: str, answer: str, now: int, *, note: Callable[[], None] | None = None) -> str:
    """The name of the new login. Raises PasskeyRefused, AlreadyThere. ``note``: where no route has written a line."""
    if len(answer) > ceremonies.LONGEST_ANSWER:
        raise PasskeyRefused("too long")
    found = ceremonies.registered(asking, person, answer, now)
    name = passkeys.check_new(database(), found)
    if note is not None:
        note()
    _tell(person, name, now)
    passkeys.add(database(), found, now)  # last: who comes in has been told of before
    return name


def _tell(person: str, login: str, now: int) -> None:
    zh = "您的健康档案新增了一个通行密钥登录方式。如非本人操作，请立即在“登录方式”中移除。"
    en = "A passkey was added to log in to your record. If that was not you, remove it under logins at once."
    outbox.tell(database(), Telling(f"passkey:{login}:{now}", person, "login-added", zh, en, urgency=3), now)
