"""The keys that sign: a ring of EC keys for access tokens and one of RSA keys for id tokens, in settings or in files.

A ring is PEM text. Its first private key signs; those behind it are published ahead of their turn; a public key has
retired, at the instant that the line before it names ("retired 2026-11-26T08:00:00Z"): tokens that it signed are good
for as long as one can live, and what else it signed (certificates of erasure) can be checked for ever.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from phr import private_files
from phr.clock import rfc3339, to_ms
from phr.config import Settings
from phr.errors import InputInvalid, SettingInvalid

ALGORITHM = "ES256"
CURVE = "P-256"
ID_ALGORITHM = "RS256"  # what SMART App Launch demands of id tokens
ID_BITS = 2048
Key = ECKey | RSAKey

_BLOCK = re.compile(
    r"(?:^retired +(?P<at>\S+)\s+)?-----BEGIN (?P<type>[A-Z ]+)-----.+?-----END (?P=type)-----",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Kept:
    key: Key
    retired_at_ms: int | None = None


class Ring:
    """The keys of one algorithm. Those of a file are read again when another process rotated them."""

    def __init__(self, algorithm: str, text: str, path: Path | None = None, *, name: str = "") -> None:
        self.algorithm, self.path = algorithm, path
        self._name = name or str(path)
        self._read_as = private_files.stamp(path)
        self._kept = _parsed(text, algorithm, self._name)
        self._lock = threading.Lock()

    @property
    def current(self) -> Key:
        """The one that signs."""
        return self._keys()[0].key

    def of_id(self, kid: object, since_ms: int = 0) -> Key:
        """The key of this id, unless it had retired by that instant. Raises ValueError."""
        for one in self._keys():
            if one.key.kid == kid and (one.retired_at_ms is None or one.retired_at_ms >= since_ms):
                return one.key
        raise ValueError("no key of ours")

    def public(self) -> list[dict[str, Any]]:
        """All of them as JWKs (RFC 7517), their public members only."""
        return [dict(one.key.as_dict(private=False)) for one in self._keys()]

    def rotate(self, now_ms: int) -> None:
        """The key that was next signs, a new one is next, the one before keeps only its public half.

        Where none was next (a file from before there were several), this makes one and changes nothing else: whoever
        checks tokens must be able to read it first. Raises InputInvalid for keys that are the operator's own.
        """
        if self.path is None:
            raise InputInvalid(f"{self._name} holds the keys: put a new one behind the first, and later in front")
        usable = [one for one in self._keys() if one.retired_at_ms is None]
        retired = [one for one in self._keys() if one.retired_at_ms is not None]
        if len(usable) > 1:
            retired.insert(0, Kept(usable.pop(0).key, now_ms))
        usable.append(Kept(_made(self.algorithm)))
        private_files.write(self.path, "".join(_written(one) for one in usable + retired))
        self._keys()

    def _keys(self) -> tuple[Kept, ...]:
        stamp = private_files.stamp(self.path)
        if stamp is not None and stamp != self._read_as:
            with self._lock:
                assert self.path is not None
                self._kept = _parsed(self.path.read_text(encoding="ascii"), self.algorithm, self._name)
                self._read_as = stamp
        return self._kept


class Rings:
    """Both rings of an installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.access = access_ring(settings)

    @cached_property
    def id_tokens(self) -> Ring:
        """Made when it is first asked for: finding an RSA key takes a while."""
        name = "PHR_ID_TOKEN_KEY"
        return _ring(ID_ALGORITHM, name, self._settings.id_token_key, self._settings.data_dir / "keys" / "id_token.pem")

    def public_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK set for those who check what this installation signed."""
        return {"keys": [*self.access.public(), *self.id_tokens.public()]}


def access_ring(settings: Settings) -> Ring:
    """The keys of access tokens. Raises SettingInvalid for what are no P-256 keys."""
    return _ring(ALGORITHM, "PHR_TOKEN_KEY", settings.token_key, settings.data_dir / "keys" / "token.pem")


def signing_key(settings: Settings) -> Key:
    """The key that signs access tokens now, its id being its RFC 7638 thumbprint. Raises SettingInvalid."""
    return access_ring(settings).current


def _ring(algorithm: str, name: str, text: str | None, path: Path) -> Ring:
    if text is not None:
        return Ring(algorithm, text, name=name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        # Of two processes that start at once, both read the keys of the first.
        private_files.write(path, "".join(_written(Kept(_made(algorithm))) for _ in range(2)), replaces=False)
    return Ring(algorithm, path.read_text(encoding="ascii"), path)


def _made(algorithm: str) -> Key:
    return ECKey.generate_key(CURVE) if algorithm == ALGORITHM else RSAKey.generate_key(ID_BITS)


def _written(one: Kept) -> str:
    if one.retired_at_ms is None:
        return one.key.as_pem(private=True).decode()
    return f"retired {rfc3339(one.retired_at_ms)}\n{one.key.as_pem(private=False).decode()}"


def _parsed(text: str, algorithm: str, name: str) -> tuple[Kept, ...]:
    kept = tuple(_key(found, algorithm, name) for found in _BLOCK.finditer(text))
    if not kept or kept[0].retired_at_ms is not None:
        raise SettingInvalid(f"{name} does not begin with a private key in PEM ({_wanted(algorithm)})")
    return kept


def _key(found: re.Match[str], algorithm: str, name: str) -> Kept:
    is_ec = algorithm == ALGORITHM
    pem, parameters = found[0][found[0].index("-----BEGIN") :], {"use": "sig", "alg": algorithm}
    try:
        key: Key = ECKey.import_key(pem, parameters) if is_ec else RSAKey.import_key(pem, parameters)  # type: ignore[arg-type]
        key.ensure_kid()
        retired_at_ms = to_ms(datetime.fromisoformat(found["at"])) if found["at"] else None
    except (JoseError, ValueError, TypeError) as error:
        raise SettingInvalid(f"{name} holds what is no key in PEM ({_wanted(algorithm)})") from error
    if (key.curve_name != CURVE) if isinstance(key, ECKey) else (key.raw_value.key_size < ID_BITS):
        raise SettingInvalid(f"{name} holds a key that is not {_wanted(algorithm)}")
    if key.is_private != (retired_at_ms is None):
        raise SettingInvalid(f"{name}: a public key, and no other, has a line before it that says when it retired")
    return Kept(key, retired_at_ms)


def _wanted(algorithm: str) -> str:
    return f"EC {CURVE}" if algorithm == ALGORITHM else f"RSA, {ID_BITS} bits or more"
