"""Master keys that a key management service wraps: KMIP, AWS, Azure or Google, spoken to as MongoDB's drivers do.

``kms:`` and base64 stands where a master key would stand in plain base64. In it is a BSON document: ``key``, a data key
that the service alone unwraps (libmongocrypt's key vault document), and ``sealed``, the master key under that data key.
The service is asked once for each such word at a process's start, and for a word that joins them later.
"""

from __future__ import annotations

import base64
import binascii
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from phr.config import Settings
from phr.errors import ServerUnavailable, SettingInvalid

MARK = "kms:"
KMIP, AWS, AZURE, GCP = "kmip", "aws", "azure", "gcp"
# What each wants of PHR_KMS_CREDENTIALS, a JSON object. Source: MongoDB, Client-Side Encryption, KMS providers.
WANTED = {
    KMIP: frozenset(),
    AWS: frozenset({"accessKeyId", "secretAccessKey"}),
    AZURE: frozenset({"tenantId", "clientId", "clientSecret"}),
    GCP: frozenset({"email", "privateKey"}),
}
ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
TIMEOUT_S = 10.0
PORTS = {KMIP: 5696}  # of the others 443
GCP_PARTS = ("projects", "locations", "keyRings", "cryptoKeys")


class KmsFailed(ServerUnavailable):
    """The service is away, refuses, or does not know the key; its own words stay out of ours."""


@dataclass(frozen=True, slots=True)
class Kms:
    """One service and the key in it that wraps."""

    provider: str
    access: Mapping[str, Any] = field(repr=False)
    key: Mapping[str, Any]
    tls: ssl.SSLContext = field(repr=False)

    def wrapped(self, secret: bytes) -> str:
        """A master key as a setting or the file has it. Raises KmsFailed."""
        talk = _Talk(self)
        key_id = talk.asked(lambda ask: ask.create_data_key(self.provider, dict(self.key)))
        value = bson.encode({"v": secret})
        sealed = talk.asked(lambda ask: ask.encrypt(value, ALGORITHM, bytes(key_id)))
        word = bson.encode({"key": RawBSONDocument(talk.key), "sealed": bson.decode(sealed)["v"]})
        return MARK + base64.b64encode(word).decode()

    def unwrapped(self, word: str) -> bytes:
        """What ``wrapped`` was given. Raises KmsFailed; ValueError for what is no such word."""
        try:
            told: Mapping[str, Any] = bson.decode(base64.b64decode(word.removeprefix(MARK), validate=True))
            talk, sealed = _Talk(self, bson.encode(told["key"])), bson.encode({"v": told["sealed"]})
        except (binascii.Error, BSONError, KeyError, TypeError) as error:
            raise ValueError("no key that a service has wrapped") from error
        return bytes(bson.decode(talk.asked(lambda ask: ask.decrypt(sealed)))["v"])


def of(settings: Settings) -> Kms | None:
    """The service that the settings name; None for none. Raises SettingInvalid."""
    provider = settings.kms
    if provider is None:
        return None
    if provider not in WANTED:
        raise SettingInvalid(f"PHR_KMS={provider[:40]} is none of {', '.join(WANTED)}")
    access = _credentials(provider, settings.kms_credentials)
    if provider == KMIP:
        access["endpoint"] = _endpoint(settings)
    return Kms(provider, access, _key(provider, settings), _tls(settings))


def _credentials(provider: str, text: str | None) -> dict[str, Any]:
    try:
        told = json.loads(text or "{}")
    except ValueError as error:
        raise SettingInvalid("PHR_KMS_CREDENTIALS is no JSON") from error
    missing = sorted(WANTED[provider] - set(told)) if isinstance(told, dict) else ["an object"]
    if missing:
        raise SettingInvalid(f"PHR_KMS_CREDENTIALS lacks {', '.join(missing)}")
    return dict(told)


