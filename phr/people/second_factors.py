"""Second factors: one-time passwords of an authenticator app (TOTP, RFC 6238), and codes for who has lost it.

Each step of a TOTP is good once, and so is each recovery code. Nothing that is stored gives a code: the secret is
sealed with the person's key, of the recovery codes there are keyed tokens.

Collection ``second_factors``: _id  person; sealed, last_step, recovery (tokens), made_at_ms
Collection ``second_factor_drafts``: _id  person; sealed, expires_at  of one that waits for its first code
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

import pyotp

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.people import organisations, people, seals

FACTORS, DRAFTS = "second_factors", "second_factor_drafts"
PLACE = "second_factors.secret"
DRAFT_LIFE = timedelta(minutes=10)
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


@dataclass(frozen=True, slots=True)
class Draft:
    """A factor that was begun. ``last_step``: that of the code which confirms it, so that it does not log in too."""

    person: str
    sealed: bytes
    last_step: int


def enrol(database: Database, person: str, now_ms: int) -> Enrolment:
    """A new factor of the person; the one before, and its recovery codes, are worth nothing. Raises KeyDestroyed."""
    secret = pyotp.random_base32(SECRET_SIGNS)
    codes = _put(database, Draft(person, seals.seal(database, person, PLACE, secret), 0), now_ms)
    return Enrolment(_uri(person, secret), codes)


def begin(database: Database, person: str, now_ms: int) -> str:
    """What an authenticator app reads of a factor that counts from its first code on. Raises KeyDestroyed."""
    secret = pyotp.random_base32(SECRET_SIGNS)
    kept = {"sealed": seals.seal(database, person, PLACE, secret), "expires_at": to_datetime(now_ms) + DRAFT_LIFE}
    database[DRAFTS].update_one({"_id": person}, {"$set": kept}, upsert=True)
    return _uri(person, secret)


def drafted(database: Database, person: str, answer: str, now_ms: int) -> Draft | None:
    """The factor that was begun, where the answer is its code now."""
    row = database[DRAFTS].find_one({"_id": person, "expires_at": {"$gt": to_datetime(now_ms)}})
    step = _step_of(database, person, row["sealed"], "".join(answer.split()), now_ms) if row else None
    return None if row is None or step is None else Draft(person, row["sealed"], step)


def take_up(database: Database, draft: Draft, now_ms: int) -> tuple[str, ...] | None:
    """The recovery codes of the factor that was begun, and is the person's one from now on; None where it was before.

    Of two at once one gets codes. What dies in between leaves no factor, and is begun again.
    """
    taken: Document = {"_id": draft.person, "sealed": draft.sealed}
    if not database[DRAFTS].delete_one(taken).deleted_count:
        return None
    return _put(database, draft, now_ms)


def remove(database: Database, person: str) -> None:
    """The factor and its recovery codes are worth nothing from now on; so is one that was begun."""
    for name in (DRAFTS, FACTORS):
        database[name].delete_one({"_id": person})


def told(database: Database, person: str) -> tuple[int, int] | None:
    """When the factor was made, and how many recovery codes are left; None without one."""
    row = database[FACTORS].find_one({"_id": person}, {"made_at_ms": 1, "recovery": 1})
    return None if row is None else (row["made_at_ms"], len(row["recovery"]))


def ensure_indexes(database: Database) -> None:
    database[DRAFTS].create_index("expires_at", name="expiry", expireAfterSeconds=0)


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
    step = _step_of(database, person, row["sealed"], typed, now_ms)
    if step is None:
        return False
    later = {"_id": person, "sealed": row["sealed"], "last_step": {"$lt": step}}
    return bool(database[FACTORS].update_one(later, {"$set": {"last_step": step}}).modified_count)


def _step_of(database: Database, person: str, sealed: bytes, typed: str, now_ms: int) -> int | None:
    """Of which step about now the code is."""
    totp = pyotp.TOTP(seals.unseal(database, person, PLACE, sealed))
    present = now_ms // 1000 // STEP_S
    steps = range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1)
    fitting = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode())]
    return fitting[-1] if fitting else None


def _put(database: Database, draft: Draft, now_ms: int) -> tuple[str, ...]:
    """In place of the one before; gives new recovery codes."""
    codes = tuple(_new_code() for _ in range(RECOVERY_CODES))
    row = {
        "_id": draft.person,
        "sealed": draft.sealed,
        "last_step": draft.last_step,
        "recovery": _tokens(database, draft.person, codes),
        "made_at_ms": now_ms,
    }
    database[FACTORS].replace_one({"_id": draft.person}, row, upsert=True)
    return codes


def _uri(person: str, secret: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=person[:8], issuer_name=ISSUER)


def _new_code() -> str:
    """80 bits in four groups, to be written down."""
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _tokens(database: Database, person: str, codes: tuple[str, ...] | list[str]) -> list[bytes]:
    return seals.lookup_tokens(database, "recovery", [f"{person}\0{code.replace('-', '')}" for code in codes])
