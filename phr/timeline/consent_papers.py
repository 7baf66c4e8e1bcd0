"""Scans and photographs of papers that show a consent which staff took down; kept as files of documents are.

Collection ``consent_papers``: _id (of the file, phr.timeline.files), person, grant, organisation, by, at_ms,
sealed {media_type, bytes, sha256}
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from phr.database import Database, Document
from phr.errors import AlreadyThere, NotFound
from phr.people import seals
from phr.people.grants import Grant
from phr.timeline import extraction, files
from phr.timeline.extracting import PDF
from phr.timeline.extraction import TypeRefused

COLLECTION = "consent_papers"
TYPES = ("image/jpeg", "image/png", PDF)
MOST = 6  # of one consent: a page each; this project's own choice


@dataclass(frozen=True, slots=True)
class Paper:
    """One file; ``organisation``: whose privacy officer sees it."""

    id: str
    person: str
    grant: str
    organisation: str
    by: str
    at_ms: int
    media_type: str
    bytes: int
    sha256: str


def keep(database: Database, grant: Grant, content: bytes, now_ms: int) -> Paper:
    """Stored beside the consent that staff took down; the same content again is the one that is there.

    Raises NotFound where nobody took it down, TypeRefused, DocumentUnreadable, AlreadyThere where there are enough.
    """
    if grant.assisted is None:
        raise NotFound("staff took down no consent to this")
    if extraction.type_of(content) not in TYPES:
        raise TypeRefused("a scan or a photograph of a paper is a JPEG, a PNG or a PDF")
    there, sha256 = of_grant(database, grant.person, grant.id), hashlib.sha256(content).hexdigest()
    if known := next((one for one in there if one.sha256 == sha256), None):
        return known
    if len(there) >= MOST:
        raise AlreadyThere(f"a consent has at most {MOST} papers")
    said = {"media_type": extraction.extract(content).media_type, "bytes": len(content), "sha256": sha256}
    name = files.keep(database, grant.person, _entry(grant.id), content)
    row: Document = {
        "_id": name,
        "person": grant.person,
        "grant": grant.id,
        "organisation": grant.assisted["organisation"],
        "by": grant.assisted["by"],
        "at_ms": now_ms,
        "sealed": seals.seal(database, grant.person, _place(name), said),
    }
    database[COLLECTION].insert_one(row)
    return _paper(database, row)


def of_grant(database: Database, person: str, grant: str) -> list[Paper]:
    """Those of one consent, first sent first."""
    return _found(database, {"person": person, "grant": grant})


def of_organisation(database: Database, organisation: str) -> list[Paper]:
    return _found(database, {"organisation": organisation})


def find(database: Database, paper: str) -> Paper:
    """Raises NotFound."""
    for one in _found(database, {"_id": paper}):
        return one
    raise NotFound("no such paper")


def pieces(database: Database, paper: Paper) -> Iterator[bytes]:
    """The file, piece by piece. Raises as ``files.pieces``."""
    return files.pieces(database, paper.person, _entry(paper.grant), paper.id)


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("person", 1), ("grant", 1)], name="person")
    database[COLLECTION].create_index("organisation", name="organisation")


def _found(database: Database, wanted: Document) -> list[Paper]:
    return [_paper(database, row) for row in database[COLLECTION].find(wanted).sort([("at_ms", 1), ("_id", 1)])]


def _paper(database: Database, row: Document) -> Paper:
    said = seals.unseal(database, row["person"], _place(row["_id"]), row["sealed"])
    names = ("person", "grant", "organisation", "by", "at_ms")
    return Paper(id=row["_id"], **{name: row[name] for name in names}, **said)


def _entry(grant: str) -> str:
    """Where an entry's id stands with other files; no entry is called so."""
    return f"grant:{grant}"


def _place(paper: str) -> str:
    return f"{COLLECTION}.{paper}"
