"""An entry, as the rest of the house sees it and as it is stored; the one place that turns one into the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from phr.database import Database, Document
from phr.people import seals
from phr.timeline import bodies, effective
from phr.timeline.categories import categories_of
from phr.timeline.effective import Effective
from phr.timeline.kind import Content
from phr.timeline.kinds import kinds
from phr.timeline.words import words_of
from phr.vocabulary.sight import hidden_but_from, is_hiding

HAND = "hand"
# The stored fields that a version says; the rest tells who wrote it and when.
SAID = ("kind", "categories", "sensitive", "effective_ms", "begin", "end", "retained_by", "body", "words", "said_as")
TOMBSTONE: Document = {"is_deleted": True, "body": None, "words": [], "said_as": None}


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a version, as the token said."""

    subject: str
    client_id: str
    act: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of an entry. A tombstone keeps the times and categories of what was deleted, and no content."""

    id: str
    person: str
    kind: str
    content: Content
    effective: Effective
    categories: tuple[str, ...]
    sensitive: tuple[str, ...]  # those of the categories that its author named
    provenance: Mapping[str, Any]
    retained_by: str | None  # the organisation that must keep it beyond the person's erasure
    source: str  # "hand" | "import:ID" | "record"
    version: int  # 1, 2, …
    author: Author  # of this version
    created_at_ms: int
    changed_at_ms: int
    is_deleted: bool

    @property
    def is_hidden(self) -> bool:
        """True where its owner wants nobody but the organisation that wrote it to see it."""
        return any(map(is_hiding, self.categories))

    @property
    def effective_ms(self) -> int:
        """What entries are in order of: the first instant that it tells of."""
        return self.effective.begin.start_ms

    @property
    def offset_min(self) -> int | None:
        return self.effective.begin.offset_min


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a version says, whoever wrote it."""

    kind: str
    content: Content
    effective: Effective
    sensitive: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    retained_by: str | None = None
    is_hidden: bool = False


def categories(draft: Draft) -> tuple[str, ...]:
    """What one must be allowed to write it, hidden or not."""
    return categories_of(kinds()[draft.kind], draft.content, draft.sensitive)


def said(database: Database, person: str, entry_id: str, draft: Draft) -> Document:
    """The stored fields of what a version says (SAID): its words sealed, and found by tokens alone.

    What a professional's organisation must retain is sealed with its key, all else with the person's.
    """
    end = draft.effective.end
    body = {"content": dict(draft.content), "provenance": dict(draft.provenance)}
    owner = bodies.owner_of(person, draft.retained_by)
    hiding = [hidden_but_from(draft.retained_by)] if draft.is_hidden and draft.retained_by else []
    same, *words = seals.tokens(database, person, [_digest(draft, body), *words_of(draft.content)])
    return {
        "kind": draft.kind,
        "categories": [*categories(draft), *hiding],
        "sensitive": list(draft.sensitive),
        "effective_ms": draft.effective.begin.start_ms,
        "begin": effective.to_row(draft.effective.begin),
        "end": effective.to_row(end) if end else None,
        "retained_by": draft.retained_by,
        "body": seals.seal(database, owner, bodies.place_of(entry_id), body),
        "words": words,
        "said_as": same,
    }


def _digest(draft: Draft, body: Document) -> str:
    """What two versions that say the same have in common; large numbers that were stored come back as an Int64."""
    told = (draft.kind, draft.effective, sorted(draft.sensitive), body)
    return f"said:{hashlib.sha256(msgspec.json.encode(told, order='deterministic', enc_hook=int)).hexdigest()}"


def author_row(author: Author) -> Document:
    return {"subject": author.subject, "client_id": author.client_id, "act": author.act}


def from_rows(database: Database, rows: Iterable[Document]) -> list[Entry]:
    """The entries of stored rows, in their order. Raises KeyDestroyed, SealBroken."""
    return [from_row(database, row) for row in rows]


def from_row(database: Database, row: Document) -> Entry:
    body = bodies.opened(database, row)
    end = effective.from_row(row["end"]) if row["end"] else None
    return Entry(
        id=row["id"],
        person=row["person"],
        kind=row["kind"],
        content=body["content"],
        effective=Effective(effective.from_row(row["begin"]), end),
        categories=tuple(row["categories"]),
        sensitive=tuple(row["sensitive"]),
        provenance=body["provenance"],
        retained_by=row["retained_by"],
        source=row["source"],
        version=row["version"],
        author=Author(**row["author"]),
        created_at_ms=row["created_at_ms"],
        changed_at_ms=row["changed_at_ms"],
        is_deleted=row["is_deleted"],
    )
