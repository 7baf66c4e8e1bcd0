"""What a browser and an authenticator say to each other for passkeys (WebAuthn), and the challenges that they answer.

A challenge carries when it ends and a keyed token over the browser's cookie and what it is for: nothing is stored of it
until it is answered, and then that it was, so that it does once.

Collection ``passkey_challenges``: _id  hash of a challenge that was answered; expires_at
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from phr.clock import to_datetime
from phr.database import Database, insert_new
from phr.errors import InputInvalid, SettingInvalid
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import passkeys, seals
from phr.people.keyring import KeyDestroyed
from phr.people.passkeys import Passkey

CHALLENGES = "passkey_challenges"
LIFE = timedelta(minutes=5)
LIFE_MS = int(LIFE.total_seconds() * 1000)
LOG_IN, REGISTER = "log-in", "register"
LONGEST_ANSWER = 16_384
NONCE_BYTES, TIME_BYTES = 16, 8
# Who calls, where an app and no page does: the SHA-256 of the certificate that signs it, base64url without padding.
# Source: Android developers, "Sign in your user with Credential Manager", "Verify the origin".
ANDROID = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")
NAME = "健康档案 PHR"
# What the library's parsers let through for an answer that is none, beside what it raises of its own.
_ODD = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)


class PasskeyRefused(InputInvalid):
    """The authenticator's answer does not fit what was asked of it here."""

    code = "passkey-refused"


@dataclass(frozen=True, slots=True)
class Party:
    """For whom passkeys are made: the installation, as its address names it.

    ``apps``: what stands for the origin where an app for Android makes one by itself.
    """

    id: str
    origin: str
    apps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asking:
    """Who answers: a browser by its cookie, for us; or an app, whose own origin does too."""

    database: Database
    party: Party
    cookie: str
    is_app: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """Whose passkey it was. ``is_verified``: it knew its person by a finger, face or PIN, and so is two factors."""

    person: str
    is_verified: bool


def party_of(issuer: str, apps: str = "") -> Party | None:
    """None where browsers know no passkeys: without TLS but on localhost, or under an address of numbers.

    ``apps``: as the setting has them. Raises SettingInvalid.
    """
    known = tuple(one for one in apps.replace(",", " ").split() if one)
    for one in known:
        if not ANDROID.fullmatch(one):
            raise SettingInvalid(
                f"PHR_PASSKEY_ORIGINS: {one} is no android:apk-key-hash: with the SHA-256 of the certificate "
                "that signs the app, 43 characters of base64url"
            )
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
    if not host or not is_safe or _is_number(host):
        return None
    usual = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return Party(host, f"{parts.scheme}://{host}{port}", known)


@cache
def _library() -> Any:
    """webauthn, which takes 6 MB of a process: nothing of it is there before the first page that offers passkeys."""
    import webauthn  # noqa: PLC0415

    return webauthn


def _odd(*more: type[Exception]) -> tuple[type[Exception], ...]:
    return (_library().helpers.exceptions.WebAuthnException, *_ODD, *more)


def log_in_options(asking: Asking, now_ms: int) -> str:
    """JSON for ``navigator.credentials.get``: any passkey of ours that the device has."""
    challenge = _challenge(asking, LOG_IN, now_ms)
    structs = _library().helpers.structs
    asked = _library().generate_authentication_options(
        rp_id=asking.party.id,
        challenge=challenge,
        timeout=LIFE_MS,
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )
    return str(_library().options_to_json(asked))


def registration_options(asking: Asking, person: str, name: str, now_ms: int) -> str:
    """JSON for ``navigator.credentials.create``; ``name`` is what the person's own authenticator shows."""
    structs, of_person = _library().helpers.structs, passkeys.of_person(asking.database, person)
    asked = _library().generate_registration_options(
        rp_id=asking.party.id,
        rp_name=NAME,
        user_id=person.encode(),
        user_name=name,
        challenge=_challenge(asking, _registering(person), now_ms),
        timeout=LIFE_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one.credential) for one in of_person],
    )
    return str(_library().options_to_json(asked))


