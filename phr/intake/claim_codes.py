"""Codes to claim a device with: made, drawn for its box, and what is stored of them."""

from __future__ import annotations

import base64
import io
import secrets
from urllib.parse import urlencode

MODULE_PX = 8  # a dot of the picture; at 300 dpi a code of 41 dots with its margin is 3.3 cm wide


def new_claim_code() -> str:
    """A code to claim a device with: four groups of four."""
    text = base64.b32encode(secrets.token_bytes(10)).decode()  # 80 random bits: a plain hash of it can't be guessed
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


def text_of(ref: str, code: str) -> str:
    """What the picture says: the two fields of a claim."""
    return f"phr:claim?{urlencode({'device': ref, 'code': code}, safe='/:')}"


def picture(ref: str, code: str) -> bytes:
    """A QR code (ISO/IEC 18004, error correction M) of ``text_of``, as PNG."""
    import segno  # noqa: PLC0415 - with the first code

    drawn = io.BytesIO()
    segno.make(text_of(ref, code), error="m", micro=False).save(drawn, kind="png", scale=MODULE_PX)
    return drawn.getvalue()
