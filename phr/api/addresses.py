"""Which address a request comes from: the peer's, or what proxies that are trusted say; nobody else is believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from phr.errors import SettingInvalid

Network = IPv4Network | IPv6Network
NOWHERE = "nowhere"  # a peer without an address, such as a socket of this machine
OF_ONE_SUBSCRIBER = 64  # bits of an IPv6 address that one subscriber can't change (RFC 6177)


@cache
def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas between. Raises SettingInvalid for anything else."""
    try:
        return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise SettingInvalid(f"PHR_TRUSTED_PROXIES: {error}") from error


def address_of(peer: str | None, forwarded: Sequence[str], trusted: Iterable[Network]) -> str:
    """The nearest hop that is not one of ours. ``forwarded``: each header X-Forwarded-For, in their order.

    Read from the right: what stands left of a hop that is not trusted was written by it, and may be anything.
    """
    at = _parsed(peer or "")
    if at is None:
        return NOWHERE
    hops = [one.strip() for header in forwarded for one in header.split(",")]
    for hop in reversed(hops):
        before = _parsed(hop) if any(at in one for one in trusted) else None
        if before is None:
            break
        at = before
    return str(at if isinstance(at, IPv4Address) else ip_network((int(at), OF_ONE_SUBSCRIBER), strict=False))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found
