"""FHIR R4: a Bundle, resources one a line (NDJSON) or in an array; of one person, the others' are refused.

Observations that a metric keeps become readings (phr.formats.fhir), the others laboratory entries or lines of the
report that names them (phr.interchange.fhir_reports); conditions, allergies, medications, immunisations, encounters,
procedures and family history become entries (phr.interchange.fhir_events). What nothing keeps (claims, organisations,
care teams) is counted as refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from phr.errors import PayloadUnreadable
from phr.formats import fhir
from phr.formats.building import ItemRefused
from phr.interchange.fhir_attachments import data_length, left_in
from phr.interchange.fhir_events import event_of
from phr.interchange.fhir_reports import (
    MOST_HELD,
    REPORT,
    Named,
    Reports,
    named_in,
    names_of,
    paper_of,
    with_medication,
)
from phr.interchange.formats import Batch, Event, Wish
from phr.interchange.gathering import refuse
from phr.interchange.json_items import Found, add, batches
from phr.vocabulary.metrics import vocabulary

NAME = "fhir"
INNER = "entry"
SUFFIXES = (".ndjson", ".fhir.json", "bundle.json")
# The decoder's words for an Observation that is no reading: no metric is meant, or only a day is known.
_NO_READING = ("metric-unknown", "metric-missing", "code-unknown", "metric-not-a-reading", "time-imprecise")
NOT_KEPT = ("attachment-not-kept", "of attachments plain texts are taken and one file, which stand in this file")
_SUBJECTS = ("subject", "patient")


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    reading = _Reading(wish.salt, named_in(file, INNER))
    yield from batches(file, reading.take, inner=INNER)
    if rest := reading.rest():
        yield rest


class _Reading:
    def __init__(self, salt: str, named: Named) -> None:
        self._salt = salt
        self._named = named
        self._reports = Reports(named)
        self._texts: set[bytes] = set()
        self._person: set[str] = set()  # what the file calls them: last parts of references, of one who has several

    def take(self, batch: Batch, found: Found) -> None:
        said, path, names = found.value, found.path, names_of(found.value)
        if isinstance(said, dict) and "resource" in said:
            said, path = said["resource"], f"{path}/resource"
        try:
            if not isinstance(said, dict):
                raise ItemRefused("item-invalid", "a resource is an object")
            if said.get("resourceType") == "Bundle":
                return
            self._check_person(said, names)
            self._take_resource(batch, said, path, names)
        except ItemRefused as refused:
            refuse(batch, "file", path + refused.pointer, (refused.code, refused.detail))

    def _take_resource(self, batch: Batch, said: dict[str, Any], path: str, names: frozenset[str]) -> None:
        if said["resourceType"] in ("Patient", "Medication"):
            return
        self._tell_attachments(batch, said, path)
        batch.held += data_length(said)
        if said["resourceType"] == "Observation":
            try:
                decoded = fhir.decode(msgspec.json.encode(said), vocabulary())
            except (PayloadUnreadable, RecursionError) as error:
                raise ItemRefused("payload-unreadable", "not an Observation of FHIR R4") from error
            if not any(one.code in _NO_READING for one in decoded.rejections):
                decoded.device = None
                add(batch, decoded, path, self._salt)
                self._reports.has_taken(said, path, names, is_reading=True)
                return
        can_wait = said["resourceType"] in ("Observation", REPORT)
        if can_wait and self._reports.has_taken(said, path, names, is_reading=False):
            return
        said = with_medication(said, self._named)
        paper = self._reports.of(said, path) if said["resourceType"] == REPORT else paper_of(said, path)
        self._add(batch, paper or event_of(said, path))

    def rest(self) -> Batch | None:
        """The reports, once all that they name has been read."""
        batch = Batch()
        for path, found in self._reports.events():
            if isinstance(found, ItemRefused):
                refuse(batch, "file", path + found.pointer, (found.code, found.detail))
            else:
                self._add(batch, found)
        return batch if batch.events or batch.sources else None

    def _add(self, batch: Batch, event: Event) -> None:
        """A note that stands in a file as a document and as a report is one."""
        if event.kind == "document" and (words := event.content.get("words")):
            text = hashlib.sha256(f"{event.begin[:10]}\0{words}".encode()).digest()
            if text in self._texts:
                refuse(batch, "file", event.path, ("said-already", "a document of that day with the same words"))
                return
            if len(self._texts) < MOST_HELD:
                self._texts.add(text)
        batch.events.append(event)

    def _tell_attachments(self, batch: Batch, said: dict[str, Any], path: str) -> None:
        for _ in range(min(left_in(said), 100)):
            refuse(batch, "file", path, NOT_KEPT)

    def _check_person(self, said: dict[str, Any], names: frozenset[str]) -> None:
        """Raises ItemRefused other-person for what is of anybody but the one whom the file is of."""
        if not isinstance(said.get("resourceType"), str):
            raise ItemRefused("item-invalid", "a resource names its type", "/resourceType")
        if said["resourceType"] == "Patient":
            self._is_person(names, "/id")
        for name in _SUBJECTS:
            reference = said[name].get("reference") if isinstance(said.get(name), dict) else None
            if isinstance(reference, str):
                kind, _, last = reference.replace("urn:uuid:", "Patient/").rpartition("/")
                if not kind.endswith("Patient"):
                    raise ItemRefused("other-person", "it is of somebody or something else", f"/{name}/reference")
                self._is_person(frozenset((last,)), f"/{name}/reference")

    def _is_person(self, names: frozenset[str], pointer: str) -> None:
        """Whom the file names first, it is of; a Patient may be called by its id and by the address of its entry."""
        if self._person and not self._person & names:
            raise ItemRefused("other-person", "it is of another person than the rest of this file", pointer)
        self._person |= names
