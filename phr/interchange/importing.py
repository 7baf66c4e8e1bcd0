"""Takes a file into a person's record, batch by batch, and takes an import back.

A batch is recorded, then counted: a process that is killed in between does the batch again, and the record knows it.
What a broken file left is taken back at once, so that nothing stands half-imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO

import msgspec

from phr.database import Database
from phr.errors import AlreadyThere
from phr.interchange import events, imports, restoring
from phr.interchange.ahead import read_ahead
from phr.interchange.formats import Batch, FileBroken, ImportFormat, Wish
from phr.interchange.imports import Counts, Import, NewImport, Reason
from phr.readings import batches
from phr.recording import Delivery, Recorder, Verdict

Clock = Callable[[], int]
HASHED_BYTES = 2**20


class Paused(Exception):
    """Raised by ``tell`` to leave an import where it is, for another to go on with."""


SOURCE_PREFIX = "import:"  # no vendor's slug has a colon, and no client of the API writes as one


@dataclass(frozen=True, slots=True)
class Into:
    """Where an import goes: the record, its door, and whose it is. ``tell`` hears how far it is."""

    database: Database
    recorder: Recorder
    person: str
    author: str
    clock: Clock
    tell: Callable[[Import], None] = lambda _: None


def run(into: Into, form: ImportFormat, file: BinaryIO, wish: Wish, *, is_dry_run: bool = False) -> Import:
    """The import once it is done, or broken and taken back. The same file again goes on where it was interrupted.

    Raises InputInvalid for a wish that the format can't use. Raises ImportBusy, ServerUnavailable, PyMongoError; then
    the import stands where it is and can be run again.
    """
    form.check(wish)
    for unsettled in imports.unsettled(into.database, into.person):
        take_back(into, unsettled, "taking it back was interrupted")
    size = file.seek(0, 2)
    draft = NewImport(
        person=into.person,
        format=form.name,
        digest=_digest(file, form, wish),
        author=into.author,
        bytes=size,
        is_dry_run=is_dry_run,
    )
    return carry_on(into, imports.begin(into.database, draft, into.clock()), form, file, wish)


def carry_on(into: Into, one: Import, form: ImportFormat, file: BinaryIO, wish: Wish) -> Import:
    """An import that is claimed, from where it is to its end. Raises as ``run``."""
    size = file.seek(0, 2)
    file.seek(0)
    try:
        with_salt = replace(wish, salt=into.person)
        batches_left = islice(form.read(file, with_salt), one.batches, None)
        with closing(read_ahead((batch, file.tell()) for batch in batches_left)) as found:
            for batch, bytes_done in found:
                one = _take_one(into, one, batch)
                one = replace(one, bytes_done=min(size, bytes_done))
                imports.save(into.database, one, into.clock())
                into.tell(one)
    except Paused:
        imports.save(into.database, one, into.clock(), is_released=True)
        raise
    except FileBroken as error:
        one = replace(one, problem=(error.code, error.detail))
        return _leave_nothing(into, one)
    return _finish(into, replace(one, bytes_done=size))


def take_back(into: Into, import_id: str, reason: str) -> Import:
    """What the import stored is gone and what it replaced returns; safe to repeat.

    Raises NotFound, ImportBusy, AlreadyThere for a dry run, which stored nothing; ServerUnavailable, PyMongoError.
    """
    one = imports.claim(into.database, into.person, import_id, into.clock())
    if one.is_dry_run:
        imports.save(into.database, one, into.clock(), is_released=True)
        raise AlreadyThere("a dry run stores nothing; there is nothing to take back")
    return finish_back(into, one, reason)


def finish_back(into: Into, one: Import, reason: str) -> Import:
    """As ``take_back``, of an import that is claimed."""
    asked = one.taken_back or {"gone": 0, "returned": 0}
    return _take_back(into, replace(one, taken_back={"by": into.author, "reason": reason, **asked}))


def _take_one(into: Into, one: Import, batch: Batch) -> Import:
    deliveries = [
        Delivery(
            decoded=decoded,
            device=f"{SOURCE_PREFIX}{one.format}/{source}",
            origin=f"{SOURCE_PREFIX}{one.id}",
            arrived_at_ms=one.created_at_ms,
            person=one.person,
            batch=one.id,
        )
        for source, decoded in sorted(batch.sources.items())
    ]
    recorder = into.recorder
    verdicts = recorder.weigh(deliveries) if one.is_dry_run else recorder.record(deliveries, into.clock())
    found = [Reason(r.code, r.detail, r.count, _shown(r.path)) for verdict in verdicts for r in verdict.rejected]
    told = events.take(into.database, one, batch.events, into.clock())
    back = restoring.take(into.database, one, batch.parts, into.clock())
    return replace(
        one,
        batches=one.batches + 1,
        counts=one.counts.plus(_counted(batch, verdicts)).plus(told.counts).plus(back.counts),
        reasons=imports.with_reasons(one.reasons, [*found, *told.reasons, *back.reasons]),
    )


def _counted(batch: Batch, verdicts: Iterable[Verdict]) -> Counts:
    found = [Counts(0, v.stored, v.corrected, v.duplicate, v.rejected_count) for v in verdicts]
    whole = Counts(records=batch.records)
    for one in found:
        whole = whole.plus(one)
    return whole


def _shown(path: str) -> str:
    """Of a reading in a lane: the place of its record, which is what somebody can look up."""
    return path.replace("/values/", "/")


def _finish(into: Into, one: Import) -> Import:
    """A batch that was done twice counted its readings as duplicates; the buckets know better."""
    if one.attempts > 1 and not one.is_dry_run:
        one = replace(one, counts=_recounted(into.database, one))
    one = replace(one, state="done")
    imports.save(into.database, one, into.clock(), is_released=True)
    into.tell(one)
    return one


def _recounted(database: Database, one: Import) -> Counts:
    counts, found = one.counts, batches.standing(database, one.person, one.id)
    entries = events.standing(database, one)
    stored, replaced = found.readings - found.replaced + entries.stored, found.replaced + entries.replaced
    stored += restoring.standing(database, one)
    duplicate = counts.stored + counts.replaced + counts.duplicate - stored - replaced
    return Counts(counts.records, stored, replaced, duplicate, counts.refused)


def _leave_nothing(into: Into, one: Import) -> Import:
    if one.is_dry_run:
        return _saved(into, replace(one, state="broken"), is_released=True)
    return finish_back(into, _saved(into, replace(one, state="broken")), "the file is broken")


def _take_back(into: Into, one: Import) -> Import:
    said = dict(one.taken_back or {})
    one = _saved(into, replace(one, state="taking-back"))
    told_at_ms = into.clock()

    def tell(gone: int, returned: int) -> None:
        nonlocal told_at_ms
        said["gone"], said["returned"] = said["gone"] + gone, said["returned"] + returned
        if into.clock() - told_at_ms > imports.LEASE_MS // 4:
            told_at_ms = into.clock()
            _saved(into, replace(one, taken_back=dict(said)))

    batches.take_back(into.database, one.person, one.id, into.clock(), tell=tell)
    back = events.take_back(into.database, one, into.clock())
    tell(back.removed + restoring.take_back(into.database, one, into.clock()), back.returned)
    return _saved(into, replace(one, state="taken-back", taken_back=said), is_released=True)


def _saved(into: Into, one: Import, *, is_released: bool = False) -> Import:
    saved = imports.save(into.database, one, into.clock(), is_released=is_released)
    into.tell(saved)
    return saved


def _digest(file: BinaryIO, form: ImportFormat, wish: Wish) -> str:
    """Of the file and the wish, so that an import only goes on with what it began with."""
    file.seek(0)
    said = msgspec.json.encode([form.name, str(wish.zone or ""), wish.mapping], order="deterministic")
    digest = hashlib.blake2b(said, digest_size=16)
    while piece := file.read(HASHED_BYTES):
        digest.update(piece)
    return digest.hexdigest()
