"""Passkeys that people log in with: whose each is, its public key, and how often it says that it was used.

In ``logins``: _id  keyed token of the credential's id; person, kind "passkey", sealed (id and public key, with the
person's key), sign_count, made_at_ms; stood_in, on any login: how often it was what stayed when a passkey went
"""

from __future__ import annotations

from dataclasses import dataclass

from pymongo.client_session import ClientSession

from phr.database import Database, Document, insert_new, transact
from phr.errors import AccessDenied, AlreadyThere
from phr.people import people, seals

LOGINS, PASSKEY = "logins", "passkey"
PLACE = "logins.passkey"
MOST = 20  # of one person
THERE = "this passkey is registered already"


@dataclass(frozen=True, slots=True)
class Passkey:
    """``sign_count``: as the authenticator counts; 0 for ever from one that does not (WebAuthn Level 3, 6.1.1)."""

    person: str
    credential: bytes
    public_key: bytes  # COSE
    sign_count: int


def add(database: Database, passkey: Passkey, now_ms: int) -> None:
    """Stores it. Raises as ``check_new``; KeyDestroyed."""
    check_new(database, passkey)
    row: Document = {
        "_id": _token(database, passkey.credential),
        "person": passkey.person,
        "kind": PASSKEY,
        "sealed": seals.seal(database, passkey.person, PLACE, [passkey.credential, passkey.public_key]),
        "sign_count": passkey.sign_count,
        "made_at_ms": now_ms,
    }
    if not insert_new(database, LOGINS, [row]):
        raise AlreadyThere(THERE)


def check_new(database: Database, passkey: Passkey) -> str:
    """The name that its login will have. Raises AlreadyThere for one that is anybody's, or one too many."""
    name = _token(database, passkey.credential)
    if database[LOGINS].find_one({"_id": name}, {"_id": 1}) is not None:
        raise AlreadyThere(THERE)
    if database[LOGINS].count_documents(_of(passkey.person)) >= MOST:
        raise AlreadyThere(f"there are {MOST} passkeys: remove one first")
    return name.hex()


def find(database: Database, credential: bytes) -> Passkey | None:
    """Raises KeyDestroyed for one of somebody who is being erased."""
    row = database[LOGINS].find_one({"_id": _token(database, credential), "kind": PASSKEY})
    return _passkey(database, row) if row else None


def of_person(database: Database, person: str) -> list[Passkey]:
    return [_passkey(database, row) for row in database[LOGINS].find(_of(person))]


def count_up(database: Database, passkey: Passkey, sign_count: int) -> bool:
    """Remembers the count; False where it is not above the last one, so that the key may be in two places."""
    name: Document = {"_id": _token(database, passkey.credential), "person": passkey.person}
    least: Document = {"sign_count": {"$lt": sign_count}} if sign_count else {"sign_count": 0}
    counted = database[LOGINS].update_one(name | least, {"$set": {"sign_count": sign_count}})
    return bool(counted.matched_count)


def remove(database: Database, person: str, login: str) -> bool:
    """True where it was a passkey of theirs. Raises AccessDenied for their only way in, however many go at once."""
    has_phone = people.require(database, person).phone is not None

    def removed(session: ClientSession) -> bool:
        rows = list(database[LOGINS].find({"person": person}, {"kind": 1}, sort=[("_id", 1)], session=session))
        gone = next((one for one in rows if one["_id"].hex() == login and one.get("kind") == PASSKEY), None)
        if gone is None:
            return False
        kept = next((one for one in rows if one is not gone), None)
        if kept is not None:  # written to, so that whoever removes that one at this moment comes after
            database[LOGINS].update_one({"_id": kept["_id"]}, {"$inc": {"stood_in": 1}}, session=session)
        elif not has_phone:
            raise AccessDenied("this is the only way to log in: add another one first")
        database[LOGINS].delete_one({"_id": gone["_id"]}, session=session)
        return True

    return transact(database, removed)


def _of(person: str) -> Document:
    return {"person": person, "kind": PASSKEY}


def _passkey(database: Database, row: Document) -> Passkey:
    credential, public_key = seals.unseal(database, row["person"], PLACE, row["sealed"])
    return Passkey(row["person"], credential, public_key, row["sign_count"])


def _token(database: Database, credential: bytes) -> bytes:
    return seals.lookup_tokens(database, PASSKEY, [credential.hex()])[0]
