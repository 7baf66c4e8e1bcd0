"""Which connections leave this machine: those go through TLS, checked against the other's name, and no other does.

There is no setting that allows the clear. Behind a tunnel of one's own (stunnel, a mesh) the address is loopback.
"""

from __future__ import annotations

from ipaddress import ip_address


def stays_here(host: str, bind: str | None = None) -> bool:
    """True for loopback, a socket in the file system, and ``bind``, the address that our own servers are bound to."""
    if host.lower() == "localhost" or host.startswith("/"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or host == bind
