"""How often one may come to where something can be guessed or is dear: log-in, tokens, claims. Nobody is exempt.

Every route without a guard counts, so that a new one does before anybody thinks of it; the open ones that only tell
what everybody may know do not (``TELLING``). Counted are the address, the client that is named, and the person where
one is known: who claims; of a refresh token its link, which is a person at a client. A name that is typed has a far
narrower limit of its own (phr.auth.tries), and so have wrong claim codes (phr.intake.claims).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
from flask import Flask, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from phr.api.addresses import address_of, networks
from phr.api.installation import database, installation
from phr.auth import links, own_client
from phr.auth.rates import SCHEME, Ahead
from phr.config import Settings
from phr.errors import NotAuthenticated, SettingInvalid, TooManyTries

# Blueprint or end point of what has no guard and needs no limit.
TELLING = frozenset(
    {
        "operators",
        "openapi",
        "education",
        "lessons.list_courses",
        "lessons.show_course",
        "metrics",
        "pages.show_style",
        "pages.show_script",
        "oauth.show_keys",
        "oauth.show_metadata",
        "oauth.show_discovery",
        "oauth.show_smart",
        "grants.list_texts",
        "wechat_push",  # WeChat's servers, who come as often as people tap, and prove themselves first
    }
)
GUARDED = frozenset(
    {"devices.claim_device", "received_grants.propose_grant", "received_grants.take_up_invitation"}
)  # guessed at, or told to strangers
PER_MIN = "address_requests_per_min", "client_requests_per_min", "person_requests_per_min"


def install(app: Flask, settings: Settings) -> None:
    """Counts from now on. Raises SettingInvalid for a limit below one, and for a proxy that is no address."""
    for name in PER_MIN:
        if getattr(settings, name) < 1:
            raise SettingInvalid(f"PHR_{name.upper()} must be 1 at least: no limit can be switched off")
    networks(settings.trusted_proxies)
    keys = (_address, _client, _person)
    limiter = Limiter(
        _address,
        app=app,
        application_limits=[_limit(name, key) for name, key in zip(PER_MIN, keys, strict=True)],
        headers_enabled=False,
        on_breach=_refuse,
        storage_uri=f"{SCHEME}://",
        storage_options={"database": database, "ahead": _ahead},  # type: ignore[dict-item] # passed on to ours
        strategy="fixed-window",
        swallow_errors=False,
    )
    limiter.request_filter(lambda: not is_limited(app, request.endpoint))  # before any limit is weighed


def is_limited(app: Flask, endpoint: str | None) -> bool:
    """True for a route where somebody is counted."""
    if endpoint is None or endpoint in TELLING or endpoint.partition(".")[0] in TELLING:
        return False
    return endpoint in GUARDED or "scope" not in app.view_functions[endpoint].__dict__


def _limit(name: str, key: Callable[[], str]) -> ApplicationLimit:
    def allowed() -> str:
        return f"{getattr(installation().settings, name)} per minute"

    def is_nobody() -> bool:
        return not key()

    return ApplicationLimit(allowed, key_function=key, exempt_when=is_nobody, scope=name)


def _ahead() -> Ahead:
    return installation().rates_ahead


def _refuse(limit: RequestLimit) -> NoReturn:
    raise TooManyTries("too many requests: wait a little", max(1, math.ceil(limit.reset_at - time.time())))


def _address() -> str:
    trusted = networks(installation().settings.trusted_proxies)
    return _hidden(address_of(request.remote_addr, request.headers.getlist("X-Forwarded-For"), trusted))


def _client() -> str:
    """Of the client that the request names, whether or not it proves to be that; "" where it names none.

    The record's own pages are not counted as one: everybody comes by them, each counted by address and link.
    """
    basic = request.authorization.username if request.authorization else None
    named = request.form.get("client_id") or request.args.get("client_id") or basic or _who_signs()
    return _hidden(named) if named and named != own_client.ID else ""


def _person() -> str:
    """Of the person whose token it is, for a refresh token of their link; "" for none, or none that is good."""
    if "rates_person" not in g:
        g.rates_person = _hidden(found) if (found := _found_person()) else ""
    person: str = g.rates_person
    return person


def _found_person() -> str:
    if request.endpoint in GUARDED:
        try:
            return installation().protector.caller().subject
        except NotAuthenticated:  # the guard says so
            return ""
    token = request.form.get("refresh_token")
    named = links.named_by(database(), token) if token else None
    return named[0] if named else ""


def _who_signs() -> str:
    assertion = request.form.get("client_assertion", "")
    try:
        claims = msgspec.json.decode(extract_compact(assertion.encode()).payload, type=dict[str, Any])
    except (JoseError, ValueError):  # whoever checks the client says what is wrong
        return ""
    return claims.get("sub", "") if isinstance(claims.get("sub"), str) else ""


def _hidden(name: str) -> str:
    """What is counted comes into a key and may come into a log line: never as it was typed."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
