"""What happened to one reading: recorded, corrected, voided, restored; when, from where, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from phr.database import Database, Document
from phr.errors import NotFound
from phr.readings.chunk import decode_rows
from phr.readings.columnwise import EXTRA_KEYS, ChunkDoc
from phr.readings.revisions import Key, Row, past_row
from phr.readings.spans import bucket_id, span_of
from phr.readings.void import Source, keys_of

_EXTRAS = {stored: name for name, stored in EXTRA_KEYS.items()}
_NAMES: dict[str, Literal["voided", "restored"]] = {"void": "voided", "restore": "restored"}


@dataclass(frozen=True, slots=True)
class Version:
    """What a reading said: stored integers by component ("" alone for a plain value), and what else is known of it."""

    values: dict[str, int]
    extra: dict[str, Any]  # context, flag, quality, sent, value
    offset_min: int | None
    unit: str | None  # as sent
    origin: str
    batch: str | None  # the import that it came with


@dataclass(frozen=True, slots=True)
class Happening:
    """``at_ms``: when the new word was said; of the first, the earliest arrival of its like. ``by``: who voided it."""

    action: Literal["recorded", "corrected", "voided", "restored"]
    at_ms: int
    before: Version | None
    after: Version | None
    by: str | None = None
    reason: str | None = None


def of_reading(database: Database, source: Source, key: Key) -> list[Happening]:
    """Everything that is kept of it, latest first. Raises NotFound where it never was."""
    span = span_of(source.metric)
    start_ms = key[0] // span.bucket_ms * span.bucket_ms
    chunk = (key[0] - start_ms) // span.chunk_ms
    document = database.readings.find_one({"_id": bucket_id(source.person, source.metric.key, start_ms, source.device)})
    versions = list(_versions(document, key, (chunk, start_ms + chunk * span.chunk_ms))) if document else []
    if document is None or not versions:
        raise NotFound("no such reading")
    shown = [_version(document["runs"], row) for row, _ in versions]
    happened = [Happening("recorded", document["runs"][versions[0][0].run][4], None, shown[0])]
    for number, (_, said_at_ms) in enumerate(versions[:-1]):
        at_ms = max(said_at_ms, happened[-1].at_ms)  # a sender's own clock may say that it was before it came
        happened.append(Happening("corrected", at_ms, shown[number], shown[number + 1]))
    for act in document.get("l", ()):
        if key in keys_of(act, start_ms):
            happened.append(_act(act, happened))
    return sorted(happened, key=lambda one: one.at_ms)[::-1]


def _versions(document: Document, key: Key, chunk: tuple[int, int]) -> Iterator[tuple[Row, int]]:
    """Each value it has held, oldest first, with when the next was said; ``chunk``: its number and first instant."""
    for line in document.get("h", ()):
        if (line["t"], line["q"]) == key:
            yield past_row(line), line["by"]
    number, base_ms = chunk
    for field in ("c", "w"):
        stored: ChunkDoc | None = document.get(field, {}).get(str(number))
        rows = decode_rows(stored, base_ms) if stored else {}
        if key in rows:
            yield rows[key], 0


def _act(act: Document, happened: list[Happening]) -> Happening:
    """Taken out or given back, with what it said at that time."""
    said = max(
        (one for one in happened if one.after and one.at_ms <= act["at"]), key=lambda one: one.at_ms, default=None
    )
    value = said.after if said else happened[0].after
    is_void = act["k"] == "void"
    before, after = (value, None) if is_void else (None, value)
    return Happening(_NAMES[act["k"]], act["at"], before, after, by=act["a"], reason=act["r"])


def _version(runs: list[list[Any]], row: Row) -> Version:
    offset_min, unit, origin, batch = runs[row.run][:4]
    extra = {_EXTRAS[name]: value for name, value in (row.extra or {}).items()}
    return Version(dict(row.values), extra, offset_min, unit, origin, batch)
