"""The key that signs access tokens: EC P-256, from a setting or from a file that is made on first use."""

from __future__ import annotations

from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from phr import private_files
from phr.config import Settings
from phr.errors import SettingInvalid

ALGORITHM = "ES256"
CURVE = "P-256"


def signing_key(settings: Settings) -> ECKey:
    """The installation's key, its id being its RFC 7638 thumbprint. Raises SettingInvalid for what is no P-256 key."""
    pem = settings.token_key or _kept_pem(settings.data_dir / "keys" / "token.pem")
    try:
        key = ECKey.import_key(pem, {"use": "sig", "alg": ALGORITHM})
        key.ensure_kid()
    except (JoseError, ValueError, TypeError) as error:
        raise SettingInvalid("PHR_TOKEN_KEY is not a private key in PEM (EC P-256)") from error
    if key.curve_name != CURVE or not key.is_private:
        raise SettingInvalid("PHR_TOKEN_KEY is not a private EC P-256 key")
    return key


def public_jwks(key: ECKey) -> dict[str, list[dict[str, object]]]:
    """The JWK set (RFC 7517) for those who check tokens; only public members."""
    return {"keys": [dict(key.as_dict(private=False))]}


def _kept_pem(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        # Of two processes that start at once, both read the key of the first.
        pem = ECKey.generate_key(CURVE, private=True).as_pem(private=True)
        private_files.write(path, pem.decode(), replaces=False)
    return path.read_text(encoding="ascii")
