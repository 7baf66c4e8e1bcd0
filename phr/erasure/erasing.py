"""Carries an erasure out in steps; cut off anywhere and run again, it comes to the same end.

note    what is asked for, and taken back, on the register, for after a restore
close   on the register, then the archive of organisations, devices let go, the person's key destroyed: from here on
        nobody gets in and nothing sealed opens
sweep   when no process remembers the person any more: all rows of the table of places go, the traces are renamed
finish  swept once more, for what was under way during the first time; then the certificate
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo.client_session import ClientSession

from phr.auth.keys import Ring, access_ring
from phr.auth.tokens import issuer_of
from phr.config import Settings
from phr.database import Database, Document, transact
from phr.erasure import archive, certificate, erasures, places, register, theirs, traces
from phr.erasure.certificate import CertificateTold, Done
from phr.erasure.erasures import COLLECTION
from phr.erasure.places import Stay, Whose
from phr.people import people, seals
from phr.private_files import Line

# Other processes forget a key within a minute (keyring.LIFE_S), devices and people at their next batch, and a request
# or batch ends sooner than this.
QUIET_MS = 5 * 60_000
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class House:
    """What an erasure needs of the installation."""

    data_dir: Path
    issuer: str
    ring: Ring
    backup_kept_days: int
    retained_years: int


def house(settings: Settings) -> House:
    """Raises SettingInvalid for a signing key that is none."""
    ring, issuer = access_ring(settings), issuer_of(settings)
    return House(settings.data_dir, issuer, ring, settings.backup_kept_days, settings.retained_years)


def do_one(database: Database, of: House, now_ms: int) -> bool:
    """Takes the next step of one erasure that is due; True where there was one. Raises what kept it from ending."""
    if note_one(database, of, now_ms):
        return True
    # Not again before others had their turn: one that can't be ended must not keep all from it.
    row = database[COLLECTION].find_one_and_update(
        {"next_at_ms": {"$lte": now_ms}}, {"$set": {"next_at_ms": now_ms + QUIET_MS}}, sort=[("next_at_ms", 1)]
    )
    if row is None:
        return False
    if row["state"] in ("asked", "closing"):
        close(database, of, row["_id"], now_ms)
    elif row["state"] == "closed":
        sweep(database, of, row["_id"])
        _go_on(database, row["_id"], "closed", {"state": "swept", "next_at_ms": now_ms + QUIET_MS})
    else:
        sweep(database, of, row["_id"])
        finish(database, of, row["_id"], now_ms)
    return True


def note_one(database: Database, of: House, now_ms: int) -> bool:
    """Writes one request, or the end of one, on the register; True where there was one that it does not have."""
    row = erasures.unnoted(database)
    if row is None:
        return False
    line = {"did": row["state"], "person": row["_id"], "at_ms": now_ms}
    register.append(of.data_dir, line | (_said(row) if row["state"] == "asked" else {}))
    erasures.set_noted(database, row, now_ms)
    return True


def close(database: Database, of: House, person: str, now_ms: int) -> None:
    """Nobody gets in any more and the person's key is gone. Taken back just now: nothing happens."""
    _go_on(database, person, "asked", {"state": "closing", "alias": f"erased-{secrets.token_urlsafe(9)}"})
    row = database[COLLECTION].find_one({"_id": person, "state": "closing"})
    if row is None:
        return
    if not register.has(of.data_dir, person, "began"):
        register.append(of.data_dir, {"did": "began", "person": person, "at_ms": now_ms} | _said(row))
    _make_room(database, of, person, now_ms)
    people.close(database, person)
    seals.destroy(database, person, now_ms)
    _go_on(database, person, "closing", {"state": "closed", "closed_at_ms": now_ms, "next_at_ms": now_ms + QUIET_MS})


def sweep(database: Database, of: House, person: str) -> None:
    """Takes away all there is; the rows that go and their count are written in one transaction."""
    row = _row(database, person)
    _make_room(database, of, person, row["closed_at_ms"])
    _note(database, person, "others", traces.others_of(database, person))
    row = _row(database, person)
    stays = theirs.looked_at_again(database, [Stay(**one) for one in row["stays"]])
    whose = Whose(person, tuple(stays))
    for name, find in places.TAKEN.items():
        wanted = find(database, whose)
        while database[name].find_one(wanted, {"_id": 1}) is not None:
            _take_some(database, name, wanted, person)
    traces.rename(database, person, row["others"], row["alias"])


