"""The public half of this installation's key for web push, which a browser subscribes with (RFC 8292)."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from phr.config import Settings
from phr.errors import SettingInvalid


def public(settings: Settings) -> str | None:
    """The uncompressed point in base64url without padding, as PushManager.subscribe takes it; None: no web push here.

    Raises SettingInvalid.
    """
    if settings.push_key is None:
        return None
    try:
        key = load_pem_private_key(settings.push_key.encode(), None)
    except (ValueError, TypeError) as error:
        raise SettingInvalid("PHR_PUSH_KEY is no PEM of an EC P-256 key") from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise SettingInvalid("PHR_PUSH_KEY is no PEM of an EC P-256 key")
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")
