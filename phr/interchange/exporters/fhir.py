"""A FHIR R4 Bundle (collection): the patient, entries that R4 has a type for, an Observation for each reading."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from phr.clock import rfc3339
from phr.interchange.exporters import Asked
from phr.interchange.fhir_making import Resource
from phr.interchange.fhir_resources import of_entry, of_rows, patient
from phr.interchange.measured import entries_of, lanes, rows_of
from phr.people import people

NAME = "fhir"
MEDIA_TYPE = "application/fhir+json"
SUFFIX = ".fhir.json"


def write(asked: Asked) -> Iterator[bytes]:
    """Raises NotFound, InputInvalid where there is no such metric."""
    found, person = lanes(asked), people.require(asked.database, asked.person)
    head = {"resourceType": "Bundle", "type": "collection", "timestamp": rfc3339(asked.now_ms)}
    yield msgspec.json.encode(head)[:-1] + b',"entry":[\n' + written(patient(person))
    if asked.metric is None:
        for entry in entries_of(asked):
            for one in of_entry(entry):
                yield b",\n" + written(one)
            asked.count(entries=1)
    for lane in found:
        for rows in rows_of(lane):
            made = of_rows(rows, lane.metric, asked.person)
            yield b"".join(b",\n" + written(one) for one in made)
            asked.count(readings=len(made))
    yield b"\n]}\n"


def written(one: Resource) -> bytes:
    """An entry of a bundle."""
    return msgspec.json.encode({"fullUrl": f"urn:uuid:{one['id']}", "resource": one}, enc_hook=int)
