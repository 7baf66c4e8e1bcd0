"""What an installation writes itself: drafts, who signed and published them when, and what it serves of them.

A row of ``article_versions`` (phr.education.versions) that was imported has besides:
    imported_ms     steps  [{step, name, by, at_ms}], what was done with it, by whom     is_draft  until it is published
    published_ms  while it is what is served of its article
Collection ``article_marks``: _id "published"     token  another one with each change of what is served

Draft, until a clinician signs it (phr.education.signatures); reviewed, until somebody publishes it; published, in front
of what ships under the same name, until another version is or it is withdrawn; expired on its day, and not served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from phr.database import DURABLE, Database, Document, transact
from phr.education import signatures, versions
from phr.education.article import Article
from phr.education.library import Library, joined, library
from phr.errors import NotFound, PhrError
from phr.people.signing import Signature

MARKS = "article_marks"
PUBLISHED = "published"
EXPIRED, REVIEWED, DRAFT = "expired", "reviewed", "draft"
Who = tuple[str, str]  # name and id; an operator has no id
_LATEST: dict[ObjectId, Library] = {}  # of this process, one


class NotReviewed(PhrError):
    """Only what a clinician has signed, and what is in date, is published."""

    code = "not-reviewed"
    status = 409


@dataclass(frozen=True, slots=True)
class Step:
    """``by``: a person's id, empty for an operator."""

    step: str
    name: str
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Written:
    """A version that was imported, and what has become of it."""

    article: Article
    imported_ms: int
    published_ms: int | None
    signature: Signature | None
    steps: tuple[Step, ...]

    def state(self, today: date) -> str:
        if self.article.is_expired(today):
            return EXPIRED
        if self.published_ms is not None:
            return PUBLISHED
        return REVIEWED if self.signature else DRAFT


def shelf(database: Database) -> Library:
    """What is served here: what ships, and in front of it what this installation has published."""
    mark = database[MARKS].find_one({"_id": PUBLISHED})
    if mark is None:
        return library()
    found = _LATEST.get(mark["token"])
    if found is None:
        rows = database[versions.COLLECTION].find({"published_ms": {"$exists": True}}, sort=[("_id", 1)])
        found = joined(library(), _readable(rows))
        _LATEST.clear()
        _LATEST[mark["token"]] = found
    return found


def take(database: Database, one: Article, who: Who, now_ms: int) -> bool:
    """A draft of it; False where this very text was imported before. Safe to repeat."""
    new = {"article": one.name, "said": one.said, "kept_ms": now_ms, "is_draft": True}
    change = {"$setOnInsert": new, "$set": {"imported_ms": now_ms}, "$push": {"steps": _step("imported", who, now_ms)}}
    rows = database[versions.COLLECTION].with_options(write_concern=DURABLE)
    try:
        rows.update_one({"_id": _id(one), "imported_ms": {"$exists": False}}, change, upsert=True)
    except DuplicateKeyError:
        return False
    return True


def publish(database: Database, one: Article, who: Who, now_ms: int, *, today: date) -> None:
    """Serves it from now on, instead of what was. Safe to repeat. Raises NotReviewed, NotFound."""
    if one.is_expired(today):
        raise NotReviewed("its time is over: import a newer version")
    if one.name not in signatures.of(database, [one]):
        raise NotReviewed("no clinician has signed it: first it is reviewed, then published")

    def work(session: ClientSession) -> None:
        rows = database[versions.COLLECTION]
        row = rows.find_one({"_id": _id(one), "imported_ms": {"$exists": True}}, session=session)
        if row is None:
            raise NotFound("there is no such version among those that were imported")
        if "published_ms" in row:
            return
        others = {"article": one.name, "published_ms": {"$exists": True}}
        rows.update_many(others, _ended("replaced", who, now_ms), session=session)
        done = {"$set": {"published_ms": now_ms}, "$unset": {"is_draft": ""}}
        done["$push"] = {"steps": _step(PUBLISHED, who, now_ms)}
        rows.update_one({"_id": row["_id"]}, done, session=session)
        _changed(database, session)

    transact(database, work)


def withdraw(database: Database, one: Article, who: Who, now_ms: int) -> None:
    """Serves it no more: what ships under its name, if anything, is served again. Safe to repeat."""

    def work(session: ClientSession) -> None:
        rows = database[versions.COLLECTION]
        here = {"_id": _id(one), "published_ms": {"$exists": True}}
        if rows.update_one(here, _ended("withdrawn", who, now_ms), session=session).modified_count:
            _changed(database, session)

    transact(database, work)


def take_back(database: Database, one: Article, who: Who, now_ms: int) -> None:
    """Nobody's signature is on it any more, so it is not served either, where this installation wrote it."""
    withdraw(database, one, who, now_ms)
    if one.name in signatures.of(database, [one]):
        here = {"_id": _id(one), "imported_ms": {"$exists": True}}
        database[versions.COLLECTION].update_one(here, {"$push": {"steps": _step("signature-taken-back", who, now_ms)}})
    signatures.take_back(database, one)


def find(database: Database, name: str, version: str | None = None) -> Written:
    """Of an article the version that was imported last, or this one. Raises NotFound."""
    found = [one for one in listed(database, name) if version in (None, one.article.version)]
    if not found:
        raise NotFound("there is no such version among those that were imported")
    return found[0]


def listed(database: Database, name: str | None = None) -> list[Written]:
    """What was imported, the latest first; of one article or of all."""
    query: Document = {"imported_ms": {"$exists": True}} | ({} if name is None else {"article": name})
    rows = list(database[versions.COLLECTION].find(query, sort=[("imported_ms", -1), ("_id", 1)]))
    return [written for row in rows if (written := _written(database, row)) is not None]


def ensure_indexes(database: Database) -> None:
    rows = database[versions.COLLECTION]
    rows.create_index([("article", 1), ("imported_ms", -1)], name="article")
    rows.create_index("published_ms", name="published", sparse=True)


def _written(database: Database, row: Document) -> Written | None:
    for one in _readable([row]):
        signature = signatures.of(database, [one]).get(one.name)
        steps = [Step(**step) for step in row["steps"]]
        if signature:
            steps.append(Step("signed", signature.name, signature.by, signature.at_ms))
        steps.sort(key=lambda step: step.at_ms)
        return Written(one, row["imported_ms"], row.get("published_ms"), signature, tuple(steps))
    return None


def _readable(rows: Any) -> Sequence[Article]:
    """Without what an earlier release wrote in a form that this one does not know."""
    found = []
    for row in rows:
        try:
            found.append(versions.opened(row["said"]))
        except msgspec.ValidationError:
            continue
    return found


def _ended(step: str, who: Who, now_ms: int) -> Mapping[str, Any]:
    return {"$unset": {"published_ms": ""}, "$push": {"steps": _step(step, who, now_ms)}}


def _changed(database: Database, session: ClientSession) -> None:
    mark = {"$set": {"token": ObjectId()}}
    database[MARKS].update_one({"_id": PUBLISHED}, mark, upsert=True, session=session)


def _step(step: str, who: Who, now_ms: int) -> Document:
    return {"step": step, "name": who[0], "by": who[1], "at_ms": now_ms}


def _id(one: Article) -> str:
    return versions.id_of(one.name, one.version)
