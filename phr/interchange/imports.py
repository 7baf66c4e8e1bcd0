"""Imports as stored: what each one is of, how far it is, what became of its readings.

One document an import, collection ``imports``. ``state`` goes (uploading → waiting →) running → done, or → broken →
taken-back; done → taking-back → taken-back. Who works on an import holds a lease on it and renews it with each step.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypedDict

import msgspec
from pymongo import DESCENDING, ReturnDocument

from phr.clock import At, rfc3339
from phr.database import Database, Document
from phr.errors import AlreadyThere, NotFound, PhrError

State = Literal["uploading", "waiting", "running", "done", "broken", "taking-back", "taken-back"]
LEASE_MS = 20_000  # a batch takes a second
MOST_REASONS = 200  # kinds of refusals that are told apart


class ImportBusy(PhrError):
    """Another process is at work on this import, or has taken it over."""

    code: ClassVar[str] = "import-busy"
    status: ClassVar[int] = 409


class CountsTold(TypedDict):
    records: int
    stored: int
    replaced: int
    duplicate: int
    refused: int


class RefusalsTold(TypedDict):
    """Why readings were refused: how many, and where the first of them stands in the file."""

    code: str
    detail: str
    count: int
    path: str


class ProblemTold(TypedDict):
    code: str
    detail: str


class TakenBackTold(TypedDict):
    """Readings and entries that are gone; those that it had replaced and that have returned."""

    gone: int
    returned: int
    by: str
    reason: str


class FileImportTold(CountsTold):
    """``records``: things of the file that were read; the other counts are of readings and entries made of them.

    ``problem``: why it is broken.
    """

    id: str
    format: str
    state: State
    dry_run: bool
    created_at: At
    changed_at: At
    bytes: int
    bytes_done: int
    attempts: int
    reasons: list[RefusalsTold]
    problem: ProblemTold | None
    taken_back: TakenBackTold | None


@dataclass(frozen=True, slots=True)
class Counts:
    """``records``: things of the file that were read; the others count readings and entries made of them."""

    records: int = 0
    stored: int = 0
    replaced: int = 0
    duplicate: int = 0
    refused: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__slots__))

    def as_json(self) -> CountsTold:
        return {
            "records": self.records,
            "stored": self.stored,
            "replaced": self.replaced,
            "duplicate": self.duplicate,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class Reason:
    """Why readings were refused: how many, and where the first of them stands in the file."""

    code: str
    detail: str
    count: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImport:
    """``digest``: of the file and of all that is wished of it; the same again goes on with what was interrupted."""

    person: str
    format: str
    digest: str
    author: str
    bytes: int = 0
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    id: str
    person: str
    format: str
    state: State
    is_dry_run: bool
    author: str
    created_at_ms: int
    changed_at_ms: int
    bytes: int
    bytes_done: int
    batches: int  # that are stored
    attempts: int
    counts: Counts
    reasons: tuple[Reason, ...]
    problem: tuple[str, str] | None  # code, detail: why it is broken
    taken_back: Mapping[str, Any] | None  # {"gone", "returned", "by", "reason"}
    wish: Mapping[str, Any]  # {"zone", "mapping"} of one whose file was sent over the API
    lease: str = field(default="", repr=False)

    def as_json(self) -> FileImportTold:
        """The report, as the API and the command line show it."""
        return {
            "id": self.id,
            "format": self.format,
            "state": self.state,
            "dry_run": self.is_dry_run,
            "created_at": rfc3339(self.created_at_ms),
            "changed_at": rfc3339(self.changed_at_ms),
            "bytes": self.bytes,
            "bytes_done": self.bytes_done,
            "attempts": self.attempts,
            **self.counts.as_json(),
            "reasons": [{"code": r.code, "detail": r.detail, "count": r.count, "path": r.path} for r in self.reasons],
            "problem": None if self.problem is None else {"code": self.problem[0], "detail": self.problem[1]},
            "taken_back": _taken_back(self.taken_back) if self.taken_back else None,
        }


def begin(database: Database, draft: NewImport, now_ms: int) -> Import:
    """A new import, or the one of the same file that was interrupted; the lease is the caller's.

    Raises ImportBusy where somebody is at work on it.
    """
    if not draft.is_dry_run:
        wanted = {"person": draft.person, "digest": draft.digest, "state": "running", "is_dry_run": False}
        there = database["imports"].find_one(wanted)
        if there is not None:
            return claim(database, draft.person, there["_id"], now_ms)
    return _create(database, draft, {"state": "running", "attempts": 1, "lease": _lease(now_ms)}, now_ms)


def announce(database: Database, draft: NewImport, wish: Mapping[str, Any], now_ms: int) -> Import:
    """A new import whose file is yet to be sent."""
    # As text: a mapping's names may hold dots and dollars.
    fields = {"state": "uploading", "attempts": 0, "lease": _lease(0), "wish": msgspec.json.encode(wish).decode()}
    return _create(database, draft, fields, now_ms)


def require_open(database: Database, person: str, import_id: str) -> Import:
    """An import whose file is being sent. Raises NotFound, AlreadyThere."""
    one = find(database, person, import_id)
    if one.state != "uploading":
        raise AlreadyThere("the file of this import is whole already")
    return one


def start(database: Database, person: str, import_id: str, size: int, now_ms: int) -> Import:
    """The import with its whole file, for a scheduler to take in; started again it is as it is. Raises NotFound."""
    change = {"$set": {"state": "waiting", "bytes": size, "changed_at_ms": now_ms}}
    database["imports"].update_one({"_id": import_id, "person": person, "state": "uploading"}, change)
    return find(database, person, import_id)


def ask_back(database: Database, person: str, import_id: str, who_why: tuple[str, str], now_ms: int) -> Import:
    """The import, to be taken back by a scheduler; asked again it is as it is.

    Raises NotFound, ImportBusy, AlreadyThere for a dry run.
    """
    one = find(database, person, import_id)
    if one.is_dry_run:
        raise AlreadyThere("a dry run stores nothing; there is nothing to take back")
    if one.state in ("taking-back", "taken-back"):
        return one
    by, reason = who_why
    one = replace(claim(database, person, import_id, now_ms), state="taking-back")
    asked = {"gone": 0, "returned": 0, "by": by, "reason": reason}
    return save(database, replace(one, taken_back=asked), now_ms, is_released=True)


def claim_next(database: Database, now_ms: int) -> Import | None:
    """One that a scheduler can go on with, claimed: its file was sent, or it is to go back. None: there is none."""
    sent = {"wish": {"$exists": True}, "state": {"$in": ["waiting", "running"]}}
    back = {"state": {"$in": ["broken", "taking-back"]}, "is_dry_run": False}
    row = database["imports"].find_one(
        {"lease.until_ms": {"$lt": now_ms}, "$or": [sent, back]}, {"person": 1}, sort=[("changed_at_ms", 1)]
    )
    if row is None:
        return None
    try:
        one = claim(database, row["person"], row["_id"], now_ms)
    except ImportBusy:
        return None  # another scheduler was quicker
    return replace(one, state="running") if one.state == "waiting" else one


def claim(database: Database, person: str, import_id: str, now_ms: int) -> Import:
    """The import with its lease. Raises NotFound, ImportBusy."""
    free = {"_id": import_id, "person": person, "lease.until_ms": {"$lt": now_ms}}
    change = {"$set": {"lease": _lease(now_ms), "changed_at_ms": now_ms}, "$inc": {"attempts": 1}}
    row = database["imports"].find_one_and_update(free, change, return_document=ReturnDocument.AFTER)
    if row is None:
        find(database, person, import_id)
        raise ImportBusy("somebody is at work on this import; try again in half a minute")
    return _import(row)


def save(database: Database, one: Import, now_ms: int, *, is_released: bool = False) -> Import:
    """Keeps how far the import is. Raises ImportBusy where the lease has gone to another."""
    lease = _lease(0 if is_released else now_ms) | {"by": one.lease}
    fields: Document = {
        "state": one.state,
        "changed_at_ms": now_ms,
        "bytes_done": one.bytes_done,
        "batches": one.batches,
        "counts": one.counts.as_json(),
        "reasons": [[r.code, r.detail, r.count, r.path] for r in one.reasons],
        "problem": one.problem,
        "taken_back": one.taken_back,
        "lease": lease,
    }
    if not database["imports"].update_one({"_id": one.id, "lease.by": one.lease}, {"$set": fields}).matched_count:
        raise ImportBusy("another process has taken this import over")
    return replace(one, changed_at_ms=now_ms)


def unsettled(database: Database, person: str) -> list[str]:
    """Imports of a person that are to be taken back and whose taking back was interrupted."""
    wanted = {"person": person, "state": {"$in": ["broken", "taking-back"]}, "is_dry_run": False}
    return [row["_id"] for row in database["imports"].find(wanted, {"_id": 1})]


def find(database: Database, person: str, import_id: str) -> Import:
    """Raises NotFound, for an import of another person too."""
    row = database["imports"].find_one({"_id": import_id, "person": person})
    if row is None:
        raise NotFound("no such import")
    return _import(row)


def of_person(database: Database, person: str, limit: int = 100) -> list[Import]:
    """A person's imports, latest first."""
    rows = database["imports"].find({"person": person}).sort([("created_at_ms", DESCENDING), ("_id", 1)]).limit(limit)
    return [_import(row) for row in rows]


