"""Passwords and client secrets that people paste into a command line."""

from __future__ import annotations

import secrets


def new_password(n_bytes: int = 24) -> str:
    """Random text of letters, digits, "-" and "_", of at least that many random bytes.

    It never begins with "-": a command line would take it for an option (``--password -x…``), and one device in 64
    could not log in.
    """
    while (made := secrets.token_urlsafe(n_bytes)).startswith("-"):
        pass
    return made
