"""Writes a person's whole record as one archive, piece by piece: what is in memory is one span of one device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import msgspec

from phr.clock import rfc3339
from phr.database import Database
from phr.errors import NotFound
from phr.interchange import archive_context
from phr.interchange.archive_lines import (
    ENTRIES,
    FORMAT,
    MANIFEST,
    PROFILE,
    VERSION,
    Manifest,
    Profile,
    Scale,
    Zone,
)
from phr.interchange.exporters import Asked
from phr.interchange.zipping import Counted, Zip
from phr.people import people
from phr.people.people import Person
from phr.readings import priorities, whole
from phr.readings.telling import Line
from phr.timeline import files
from phr.timeline import whole as whole_entries
from phr.vocabulary.metric import Metric

_encode = msgspec.json.Encoder(enc_hook=int, order="deterministic").encode  # large stored numbers are bson's Int64


def write(asked: Asked) -> Iterator[bytes]:
    """The bytes of the archive. Raises NotFound where there is no such person, before the first."""
    database, person, archive = asked.database, asked.person, Zip()
    profile = _profile(database, people.require(database, person))
    yield from archive.member(PROFILE, [(_line(profile), 1)])
    named: list[tuple[str, str, str]] = []
    yield from archive.member(ENTRIES, _versions(asked, named))
    for entry, sha256, file_id in sorted(set(named)):
        pieces = files.pieces(database, person, entry, file_id)
        with contextlib.suppress(NotFound):  # a file that is gone
            first = next(pieces)
            yield from archive.member(f"documents/{entry}/{sha256}", chain([(first, 1)], ((one, 0) for one in pieces)))
            asked.count(documents=1)
    scales = {}
    for metric, found in groupby(whole.lines(database, person), key=itemgetter(0)):
        scales[metric.key] = scale_of(metric)
        yield from archive.member(f"readings/{metric.key}.jsonl", _lines(found, asked))
    for name, lines in archive_context.told_of(database, person, asked.now_ms):
        if (first_line := next(lines, None)) is not None:
            yield from archive.member(name, ((_line(one), 1) for one in chain([first_line], lines)))
    for name, pieces in archive_context.papers_of(database, person):
        yield from archive.member(name, chain([(next(pieces), 1)], ((one, 0) for one in pieces)))
    told = Manifest(FORMAT, VERSION, rfc3339(asked.now_ms), scales, archive.members)
    yield from archive.member(MANIFEST, [(_line(told), 1)])
    yield archive.close()


def scale_of(metric: Metric) -> Scale:
    return Scale(metric.unit.code if metric.unit else "", metric.scale)


def _profile(database: Database, person: Person) -> Profile:
    ranked = database[priorities.COLLECTION].find({"p": person.id}, sort=[("m", 1)])
    return Profile(
        zones=[Zone(period.zone, period.since_ms) for period in person.zones],
        name=person.name,
        birth_on=person.birth_on.isoformat() if person.birth_on else None,
        sex=person.sex,
        phone=person.phone,
        identity_number=person.identity_number,
        rankings={row["m"]: row["sources"] for row in ranked if row["sources"]},
    )


def _versions(asked: Asked, named: list[tuple[str, str, str]]) -> Iterator[Counted]:
    for line, file_id in whole_entries.versions(asked.database, asked.person):
        if file_id is not None:
            named.append((line.id, line.content["file"]["sha256"], file_id))
        asked.count(entries=1)
        yield _line(line), 1


def _lines(found: Iterator[tuple[Metric, Line]], asked: Asked) -> Iterator[Counted]:
    for _, line in found:
        for act in line.acts:
            act.by = whole_entries.SELF if act.by == asked.person else act.by
        asked.count(readings=len(line))
        yield _line(line), len(line)


def _line(value: Any) -> bytes:
    return _encode(value) + b"\n"
