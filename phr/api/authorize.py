"""Where a person decides about a client (RFC 6749, 4.1): logs in, sees who asks for what, allows or does not.

Each request says again, in its address, all that the client asks; nothing of it is kept between two pages. A login
serves one decision, so that the next at a shared computer logs in as themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError
from flask import Blueprint, Response, request

from phr.api import pages
from phr.api.deciding import speaks
from phr.api.installation import database
from phr.api.oauth import server
from phr.auth import browsers, ceremonies, own_client, smart, ways, wechat_people
from phr.auth.ceremonies import Asking
from phr.auth.codes import Login
from phr.auth.ways import At, CodeSent, FactorMissing, Proof, ProofMissing, SecondMissing
from phr.auth.wechat import CodeRefused, WechatWeb
from phr.auth.wechat_people import AMR
from phr.clock import now_ms
from phr.errors import ServerUnavailable, TooManyTries
from phr.people import second_factors
from phr.people.keyring import KeyDestroyed
from phr.people.openids import WECHAT

blueprint = Blueprint("authorize", __name__)
blueprint.register_error_handler(TooManyTries, pages.wait)

FROM_WECHAT = "/oauth/wechat"
IN_WECHAT = "MicroMessenger"  # how the browser in WeChat names itself; its pages work nowhere else
JUST_NOW_S = 60  # between a login and the page after it


@blueprint.get("/oauth/authorize")
@speaks(gives="text/html")
def show() -> Response:
    return _about_a_good_request(_shown)


@blueprint.post("/oauth/authorize")
@speaks("application/x-www-form-urlencoded", "text/html")
def decide() -> Response:
    if not pages.is_own_form():
        return pages.told("sorry", "bad_form", 403)
    return _about_a_good_request(_decided)


def log_in(fault: str | None = None, status: int = 200, phone: str = "", *, sends_to: str | None = None) -> Response:
    """The page with a form for each way to log in; it is sent to the address at which it was asked for.

    ``sends_to``: where that leads on to without another page.
    """
    party, forms = server().party, ways.offered(server().texts)
    asked = None if party is None else ceremonies.log_in_options(Asking(database(), party, pages.cookie()), now_ms())
    web = server().wechat_web if IN_WECHAT in request.user_agent.string else None
    shown = {"ways": forms, "fault": fault, "phone": phone, "wechat": web is not None}
    return pages.page("log_in.html", status, sends_to=web.page_url if web else sends_to, passkey=asked, **shown)


def logged_in(sends_to: str | None = None) -> Response:
    """Back to the same address, as the person that the form proves; or to WeChat, to be proven there."""
    web, again = server().wechat_web, partial(log_in, sends_to=sends_to)
    if request.form.get("way") == WECHAT and web is not None:
        return to_wechat(web)
    try:
        at = At(database(), pages.device(), server().texts, pages.cookie(), server().party)
        proof = ways.prove(at, request.form.get("way", ""), request.form, now_ms())
    except CodeSent:
        return again("sent", phone=request.form.get("phone", ""))
    except ProofMissing as error:
        return again("other_proof", error.status)
    except SecondMissing as error:
        return again("second_missing", error.status, phone=request.form.get("phone", ""))
    except TooManyTries as error:
        answer = again("wait", error.status)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    except FactorMissing as error:
        return again("no_factor", error.status)
    if proof is None:
        return again("wrong", 403)
    return come_in(proof, request.full_path)


def come_in(proof: Proof, place: str) -> Response:
    """To an address of ours, as somebody who has just logged in."""
    answer = Response(status=303, headers={"Location": place})
    pages.keep_cookie(answer, browsers.begin(database(), proof, now_ms()))
    pages.remember_device(answer, proof.person, now_ms())
    return answer


def to_wechat(web: WechatWeb) -> Response:
    """To WeChat's page, which sends the browser back to us, and that back to this address."""
    state = wechat_people.begin(database(), pages.cookie(), request.full_path, now_ms())
    return Response(status=303, headers={"Location": web.address(f"{server().issuer}{FROM_WECHAT}", state)})


@blueprint.get(FROM_WECHAT)
@speaks(gives="text/html")
def from_wechat() -> Response:
    """Where WeChat sends a browser back to; without ``code`` its user did not agree."""
    now, web, asked = now_ms(), server().wechat_web, request.args
    back_to = wechat_people.end(database(), asked.get("state", ""), pages.known_cookie(), now)
    if web is None or back_to is None:
        return pages.told("sorry", "bad_form", 403)
    if "code" not in asked:
        return Response(status=303, headers={"Location": back_to})
    try:
        person = wechat_people.person_of(database(), web.who(asked["code"]), server().zone, now)
        if second_factors.is_needed(database(), person, now):
            return pages.told("sorry", "no_factor", 403)
        if second_factors.has(database(), person):
            return _second(person, back_to)
    except (CodeRefused, KeyDestroyed):
        return pages.told("sorry", "wrong", 403)
    except TooManyTries as error:
        answer = pages.told("sorry", "wait", error.status)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    except ServerUnavailable as error:
        return pages.told("sorry", "wechat_away", error.status)
    return come_in(Proof(person, AMR), back_to)