def finish(database: Database, of: House, person: str, now_ms: int) -> None:
    """The certificate, on the register and in the row; all else that the row knew goes."""
    row = _row(database, person)
    if _given_before(of, person) is None:
        given = _certified(database, of, row, now_ms)
        register.append(of.data_dir, {"did": "finished", "person": person, "at_ms": now_ms, "certificate": given})
    gone = dict.fromkeys(("alias", "stays", "others", "archives", "removed", "next_at_ms", "noted_at_ms"), "")
    # The first of the register, should two have been at it.
    done = {"$set": {"state": "done", "certificate": _given_before(of, person)}, "$unset": gone}
    database[COLLECTION].update_one({"_id": person, "state": "swept"}, done)


def replay(database: Database, of: House, now_ms: int) -> int:
    """For a restored database that nobody uses yet; how many were erased again. Safe to repeat.

    What was asked for since the backup, or taken back, is so again; whose erasure had begun is erased again, at once.
    """
    told = register.lines(of.data_dir)
    began = {line["person"]: line for line in told if line["did"] == "began"}
    asked = {line["person"]: line for line in told if line["did"] in ("asked", "cancelled")}
    for person in asked.keys() - began.keys():
        _ask_again(database, asked[person])
    for line in began.values():
        _erase_again(database, of, line, now_ms)
    return len(began)


def _ask_again(database: Database, line: Line) -> None:
    database[COLLECTION].delete_one({"_id": line["person"]})
    if line["did"] == "asked":
        row = {"_id": line["person"], "state": "asked", "next_at_ms": line["due_at_ms"], "noted_at_ms": line["at_ms"]}
        database[COLLECTION].insert_one(row | _said(line))


def _erase_again(database: Database, of: House, line: Line, now_ms: int) -> None:
    person, at_ms = line["person"], line["at_ms"]
    again = _said(line) | {"state": "asked", "next_at_ms": at_ms, "noted_at_ms": at_ms}
    database[COLLECTION].replace_one({"_id": person}, again, upsert=True)
    close(database, of, person, at_ms)
    sweep(database, of, person)
    _go_on(database, person, "closed", {"state": "swept", "next_at_ms": now_ms})
    if _given_before(of, person):
        finish(database, of, person, now_ms)


def _said(row: Document) -> Document:
    """What was asked, as a row and a line of the register have it."""
    return {name: row[name] for name in ("asked_by", "asked_at_ms", "due_at_ms", "receipt")}


def _make_room(database: Database, of: House, person: str, now_ms: int) -> None:
    """What must stay is where it stays. Which devices were theirs is noted before the bindings that say so change."""
    _note(database, person, "archives", archive.move(database, person, of.retained_years))
    _note(database, person, "stays", theirs.as_rows(theirs.stays_of(database, person, now_ms)))
    theirs.let_go(database, person, now_ms)


def _note(database: Database, person: str, name: str, found: Sequence[Any]) -> None:
    database[COLLECTION].update_one({"_id": person}, {"$addToSet": {name: {"$each": list(found)}}})


def _take_some(database: Database, name: str, wanted: Document, person: str) -> None:
    """Up to a thousand rows, and their count, in one transaction."""

    def taken(session: ClientSession) -> None:
        ids = [row["_id"] for row in database[name].find(wanted, {"_id": 1}, session=session).limit(ROWS_AT_ONCE)]
        count = database[name].delete_many({"_id": {"$in": ids}}, session=session).deleted_count
        counted = {"$inc": {f"removed.{name.replace('.', ':')}": count}}
        database[COLLECTION].update_one({"_id": person}, counted, session=session)

    transact(database, taken)


def _certified(database: Database, of: House, row: Document, now_ms: int) -> CertificateTold:
    removed: Mapping[str, int] = row.get("removed", {})
    person = row["_id"]
    done = Done(
        issuer=of.issuer,
        person=person,
        asked_at_ms=row["asked_at_ms"],
        asked_by=row["asked_by"],
        closed_at_ms=row["closed_at_ms"],
        removed={name.replace(":", "."): count for name, count in removed.items()},
        archives=archive.found(database, row["archives"]),
        backup_kept_days=of.backup_kept_days,
    )
    return certificate.issue(of.ring.current, done, now_ms)


def _given_before(of: House, person: str) -> dict[str, Any] | None:
    """The certificate that was put on the register before this process, or before the restore."""
    for line in register.lines(of.data_dir):
        if (line["person"], line["did"]) == (person, "finished"):
            found: dict[str, Any] = line["certificate"]
            return found
    return None


def _go_on(database: Database, person: str, state: str, fields: Document) -> None:
    database[COLLECTION].update_one({"_id": person, "state": state}, {"$set": fields})


def _row(database: Database, person: str) -> Document:
    row = database[COLLECTION].find_one({"_id": person})
    assert row is not None  # only ``cancel`` takes rows away, and none of a begun erasure
    return row
