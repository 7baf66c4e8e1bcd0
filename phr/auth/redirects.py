"""Where answers may be sent: addresses that a client registered, matched sign by sign (RFC 9700, 4.1.3; RFC 8252)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from phr.errors import InputInvalid

LONGEST = 512
LOOPBACK = ("127.0.0.1", "::1")
_NATIVE = re.compile(
    r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+"
)  # a scheme of one's own is a domain backwards: com.example.app
_PLAIN = re.compile(r"[!-~]+")


def check(uri: str) -> str:
    """The address, where a client may register it. Raises InputInvalid."""
    parts = _split(uri)
    if parts is None or parts.fragment or "#" in uri or "*" in uri or parts.username is not None:
        raise InputInvalid("a redirect URI is absolute, without fragment, user or wildcard", "/redirect_uri")
    is_web = parts.scheme == "https" and parts.hostname
    is_here = parts.scheme == "http" and parts.hostname in (*LOOPBACK, "localhost")
    if not (is_web or is_here or (_NATIVE.fullmatch(parts.scheme) and not parts.netloc)):
        raise InputInvalid(
            "a redirect URI is https, http on the loopback, or a scheme of the app's own (com.example.app:/…)",
            "/redirect_uri",
        )
    return uri


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """True for the very same text; of an http address on the loopback the port may differ (RFC 8252, 7.3)."""
    known = list(registered)
    if uri in known:
        return True
    without_port = _portless(uri)
    return without_port is not None and any(_portless(one) == without_port for one in known)


def _portless(uri: str) -> str | None:
    parts = _split(uri)
    if parts is None or parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.username is not None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return uri.replace(parts.netloc, host, 1)


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts if len(uri) <= LONGEST and _PLAIN.fullmatch(uri) and parts.scheme else None