def registered(asking: Asking, person: str, answer: str, now_ms: int) -> Passkey:
    """The passkey that the answer brings; it is not kept yet. Raises PasskeyRefused."""
    refused = PasskeyRefused("this is no passkey that was asked for here, or it was too late: start again")
    try:
        credential = _library().helpers.parse_registration_credential_json(answer)
        challenge = _answered(credential.response.client_data_json)
        if not _takes(asking, challenge, _registering(person), now_ms):
            raise refused
        found = _library().verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=asking.party.id,
            expected_origin=[asking.party.origin, *(asking.party.apps if asking.is_app else ())],
        )
    except _odd() as error:
        raise refused from error
    return Passkey(person, found.credential_id, found.credential_public_key, found.sign_count)


def known(asking: Asking, answer: str, now_ms: int) -> Known | None:
    """Who has answered the challenge of a login. A passkey whose count went back is told to its owner and not taken."""
    try:
        credential = _library().helpers.parse_authentication_credential_json(answer)
        challenge = _answered(credential.response.client_data_json)
        passkey = passkeys.find(asking.database, credential.raw_id)
        if not _takes(asking, challenge, LOG_IN, now_ms) or passkey is None:
            return None
        if credential.response.user_handle != passkey.person.encode():
            return None
        found = _library().verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=asking.party.id,
            expected_origin=asking.party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # looked at below, once the signature shows that it is the key's own
        )
    except _odd(KeyDestroyed):
        return None
    if not passkeys.count_up(asking.database, passkey, found.new_sign_count):
        _tell(asking.database, passkey.person, now_ms)
        return None
    return Known(passkey.person, found.user_verified)


def ensure_indexes(database: Database) -> None:
    database[CHALLENGES].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _registering(person: str) -> str:
    return f"{REGISTER}:{person}"


def _challenge(asking: Asking, purpose: str, now_ms: int) -> bytes:
    head = secrets.token_bytes(NONCE_BYTES) + (now_ms + LIFE_MS).to_bytes(TIME_BYTES)
    return head + _mark(asking, purpose, head)


def _takes(asking: Asking, challenge: bytes, purpose: str, now_ms: int) -> bool:
    """True the first time for a challenge of ours, for this browser and purpose, while it is good."""
    head = challenge[: NONCE_BYTES + TIME_BYTES]
    if not hmac.compare_digest(challenge[len(head) :], _mark(asking, purpose, head)):
        return False
    ends_ms = int.from_bytes(head[NONCE_BYTES:])
    if ends_ms <= now_ms:
        return False
    row: dict[str, Any] = {"_id": hashlib.sha256(challenge).hexdigest(), "expires_at": to_datetime(ends_ms)}
    return insert_new(asking.database, CHALLENGES, [row]) == 1


def _mark(asking: Asking, purpose: str, head: bytes) -> bytes:
    """192 bits, since one look-up token has 96."""
    about = "\0".join((asking.cookie, purpose, head.hex()))
    return b"".join(seals.lookup_tokens(asking.database, "passkey-challenge", [f"{about}\0{half}" for half in "ab"]))


def _answered(client_data: bytes) -> bytes:
    return bytes(_library().helpers.parse_client_data_json(client_data).challenge)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _tell(database: Database, person: str, now_ms: int) -> None:
    zh = "您的一个通行密钥的使用计数出现倒退，可能已被复制；此次登录已被拒绝。请在“登录方式”中移除该密钥并重新添加。"
    en = "A passkey of yours counted backwards and may have been copied. The login was refused. Remove it under logins."
    outbox.tell(
        database, Telling(f"passkey-count:{person}:{now_ms}", person, "passkey-copied", zh, en, urgency=3), now_ms
    )
