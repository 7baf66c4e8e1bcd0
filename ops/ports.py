"""TCP ports: which one a server gets, and whether something listens there."""

from __future__ import annotations

import socket

from phr.errors import ServerUnavailable


def free_port(bind: str = "127.0.0.1") -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((bind, 0))
        return int(probe.getsockname()[1])


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
