"""Where a person decides about a client (RFC 6749, 4.1): logs in, sees who asks for what, allows or does not.

Each request says again, in its address, all that the client asks; nothing of it is kept between two pages. A login
serves one decision, so that the next at a shared computer logs in as themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError
from flask import Blueprint, Response, request

from phr.api import pages
from phr.api.deciding import speaks
from phr.api.installation import database
from phr.api.oauth import server
from phr.auth import browsers, ceremonies, known_devices, smart, ways, wechat_people
from phr.auth.ceremonies import Asking
from phr.auth.codes import Login
from phr.auth.ways import At, CodeSent, FactorMissing, Proof, ProofMissing
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


def log_in(fault: str | None = None, status: int = 200, phone: str = "") -> Response:
    """The page with a form for each way to log in; it is sent to the address at which it was asked for."""
    party, forms = server().party, ways.offered(server().texts)
    asked = None if party is None else ceremonies.log_in_options(Asking(database(), party, pages.cookie()), now_ms())
    web = server().wechat_web if IN_WECHAT in request.user_agent.string else None
    shown = {"ways": forms, "fault": fault, "phone": phone, "wechat": web is not None}
    return pages.page("log_in.html", status, sends_to=web.page_url if web else None, passkey=asked, **shown)


def logged_in() -> Response:
    """Back to the same address, as the person that the form proves; or to WeChat, to be proven there."""
    web = server().wechat_web
    if request.form.get("way") == WECHAT and web is not None:
        return to_wechat(web)
    try:
        at = At(database(), pages.device(), server().texts, pages.cookie(), server().party)
        proof = ways.prove(at, request.form.get("way", ""), request.form, now_ms())
    except CodeSent:
        return log_in("sent", phone=request.form.get("phone", ""))
    except ProofMissing as error:
        return log_in("other_proof", error.status)
    except TooManyTries as error:
        answer = log_in("wait", error.status)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    except FactorMissing as error:
        return log_in("no_factor", error.status)
    if proof is None:
        return log_in("wrong", 403)
    return come_in(proof, request.full_path)


def come_in(proof: Proof, place: str) -> Response:
    """To an address of ours, as somebody who has just logged in."""
    answer = Response(status=303, headers={"Location": place})
    pages.keep_cookie(answer, browsers.begin(database(), proof, now_ms()))
    known_devices.remember(database(), pages.keep_device(answer), proof.person, now_ms())
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
    except (CodeRefused, KeyDestroyed):
        return pages.told("sorry", "wrong", 403)
    except TooManyTries as error:
        answer = pages.told("sorry", "wait", error.status)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    except ServerUnavailable as error:
        return pages.told("sorry", "wechat_away", error.status)
    return come_in(Proof(person, AMR), back_to)


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
            return server().sent_back(error)
    except ValueError:  # authlib can't put every sign that it was sent into its message
        pass
    return pages.told("sorry", "bad_request", 400)


def _shown(grant: Any) -> Response:
    who = grant.request.user
    if "none" in request.args.get("prompt", "").split():  # each decision is the person's own
        error = LoginRequiredError if who is None else ConsentRequiredError
        return server().sent_back(error(redirect_uri=grant.redirect_uri, state=request.args.get("state")))
    return log_in() if who is None or _is_too_old(who) else _consent(grant)


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
    answer: Response = server().create_authorization_response(grant_user=who if step == "allow" else None, grant=grant)
    pages.leave()
    # Not 302 or 307: what was typed into a form here must not be sent on (RFC 9700, 4.12).
    answer.status_code = 303
    return answer
