"""Codes to claim a device with: made, and what is stored of them."""

from __future__ import annotations

import base64
import hashlib
import secrets


def new_claim_code() -> str:
    """A code to claim a device with: four groups of four."""
    text = base64.b32encode(secrets.token_bytes(10)).decode()  # 80 random bits: a plain hash of it can't be guessed
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


def hash_of(code: str) -> str:
    """What is stored of a claim code."""
    return hashlib.sha256(code.encode()).hexdigest()
