"""Passwords, codes and secrets that are made here, and what is stored of them."""

from __future__ import annotations

import hashlib
import secrets


def new_password(n_bytes: int = 24) -> str:
    """Random text of letters, digits, "-" and "_", of at least that many random bytes.

    It never begins with "-": a command line would take it for an option (``--password -x…``), and one device in 64
    could not log in.
    """
    while (made := secrets.token_urlsafe(n_bytes)).startswith("-"):
        pass
    return made


def hash_of(secret: str) -> str:
    """What is stored of a random secret, in hex: a plain SHA-256.

    What has 80 random bits can't be guessed from it; what has fewer must end soon and open nothing alone.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
