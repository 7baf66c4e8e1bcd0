"""Login names and passwords of people who have them (doctors); keyed tokens of the names, argon2 hashes only."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from mongoengine import ValidationError
from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid
from phr.people import seals
from phr.people.documents import LoginDocument

HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)  # RFC 9106, 4: the second choice, 64 MiB


def create(database: Database, login: str, password: str, person: str) -> None:
    """Stores the login. Raises InputInvalid for a name that is none ([a-z0-9._-], 3 to 64), AlreadyThere."""
    document = LoginDocument(id=login, person=person, password_hash=HASHER.hash(password))
    try:
        document.validate()
    except ValidationError as error:
        raise InputInvalid(f"{login!r} can't be a login name: 3 to 64 of a-z 0-9 . _ -", "/login") from error
    row: Document = document.to_mongo().to_dict() | {"_id": token_of(database, login)}
    try:
        database["logins"].insert_one(row)
    except DuplicateKeyError as error:
        raise AlreadyThere(f"login {login} exists") from error


def verify(database: Database, login: str, password: str) -> str | None:
    """The person whose login this is, None where name or password is wrong; both take the same time."""
    nobodys = _nobodys_hash()  # made at the first login of all, whoever's it is
    row = database["logins"].find_one({"_id": token_of(database, login)})
    try:
        HASHER.verify(row["password_hash"] if row else nobodys, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    if row and HASHER.check_needs_rehash(row["password_hash"]):
        changed = {"$set": {"password_hash": HASHER.hash(password)}}
        database["logins"].update_one({"_id": row["_id"], "password_hash": row["password_hash"]}, changed)
    return str(row["person"]) if row else None


def has_password(database: Database, person: str) -> bool:
    wanted: Document = {"person": person, "password_hash": {"$exists": True}}
    return database["logins"].find_one(wanted, {"_id": 1}) is not None


def token_of(database: Database, login: str) -> bytes:
    """What stands for a login name in the database."""
    return seals.lookup_tokens(database, "login", [login])[0]


@cache
def _nobodys_hash() -> str:
    return HASHER.hash("nobody's")
