"""What only somebody may do who has just logged in, and the one place that looks (RFC 9470).

An app that is told so sends its person to /oauth/authorize with ``max_age``. To end what was given stays easy.
"""

from __future__ import annotations

from phr.database import Database
from phr.errors import NotAuthenticated
from phr.people import openids
from phr.people.access import Caller
from phr.people.openids import WECHAT

LONGEST_S = 300  # since the login
ROUTES = frozenset(
    {
        ("DELETE", "/v1/people/<person>"),
        ("DELETE", "/v1/people/<person>/emergency-exclusions/<organisation>"),
        ("POST", "/v1/people/<person>/logins/join"),
        ("DELETE", "/v1/people/<person>/logins/<login>"),
        ("DELETE", "/v1/people/<person>/known-browsers/<browser>"),
        ("POST", "/v1/people/<person>/passkeys/options"),
        ("POST", "/v1/people/<person>/passkeys"),
        ("POST", "/v1/people/<person>/second-factor"),
        ("POST", "/v1/people/<person>/second-factor/confirm"),
        ("DELETE", "/v1/people/<person>/second-factor"),
        ("POST", "/v1/people/<person>/exports"),
        ("GET", "/v1/people/<person>/exports/<one>/file"),
        ("POST", "/v1/people/<person>/grants"),
        ("POST", "/v1/people/<person>/grants/invitations"),
        ("POST", "/v1/people/<person>/grants/<grant>/accept"),
        ("POST", "/v1/people/<person>/contracts/<contract>/consent"),
        ("POST", "/v1/people/<person>/contracts/<contract>/proxies/<grant>/consent"),
    }
)


class LoginTooOld(NotAuthenticated):
    """The token is good, and the login behind it was too long ago for this."""

    code = "login-too-old"


def is_now(auth_at_ms: int | None, now_ms: int) -> bool:
    """True for a login of the last five minutes."""
    return auth_at_ms is not None and now_ms - auth_at_ms <= LONGEST_S * 1000


def hold_to(database: Database, caller: Caller, now_ms: int) -> None:
    """Raises LoginTooOld where a person's token does not say that they logged in within five minutes.

    WeChat's login is a silent one: it does for who has no other alone.
    """
    if caller.kind != "person":
        return  # who is no person is refused for that
    if caller.amr == {WECHAT} and openids.has_other_login(database, caller.subject):
        raise LoginTooOld("log in in another way: WeChat's login asks nothing of who holds the phone")
    if not is_now(caller.auth_at_ms, now_ms):
        raise LoginTooOld("log in again: this is only for who has done so within five minutes")