@blueprint.post(FROM_WECHAT)
@speaks("application/x-www-form-urlencoded", "text/html")
def second_of_wechat() -> Response:
    """The second factor of whom WeChat has proven at this browser; after a wrong one it is asked again."""
    now = now_ms()
    if not pages.is_own_form():
        return pages.told("sorry", "bad_form", 403)
    half = wechat_people.end_half(database(), request.form.get("state", ""), pages.known_cookie(), now)
    if half is None:
        return pages.told("sorry", "bad_form", 403)
    person, back_to = half
    typed = request.form.get("code", "")[: ways.LONGEST_ANSWER]
    try:
        return come_in(Proof(person, ways.second(database(), person, AMR, typed, now)), back_to)
    except SecondMissing as error:
        return _second(person, back_to, "second_wrong", error.status)
    except KeyDestroyed:
        return pages.told("sorry", "wrong", 403)


def _second(person: str, back_to: str, fault: str | None = None, status: int = 200) -> Response:
    state = wechat_people.begin(database(), pages.cookie(), back_to, now_ms(), person)
    return pages.page("second_code.html", status, fault=fault, state=state, place=FROM_WECHAT)


def back() -> Response:
    """To the address that the form was sent to, as a GET."""
    return Response(status=303, headers={"Location": request.full_path})


def _about_a_good_request(work: Callable[[Any], Response]) -> Response:
    """What the work gives for the grant that is asked for; a bad request is told to its client where that is safe."""
    try:
        if any(len(request.args.getlist(name)) > 1 for name in request.args):
            raise InvalidRequestError("A parameter is there more than once.")
        return work(server().get_consent_grant(end_user=pages.login()))
    except OAuth2Error as error:
        if error.redirect_uri:
            return _told_to_client(error)
    except ValueError:  # authlib can't put every sign that it was sent into its message
        pass
    return pages.told("sorry", "bad_request", 400)


def _told_to_client(error: OAuth2Error) -> Response:
    """Once its person has logged in: no address alone makes us send a browser on to elsewhere (RFC 9700, 4.11.2)."""
    if pages.login() is None and not _is_silent():
        if request.form.get("step") == "log-in":
            return logged_in(error.redirect_uri)
        return log_in(sends_to=error.redirect_uri)
    pages.leave()
    return server().sent_back(error)


def _is_silent() -> bool:
    """True where the app wants no page shown (OpenID Connect Core, 3.1.2.1)."""
    return "none" in request.args.get("prompt", "").split()


def _shown(grant: Any) -> Response:
    who = grant.request.user
    if _is_silent():  # each decision is the person's own
        error = LoginRequiredError if who is None else ConsentRequiredError
        return server().sent_back(error(redirect_uri=grant.redirect_uri, state=request.args.get("state")))
    if who is None or _is_too_old(who):
        return log_in()
    if grant.request.client.stored.id == own_client.ID:  # the record's own pages, where logging in is the decision
        return _answered(grant, who)
    return _consent(grant)


def _is_too_old(who: Login) -> bool:
    """True where the app wants a login of now (OpenID Connect Core, 3.1.2.1), and this one is not."""
    age_s = now_ms() // 1000 - who.auth_at_ms // 1000
    wanted = request.args.get("max_age", "")
    is_now = "login" in request.args.get("prompt", "").split()
    longest_s = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else None
    return age_s > JUST_NOW_S and (is_now or (longest_s is not None and age_s > longest_s))


def _consent(grant: Any) -> Response:
    asked = smart.told(grant.request.scope)
    client, place = grant.request.client.stored.name, grant.redirect_uri
    return pages.page("consent.html", sends_to=place, client=client, scopes=asked, place=place)


def _decided(grant: Any) -> Response:
    step, who = request.form.get("step"), grant.request.user
    if step == "log-in":
        return logged_in()
    if step == "leave" or who is None:
        pages.leave()
        return back()
    return _answered(grant, who if step == "allow" else None)


def _answered(grant: Any, who: Login | None) -> Response:
    """Back to the client with a code; without ``who`` with word that the person said no."""
    answer: Response = server().create_authorization_response(grant_user=who, grant=grant)
    pages.leave()
    # Not 302 or 307: what was typed into a form here must not be sent on (RFC 9700, 4.12).
    answer.status_code = 303
    return answer