def _key(provider: str, settings: Settings) -> dict[str, Any]:
    """What names the key at the service, as libmongocrypt wants it."""
    named, endpoint = settings.kms_key, settings.kms_endpoint
    if provider == KMIP:  # without one the service keeps a new one for each master key
        return {"keyId": named} if named else {}
    if named is None:
        raise SettingInvalid(f"PHR_KMS={provider} needs PHR_KMS_KEY")
    if provider == AZURE:
        return {"keyVaultEndpoint": _endpoint(settings), "keyName": named}
    also = {"endpoint": endpoint} if endpoint else {}
    if provider == AWS:
        parts = named.split(":")
        if len(parts) < 6 or parts[:1] + parts[2:3] != ["arn", "kms"]:
            raise SettingInvalid("PHR_KMS_KEY is no ARN of a key, arn:aws:kms:region:account:key/id")
        return {"region": parts[3], "key": named} | also
    parts = named.strip("/").split("/")
    if tuple(parts[::2]) != GCP_PARTS or not all(parts[1::2]) or len(parts) != 8:
        raise SettingInvalid("PHR_KMS_KEY is not projects/…/locations/…/keyRings/…/cryptoKeys/…")
    return {"projectId": parts[1], "location": parts[3], "keyRing": parts[5], "keyName": parts[7]} | also


def _endpoint(settings: Settings) -> str:
    if not settings.kms_endpoint:
        raise SettingInvalid(f"PHR_KMS={settings.kms} needs PHR_KMS_ENDPOINT, host or host:port")
    return settings.kms_endpoint


def _tls(settings: Settings) -> ssl.SSLContext:
    """Who the service is, is checked against PHR_KMS_CA or what the machine trusts; we show our certificate."""
    try:
        made = ssl.create_default_context(cafile=settings.kms_ca)
        if settings.kms_certificate:
            made.load_cert_chain(settings.kms_certificate)
    except (OSError, ValueError) as error:
        raise SettingInvalid(f"PHR_KMS_CA or PHR_KMS_CERTIFICATE can't be used: {error}") from error
    return made


class _Talk:
    """What libmongocrypt asks of a driver: to send its requests, and to keep a key vault of one key."""

    def __init__(self, kms: Kms, key: bytes = b"") -> None:
        self.kms, self.key = kms, key

    def asked(self, work: Any) -> bytes:
        """Raises KmsFailed."""
        # Four MB of a process: nothing of it is there unless a service is named.
        from pymongocrypt.errors import MongoCryptError  # noqa: PLC0415
        from pymongocrypt.options import MongoCryptOptions  # noqa: PLC0415
        from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter  # noqa: PLC0415
        from pymongocrypt.synchronous.state_machine import MongoCryptCallback  # noqa: PLC0415

        MongoCryptCallback.register(_Talk)
        options = MongoCryptOptions({self.kms.provider: dict(self.kms.access)})
        try:
            asking = ExplicitEncrypter(self, options)
            try:
                return bytes(work(asking))
            finally:
                asking.close()
        except (MongoCryptError, OSError, BSONError, ValueError) as error:
            raise KmsFailed(f"PHR_KMS={self.kms.provider}: the key service does not do what it is asked") from error

    def kms_request(self, request: Any) -> None:
        parts = urlsplit(f"//{request.endpoint}")
        host, port = parts.hostname or "", parts.port or PORTS.get(self.kms.provider, 443)
        time.sleep(request.usleep / 1e6)
        plain = socket.create_connection((host, port), TIMEOUT_S)
        with plain, self.kms.tls.wrap_socket(plain, server_hostname=host) as line:
            line.sendall(request.message)
            while (wanted := request.bytes_needed) > 0:
                said = line.recv(wanted)
                if not said:
                    raise ConnectionError("closed")
                request.feed(said)

    def insert_data_key(self, key: bytes) -> bytes:
        self.key = bytes(key)
        return bytes(bson.decode(self.key)["_id"])

    def fetch_keys(self, _filter: bytes) -> Iterator[bytes]:
        yield self.key

    def bson_encode(self, doc: Mapping[str, Any]) -> bytes:
        return bson.encode(doc)

    def close(self) -> None:
        """Each request has a connection of its own."""
