"""Second factors: one-time passwords of an authenticator app (TOTP, RFC 6238), and codes for who has lost it.

Each step of a TOTP is good once, and so is each recovery code. Nothing that is stored gives a code: the secret is
sealed with the person's key, of the recovery codes there are keyed tokens.

Collection ``second_factors``: _id  person; sealed, last_step, recovery (tokens), made_at_ms
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass

import pyotp

from phr.database import Database
from phr.people import organisations, people, seals

FACTORS = "second_factors"
PLACE = "second_factors.secret"
ISSUER = "PHR"
STEP_S = 30
DRIFT_STEPS = 1  # RFC 6238, 5.2: one for the network and for clocks
DIGITS = 6
SECRET_SIGNS = 32  # 160 bits: RFC 4226, 4, R6
RECOVERY_CODES, RECOVERY_BYTES = 10, 10


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Shown once: what an authenticator app reads from a QR code, and what opens without it."""

    uri: str
    recovery_codes: tuple[str, ...]


def enrol(database: Database, person: str, now_ms: int) -> Enrolment:
    """A new factor of the person; the one before, and its recovery codes, are worth nothing. Raises KeyDestroyed."""
    secret = pyotp.random_base32(SECRET_SIGNS)
    codes = tuple(_new_code() for _ in range(RECOVERY_CODES))
    row = {
        "_id": person,
        "sealed": seals.seal(database, person, PLACE, secret),
        "last_step": 0,
        "recovery": _tokens(database, person, codes),
        "made_at_ms": now_ms,
    }
    database[FACTORS].replace_one({"_id": person}, row, upsert=True)
    return Enrolment(pyotp.TOTP(secret).provisioning_uri(name=person[:8], issuer_name=ISSUER), codes)


def is_needed(database: Database, person: str, now_ms: int) -> bool:
    """True for who sees other people's records: doctors, and whoever works in an organisation. Raises KeyDestroyed."""
    found = people.find(database, person)
    return bool(found and found.roles) or organisations.membership(database, person, now_ms) is not None


def has(database: Database, person: str) -> bool:
    return database[FACTORS].find_one({"_id": person}, {"_id": 1}) is not None


def use(database: Database, person: str, answer: str, now_ms: int) -> str | None:
    """What the answer was, "otp" or "recovery", the first time; None where it is neither, or was used before."""
    typed = "".join(answer.split()).replace("-", "").upper()
    if len(typed) == DIGITS and typed.isascii() and typed.isdigit():
        return "otp" if _use_step(database, person, typed, now_ms) else None
    token = _tokens(database, person, [typed])[0]
    used = database[FACTORS].update_one({"_id": person, "recovery": token}, {"$pull": {"recovery": token}})
    return "recovery" if used.modified_count else None


def _use_step(database: Database, person: str, typed: str, now_ms: int) -> bool:
    row = database[FACTORS].find_one({"_id": person})
    if row is None:
        return False
    totp = pyotp.TOTP(seals.unseal(database, person, PLACE, row["sealed"]))
    present = now_ms // 1000 // STEP_S
    steps = range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1)
    fitting = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), typed)]
    if not fitting:
        return False
    later = {"_id": person, "sealed": row["sealed"], "last_step": {"$lt": fitting[-1]}}
    return bool(database[FACTORS].update_one(later, {"$set": {"last_step": fitting[-1]}}).modified_count)


def _new_code() -> str:
    """80 bits in four groups, to be written down."""
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _tokens(database: Database, person: str, codes: tuple[str, ...] | list[str]) -> list[bytes]:
    return seals.lookup_tokens(database, "recovery", [f"{person}\0{code.replace('-', '')}" for code in codes])
