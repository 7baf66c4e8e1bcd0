"""The keys that wrap all others: from a setting, or a file that the embedded database's first start makes.

Each is base64 of 32 bytes, or a word that a key management service has wrapped (phr.people.kms).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from phr import private_files
from phr.config import Settings
from phr.errors import ServerUnavailable, SettingInvalid
from phr.people import kms
from phr.people.kms import MARK, Kms

FILE = Path("keys") / "master.key"
KEY_BYTES = 32


class MasterKeyUnknown(ServerUnavailable):
    """A data key is wrapped by a master key that this process was not given."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """``id`` tells which one it is and nothing about it; it stands beside what the key wrapped."""

    id: str
    secret: bytes = field(repr=False)


class MasterKeys:
    """The first of them wraps, each of them unwraps. Keys of a file are read again when another process added one."""

    def __init__(self, keys: tuple[MasterKey, ...], path: Path | None = None, service: Kms | None = None) -> None:
        self._keys = keys
        self._path = path
        self._service = service
        self._read_as = private_files.stamp(path)

    @property
    def path(self) -> Path | None:
        """The file that is the installation's own; None where the operator keeps the keys elsewhere."""
        return self._path

    @property
    def newest(self) -> MasterKey:
        """The one that wraps."""
        self._read_again()
        return self._keys[0]

    def of_id(self, key_id: str) -> MasterKey:
        """The one that wrapped something. Raises MasterKeyUnknown."""
        for is_fresh in (False, True):
            if is_fresh:
                self._read_again()
            for key in self._keys:
                if key.id == key_id:
                    return key
        where = self._path or "PHR_MASTER_KEY"
        raise MasterKeyUnknown(f"master key {key_id} is missing: put it back into {where}")

    def _read_again(self) -> None:
        stamp = private_files.stamp(self._path)
        if self._path is not None and stamp is not None and stamp != self._read_as:
            text = self._path.read_text(encoding="ascii")
            self._keys, self._read_as = parsed(text, str(self._path), self._service), stamp


def load(settings: Settings, *, makes: bool = False) -> MasterKeys:
    """PHR_MASTER_KEY (or …_FILE), else the file under data_dir, made here where ``makes``.

    Raises SettingInvalid; KmsFailed where the service that has to open them does not.
    """
    service = kms.of(settings)
    if settings.master_key is not None:
        return MasterKeys(parsed(settings.master_key, "PHR_MASTER_KEY", service))
    path = settings.data_dir / FILE
    if makes and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        private_files.write(path, new_text(service) + "\n", replaces=False)
    try:
        return MasterKeys(parsed(path.read_text(encoding="ascii"), str(path), service), path, service)
    except FileNotFoundError as error:
        raise SettingInvalid(
            "PHR_MASTER_KEY is not set: what identifies people can't be sealed; "
            "make one with `openssl rand -base64 32`, keep a copy, and set PHR_MASTER_KEY or PHR_MASTER_KEY_FILE"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"{path} can't be read: {error}") from error


def parsed(text: str, name: str, service: Kms | None = None) -> tuple[MasterKey, ...]:
    """Keys apart by white space or commas, the one that wraps first. Raises SettingInvalid, KmsFailed."""
    keys = tuple(_key(word, name, service) for word in text.replace(",", " ").split())
    if not keys:
        raise SettingInvalid(f"{name} holds no key; `openssl rand -base64 32` makes one")
    return keys


def new_text(service: Kms | None = None) -> str:
    """A new key as settings and the file have it, wrapped by the service where there is one. Raises KmsFailed."""
    secret = secrets.token_bytes(KEY_BYTES)
    return base64.b64encode(secret).decode() if service is None else service.wrapped(secret)


def put_in_front(path: Path, text: str) -> None:
    """A key added to the file as the one that wraps; the older ones stay, since backups need them."""
    private_files.write(path, f"{text}\n{path.read_text(encoding='ascii')}")


def _key(word: str, name: str, service: Kms | None) -> MasterKey:
    if word.startswith(MARK) and service is None:
        raise SettingInvalid(f"{name} holds a key that a service has wrapped; PHR_KMS says which")
    try:
        if word.startswith(MARK) and service is not None:
            secret = service.unwrapped(word)
        else:
            secret = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingInvalid(f"{name} is not base64") from error
    if len(secret) != KEY_BYTES:
        raise SettingInvalid(f"{name} must be {KEY_BYTES} bytes as base64; it has {len(secret)}")
    return MasterKey(hashlib.sha256(b"phr master key id" + secret).hexdigest()[:12], secret)
