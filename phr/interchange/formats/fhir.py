"""FHIR R4: a Bundle, resources one a line (NDJSON) or in an array; of one person, the others' are refused.

Observations that a metric keeps become readings (phr.formats.fhir), the others laboratory entries; conditions,
allergies, medications, immunisations, encounters, procedures and family history become entries (phr.interchange.
fhir_events). What nothing keeps (claims, organisations, care teams) is counted as refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from phr.errors import PayloadUnreadable
from phr.formats import fhir
from phr.formats.building import ItemRefused
from phr.interchange.fhir_events import event_of
from phr.interchange.formats import Batch, Wish
from phr.interchange.gathering import refuse
from phr.interchange.json_items import Found, add, batches
from phr.vocabulary.metrics import vocabulary

NAME = "fhir"
SUFFIXES = (".ndjson", ".fhir.json", "bundle.json")
# The decoder's words for an Observation that is no reading: no metric is meant, or only a day is known.
_NO_READING = ("metric-unknown", "metric-missing", "code-unknown", "metric-not-a-reading", "time-imprecise")
_SUBJECTS = ("subject", "patient")


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    reading = _Reading(wish.salt)
    return batches(file, reading.take, inner="entry")


class _Reading:
    def __init__(self, salt: str) -> None:
        self._salt = salt
        self._person: str | None = None  # as the file calls them: the last part of a reference

    def take(self, batch: Batch, found: Found) -> None:
        said, path = found.value, found.path
        if isinstance(said, dict) and "resource" in said:
            said, path = said["resource"], f"{path}/resource"
        try:
            if not isinstance(said, dict):
                raise ItemRefused("item-invalid", "a resource is an object")
            if said.get("resourceType") == "Bundle":
                return
            self._check_person(said)
            self._take_resource(batch, said, path)
        except ItemRefused as refused:
            refuse(batch, "file", path + refused.pointer, (refused.code, refused.detail))

    def _take_resource(self, batch: Batch, said: dict[str, Any], path: str) -> None:
        if said["resourceType"] == "Patient":
            return
        if said["resourceType"] == "Observation":
            try:
                decoded = fhir.decode(msgspec.json.encode(said), vocabulary())
            except (PayloadUnreadable, RecursionError) as error:
                raise ItemRefused("payload-unreadable", "not an Observation of FHIR R4") from error
            if not any(one.code in _NO_READING for one in decoded.rejections):
                decoded.device = None
                add(batch, decoded, path, self._salt)
                return
        batch.events.append(event_of(said, path))

    def _check_person(self, said: dict[str, Any]) -> None:
        """Raises ItemRefused other-person for what is of anybody but the one whom the file is of."""
        if not isinstance(said.get("resourceType"), str):
            raise ItemRefused("item-invalid", "a resource names its type", "/resourceType")
        if said["resourceType"] == "Patient":
            self._is_person(str(said.get("id")), "/id")
        for name in _SUBJECTS:
            reference = said[name].get("reference") if isinstance(said.get(name), dict) else None
            if isinstance(reference, str):
                kind, _, last = reference.replace("urn:uuid:", "Patient/").rpartition("/")
                if not kind.endswith("Patient"):
                    raise ItemRefused("other-person", "it is of somebody or something else", f"/{name}/reference")
                self._is_person(last, f"/{name}/reference")

    def _is_person(self, name: str, pointer: str) -> None:
        if self._person is None:
            self._person = name
        if name != self._person:
            raise ItemRefused("other-person", "it is of another person than the rest of this file", pointer)
