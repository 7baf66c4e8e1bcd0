"""What brokers of a cluster ask over HTTP: may this user log in, publish, subscribe? The forms of EMQX and VerneMQ.

EMQX takes any other status than 200 as "ignore", which lets the next one decide: so a question that can't be read is
answered "deny". Sources: EMQX 5 documentation, "HTTP authentication" and "HTTP authorization"; VerneMQ, "Webhooks".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Literal, TypedDict, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
from flask import Blueprint, request

from phr.api.deciding import returns, speaks
from phr.api.installation import database, installation
from phr.clock import now_ms
from phr.errors import NotAuthenticated, NotFound
from phr.intake import certificates, devices, mqtt_logins
from phr.intake.mqtt_rights import SERVER_USER, may, plain_name

blueprint = Blueprint("broker_auth", __name__)
HEADER = "X-Broker-Secret"
Told = TypeVar("Told")

Answered = Literal["allow", "deny"]


class LogInTold(TypedDict):
    """As EMQX reads it."""

    result: Answered
    is_superuser: bool


class RightTold(TypedDict):
    """As EMQX reads it."""

    result: Answered


class RefusalTold(TypedDict):
    error: Literal["not_allowed"]


class HookTold(TypedDict):
    """As VerneMQ reads it."""

    result: Literal["ok"] | RefusalTold


def brokers_only(view: Callable[[], Told]) -> Callable[[], Told]:
    """Only with the shared secret in its header; without such a setting there is no such route."""

    @wraps(view)
    def guarded() -> Told:
        secret = installation().settings.broker_hook_secret
        if not secret:
            raise NotFound("PHR_BROKER_HOOK_SECRET is not set")
        if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), secret.encode()):
            raise NotAuthenticated(f"send the brokers' secret in {HEADER}")
        return view()

    guarded.__dict__["scope"] = "broker"  # a scope that no token has: the secret stands for it
    return guarded


@blueprint.post("/v1/broker/emqx/authentication")
@brokers_only
@returns()
@speaks("application/json")
def emqx_authentication() -> LogInTold:
    said = _said()
    is_welcome = _may_log_in(said.get("username"), said.get("password"))
    return {"result": "allow" if is_welcome else "deny", "is_superuser": False}


@blueprint.post("/v1/broker/emqx/authorization")
@brokers_only
@returns()
@speaks("application/json")
def emqx_authorization() -> RightTold:
    said = _said()
    verb = {"publish": "write", "subscribe": "read"}.get(str(said.get("action")))
    return {"result": "allow" if _may(said.get("username"), verb, said.get("topic")) else "deny"}


@blueprint.post("/v1/broker/vernemq")
@brokers_only
@returns()
@speaks("application/json")
def vernemq_hook() -> HookTold:
    """One address for all hooks; VerneMQ names the hook in a header. A SUBSCRIBE is granted whole or not at all."""
    said, hook = _said(), request.headers.get("vernemq-hook", "").removesuffix("_m5")
    user = said.get("username")
    if hook == "auth_on_register":
        is_allowed = _may_log_in(user, said.get("password"))
    elif hook == "auth_on_publish":
        is_allowed = _may(user, "write", said.get("topic"))
    elif hook == "auth_on_subscribe":
        topics = said.get("topics")
        wanted = topics if isinstance(topics, list) else []
        filters = [one.get("topic") if isinstance(one, dict) else None for one in wanted]
        is_allowed = bool(filters) and all(_may(user, "read", one) for one in filters)
    else:
        is_allowed = False
    return {"result": "ok" if is_allowed else {"error": "not_allowed"}}


def _said() -> Mapping[str, Any]:
    try:
        said = msgspec.json.decode(request.get_data())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return said if isinstance(said, dict) else {}


def _may_log_in(username: Any, password: Any) -> bool:
    if not isinstance(username, str) or not isinstance(password, str):
        return False
    if username == SERVER_USER:
        return hmac.compare_digest(password.encode("utf-8", "replace"), _server_password().encode()) and bool(password)
    is_right = mqtt_logins.is_password(database(), username, password, now_ms())
    return is_right and _is_in_use(username)


def _may(username: Any, verb: Any, topic: Any) -> bool:
    if not isinstance(username, str) or not isinstance(topic, str) or verb is None:
        return False
    return may(username, verb, topic) and _is_in_use(username)


def _is_in_use(username: str) -> bool:
    """False for a device that is suspended, retired or not there: its password may be right, or its certificate."""
    name = plain_name(username)
    if "/" not in name:
        return name == SERVER_USER or devices.vendor_exists(database(), name)
    device = devices.find(database(), name)
    is_refused = device is None or device.is_suspended or device.is_retired
    return not is_refused and not certificates.is_denied(database(), username)


def _server_password() -> str:
    """The one that the workers log in with."""
    return unquote(urlsplit(installation().settings.mqtt_url or "").password or "")
