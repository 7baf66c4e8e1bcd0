"""The one way out to an address that somebody else chose: an operator's allow-list, and never into a private network.

A name is looked up once, each of its addresses is checked, and the connection goes to one that was: who answers the
look-up can't change its mind in between. Source: OWASP Server-Side Request Forgery Prevention Cheat Sheet, case 2;
addresses by IANA's IPv4 and IPv6 special-purpose registries (RFC 6890).
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network
from typing import ClassVar
from urllib.parse import urlsplit

import urllib3

from phr.errors import PhrError

TIMEOUT_S = 10.0
LARGEST_ANSWER_BYTES = 65_536
HTTPS = 443
LONGEST_URL = 2_048
_PIECE_BYTES = 4_096
UNICAST = IPv6Network("2000::/3")  # what is global of IPv6; so no mapped, translated or local address
# Global by Python 3.11's tables, and not to be reached: protocol assignments, relays into 6to4, 6to4, documentation.
NEVER = tuple(ip_network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "2002::/16", "3fff::/20"))
_PLAIN = re.compile(r"[!-\[\]-~]+", re.ASCII)  # printable, no space, no backslash: browsers read that as a slash
Resolve = Callable[[str, int], Collection[str]]


class OutgoingRefused(PhrError):
    """Nothing is sent there, or nothing that came back is taken."""

    code: ClassVar[str] = "outgoing-refused"
    status: ClassVar[int] = 400


class OutgoingFailed(PhrError):
    """It was sent and not taken, or not answered in time: try again later. ``answered``: with which status, if any."""

    code: ClassVar[str] = "outgoing-failed"
    status: ClassVar[int] = 502

    def __init__(self, detail: str, answered: int | None = None) -> None:
        super().__init__(detail)
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Destination:
    """A place that may be sent to: the name it is known by, and the address that the name stood for."""

    host: str
    port: int
    address: str
    target: str  # path and query


def allowed(text: str) -> frozenset[str]:
    """The hosts of a setting, "host" or "host:port" with commas between, as ``destination`` wants them."""
    return frozenset(one.strip().lower() for one in text.split(",") if one.strip())


def resolved(host: str, port: int) -> Collection[str]:
    """Every address of the name, by the system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def destination(url: str, allowed: Collection[str], resolve: Resolve = resolved) -> Destination:
    """Where the https URL leads. ``allowed``: hosts in lower case, "host:port" for another port than 443.

    Raises OutgoingRefused, in words that tell nothing of what a name stands for here.
    """
    if len(url) > LONGEST_URL or not _PLAIN.fullmatch(url):
        raise OutgoingRefused("this is no address")
    try:
        parts = urlsplit(url)
        port = parts.port or HTTPS
    except ValueError as error:
        raise OutgoingRefused("this is no address") from error
    host = parts.hostname or ""
    if parts.scheme != "https" or "@" in parts.netloc or not host:
        raise OutgoingRefused("only https addresses, without a user in them")
    if (host if port == HTTPS else f"{host}:{port}") not in allowed:
        raise OutgoingRefused("the operator does not allow this host")
    try:
        addresses = resolve(host, port)
    except OSError as error:
        raise OutgoingRefused("the host can't be reached from here") from error
    if not addresses or not all(is_public(one) for one in addresses):
        raise OutgoingRefused("the host can't be reached from here")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(host, port, next(iter(addresses)), target)


def is_public(address: str) -> bool:
    """True for an address of the open internet."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if not found.is_global or found.is_multicast or any(found in one for one in NEVER if one.version == found.version):
        return False
    return isinstance(found, IPv4Address) or found in UNICAST


def send(to: Destination, body: bytes, headers: Mapping[str, str], ca_file: str | None = None) -> bytes:
    """The answer to a POST; a redirect is not followed, since it would lead where nobody has looked.

    The certificate must be the host's; ``ca_file``: who may have signed it, unset: whom urllib3 trusts.
    Raises OutgoingFailed, OutgoingRefused for a redirect and for an answer that is too long.
    """
    pool = urllib3.HTTPSConnectionPool(
        to.address,
        to.port,
        server_hostname=to.host,
        assert_hostname=to.host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=ca_file,
        retries=False,
        timeout=urllib3.Timeout(total=TIMEOUT_S),
    )
    name = to.host if to.port == HTTPS else f"{to.host}:{to.port}"
    with pool:
        try:
            answer = pool.urlopen(
                "POST", to.target, body, {**headers, "Host": name}, redirect=False, preload_content=False
            )
            given = _read(answer, time.monotonic() + TIMEOUT_S)
            answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise OutgoingFailed(f"not sent: {type(error).__name__}") from error
    if len(given) > LARGEST_ANSWER_BYTES:
        raise OutgoingRefused("the answer is too long")
    if 300 <= answer.status < 400:
        raise OutgoingRefused("it was sent on elsewhere, which is not followed")
    if answer.status >= 400:
        raise OutgoingFailed(f"answered with status {answer.status}", answer.status)
    return given


def _read(answer: urllib3.BaseHTTPResponse, until_s: float) -> bytes:
    """What there is, up to a byte more than is taken; an answer that comes byte by byte is given up in time."""
    found = b""
    while len(found) <= LARGEST_ANSWER_BYTES and (piece := answer.read1(_PIECE_BYTES, decode_content=False)):
        found += piece
        if time.monotonic() > until_s:
            raise OutgoingFailed("not sent: it answers too slowly")
    return found