def with_reasons(known: tuple[Reason, ...], found: list[Reason]) -> tuple[Reason, ...]:
    """Reasons added up by code and detail; beyond MOST_REASONS kinds they are counted as one."""
    by_kind = {(one.code, one.detail): one for one in known}
    for one in found:
        kind = (one.code, one.detail)
        if kind not in by_kind and len(by_kind) >= MOST_REASONS:
            kind = ("other", "for other reasons")
        there = by_kind.get(kind)
        by_kind[kind] = replace(there, count=there.count + one.count) if there else Reason(*kind, one.count, one.path)
    return tuple(by_kind.values())


def ensure_indexes(database: Database) -> None:
    database["imports"].create_index([("person", 1), ("created_at_ms", -1), ("_id", 1)], name="person")
    open_ones = {"state": {"$in": ["waiting", "running", "broken", "taking-back"]}}
    database["imports"].create_index("changed_at_ms", name="open", partialFilterExpression=open_ones)


def _create(database: Database, draft: NewImport, fields: Document, now_ms: int) -> Import:
    row: Document = {
        "_id": secrets.token_hex(8),
        **{name: getattr(draft, name) for name in NewImport.__slots__},
        "created_at_ms": now_ms,
        "changed_at_ms": now_ms,
        "bytes_done": 0,
        "batches": 0,
        "counts": Counts().as_json(),
        "reasons": [],
        **fields,
    }
    database["imports"].insert_one(row)
    return _import(row)


def _taken_back(said: Mapping[str, Any]) -> TakenBackTold:
    return {"gone": said["gone"], "returned": said["returned"], "by": said["by"], "reason": said["reason"]}


def _lease(now_ms: int) -> Document:
    return {"by": secrets.token_hex(8), "until_ms": now_ms + LEASE_MS if now_ms else 0}


def _import(row: Document) -> Import:
    problem = row.get("problem")
    return Import(
        id=row["_id"],
        person=row["person"],
        format=row["format"],
        state=row["state"],
        is_dry_run=row["is_dry_run"],
        author=row["author"],
        created_at_ms=row["created_at_ms"],
        changed_at_ms=row["changed_at_ms"],
        bytes=row["bytes"],
        bytes_done=row["bytes_done"],
        batches=row["batches"],
        attempts=row["attempts"],
        counts=Counts(**row["counts"]),
        reasons=tuple(Reason(*one) for one in row["reasons"]),
        problem=None if problem is None else (problem[0], problem[1]),
        taken_back=row.get("taken_back"),
        wish=msgspec.json.decode(row["wish"]) if "wish" in row else {},
        lease=row["lease"]["by"],
    )
