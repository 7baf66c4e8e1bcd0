"""TCP ports: which one a server gets, and whether something listens there."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

from phr.errors import ServerUnavailable

RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST, TRIES = 20_000, 100


def free_port(bind: str = "127.0.0.1") -> int:
    """A port that nothing listened on a moment ago, and that the system gives to no outgoing connection.

    A server that is started again keeps its port, and while it is away any connection of this machine could be given
    one of the system's own range.
    """
    for _ in range(TRIES):
        port = FIRST + secrets.randbelow(max(1, _first_of_system() - FIRST))
        if is_free(port, bind):
            return port
    with socket.socket() as probe:
        probe.bind((bind, 0))
        return int(probe.getsockname()[1])


def _first_of_system() -> int:
    try:
        return int(RANGE_FILE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768  # Linux's own default


def is_free(port: int, bind: str = "127.0.0.1") -> bool:
    """True where a server could listen now; a port that only lingers after a closed connection is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(port: int, *, asked_for: bool, setting: str, bind: str = "127.0.0.1") -> int:
    """The port itself; where it is taken, a free one instead of a default.

    Raises ServerUnavailable for a taken port that the operator asked for.
    """
    if is_free(port, bind):
        return port
    if asked_for:
        raise ServerUnavailable(f"port {port} is taken on {bind}; set {setting} to another one, or unset it")
    return free_port(bind)
