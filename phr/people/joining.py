"""Logins that join a record that is there: by a clinic's invitation, once, and taken back for seven days.

The same invitation is the second proof of somebody whose phone gets a code at a new device (phr.auth.ways).

Collection ``login_invitations``: _id  keyed token of the code's hash; person, organisation, by, is_proven, made_at_ms,
ends_at
In ``logins`` of one that joined: joined  {at_ms, organisation, by}
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from pymongo.client_session import ClientSession

from phr.clock import to_datetime, to_ms
from phr.database import Database, Document, transact
from phr.errors import AccessDenied, NotFound
from phr.passwords import hash_of
from phr.people import openids, people, seals
from phr.people.openids import LOGINS, WECHAT

INVITATIONS = "login_invitations"
LIFE = timedelta(days=3)
UNDO = timedelta(days=7)
ALPHABET, GROUPS, GROUP = "BCDFGHJKLMNPQRSTVWXZ", 3, 4  # 51 bits; RFC 8628, 6.1 has the letters
NO_INVITATION = "there is no such invitation, or it was used or is over"


@dataclass(frozen=True, slots=True)
class Invitation:
    id: str
    person: str  # whose record may be joined
    organisation: str
    by: str
    is_proven: bool  # staff have seen the person's identity document


@dataclass(frozen=True, slots=True)
class Login:
    """One way in. ``undo_until_ms``: of one that joined, as long as that can be taken back."""

    id: str
    kind: str
    made_at_ms: int | None
    joined_at_ms: int | None
    undo_until_ms: int | None


def invite(database: Database, draft: Invitation, now_ms: int) -> tuple[str, int]:
    """The code, which is shown once, and until when it is good; ``draft.id`` does not count."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP))
    ends_at = to_datetime(now_ms) + LIFE
    row: Document = {
        "_id": _token(database, letters),
        "person": draft.person,
        "organisation": draft.organisation,
        "by": draft.by,
        "is_proven": draft.is_proven,
        "made_at_ms": now_ms,
        "ends_at": ends_at,
    }
    database[INVITATIONS].insert_one(row)
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP)), to_ms(ends_at)


def find(database: Database, code: str, now_ms: int) -> Invitation | None:
    """The invitation as its code is typed, while it is good."""
    row = database[INVITATIONS].find_one({"_id": _token(database, code)})
    if row is None or to_ms(row["ends_at"]) <= now_ms:
        return None
    return Invitation(row["_id"].hex(), row["person"], row["organisation"], row["by"], row["is_proven"])


def join(database: Database, invitation: Invitation, own: str, now_ms: int) -> Login:
    """The WeChat login of who has ``own``, a record of nothing, from now on that of the invitation's person.

    The invitation is used up. Raises AccessDenied where another has used it, or the login is not there any more.
    """

    def joined(session: ClientSession) -> Login:
        rows = list(database[LOGINS].find({"person": own, "kind": WECHAT}, session=session))
        if not rows or not _taken(database, session, invitation):
            raise AccessDenied(NO_INVITATION)
        by = {"at_ms": now_ms, "organisation": invitation.organisation, "by": invitation.by}
        moved = [_moved(database, session, row, invitation.person, {"$set": {"joined": by}}) for row in rows]
        return moved[0]

    return transact(database, joined)


def use(database: Database, invitation: Invitation) -> bool:
    """Uses it up for a login that moves nothing; False where another has used it."""
    return bool(database[INVITATIONS].delete_one({"_id": bytes.fromhex(invitation.id)}).deleted_count)


def of_person(database: Database, person: str) -> list[Login]:
    """Every way in, the first one first."""
    found = [_login(row) for row in database[LOGINS].find({"person": person})]
    return sorted(found, key=lambda one: (one.made_at_ms or 0, one.id))


def undo(database: Database, person: str, login: str, now_ms: int) -> None:
    """The login has a record of its own again, which is empty, and so has the same WeChat user by other apps.

    Raises NotFound where none joined in seven days.
    """

    def undone(session: ClientSession) -> None:
        for row in database[LOGINS].find({"person": person, "joined": {"$exists": True}}, session=session):
            one = _login(row)
            if one.id == login and (one.undo_until_ms or 0) > now_ms:
                own = people.new_id()
                for each in _of_same_user(database, session, row):
                    _moved(database, session, each, own, {"$unset": {"joined": ""}})
                return
        raise NotFound("no login that joined this record within seven days")

    transact(database, undone)


def ensure_indexes(database: Database) -> None:
    database[LOGINS].create_index("person", name="person")
    database[LOGINS].create_index("union", name="union", sparse=True)
    database[INVITATIONS].create_index("person", name="person")
    database[INVITATIONS].create_index("ends_at", name="expiry", expireAfterSeconds=0)


def _taken(database: Database, session: ClientSession, invitation: Invitation) -> bool:
    return bool(database[INVITATIONS].delete_one({"_id": bytes.fromhex(invitation.id)}, session=session).deleted_count)


def _of_same_user(database: Database, session: ClientSession, row: Document) -> list[Document]:
    """Logins to the same record: who comes by one app of WeChat's would come back by another."""
    if "union" not in row:
        return [row]
    return list(database[LOGINS].find({"person": row["person"], "union": row["union"]}, session=session))


def _moved(database: Database, session: ClientSession, row: Document, person: str, change: Document) -> Login:
    """The login with another person, whose key then seals its openid."""
    set_to = {"person": person, "sealed": openids.resealed(database, row, person), **change.get("$set", {})}
    database[LOGINS].update_one({"_id": row["_id"]}, change | {"$set": set_to}, session=session)
    return _login(row | set_to)


def _login(row: Document) -> Login:
    joined_at_ms = row.get("joined", {}).get("at_ms")
    undo_until_ms = None if joined_at_ms is None else joined_at_ms + int(UNDO.total_seconds() * 1000)
    name = row["_id"].hex()
    return Login(name, row.get("kind", "password"), row.get("made_at_ms"), joined_at_ms, undo_until_ms)


def keyed(database: Database, hashed: str) -> bytes:
    """What stands for a code, by its plain hash. 51 bits can be tried out on a hash, and not without the key."""
    return seals.lookup_tokens(database, "login-invitation", [hashed])[0]


def _token(database: Database, code: str) -> bytes:
    return keyed(database, hash_of("".join(sign for sign in code.upper() if sign in ALPHABET)))
