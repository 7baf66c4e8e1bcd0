"""An International Patient Summary: a FHIR R4 document of what another doctor must know first.

Sections and their LOINC codes, and how "nothing is known" is said: HL7 FHIR IPS 2.0.0, Composition-uv-ips. Its three
required sections are always there; results and vital signs are the latest ones.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from phr.clock import rfc3339
from phr.interchange.exporters import Asked
from phr.interchange.exporters.fhir import written
from phr.interchange.fhir_making import Resource, id_of, reference
from phr.interchange.fhir_resources import of_entry, of_rows, patient
from phr.interchange.measured import entries_of, lanes
from phr.people import people
from phr.readings import raw_page
from phr.readings.latest import latest
from phr.readings.track import Track
from phr.vocabulary.metrics import vocabulary

NAME = "ips"
MEDIA_TYPE = "application/fhir+json"
SUFFIX = ".ips.json"

MOST = 200  # resources of a section: a summary is to be read
NOTHING = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"}],
    "text": "No information available",
}


class Section(NamedTuple):
    """Which kinds of entry it is of; a required one says that nothing is known where that is so."""

    title: str
    loinc: str
    kinds: tuple[str, ...]
    is_required: bool = False


SECTIONS = (
    Section("Medication Summary", "10160-0", ("medication",), is_required=True),
    Section("Allergies and Intolerances", "48765-2", ("allergy",), is_required=True),
    Section("Problem List", "11450-4", ("condition",), is_required=True),
    Section("History of Immunizations", "11369-6", ("immunisation",)),
    Section("History of Procedures", "47519-4", ("procedure",)),
    Section("Results", "30954-2", ("laboratory", "check-up", "imaging")),
)
VITAL_SIGNS = Section("Vital Signs", "8716-3", ())


def write(asked: Asked) -> Iterator[bytes]:
    """Raises NotFound."""
    person = people.require(asked.database, asked.person)
    named: dict[str, list[list[Resource]]] = {kind: [] for section in SECTIONS for kind in section.kinds}
    for entry in entries_of(asked):
        if entry.kind in named and len(named[entry.kind]) < MOST:
            named[entry.kind].append(of_entry(entry))
            asked.count(entries=1)
    sections, resources = [], []
    for section in SECTIONS:
        found = [made for kind in section.kinds for made in named[kind]]
        if found or section.is_required:
            sections.append(_section(section, [made[0] for made in found]))
            resources += [one for made in found for one in made]
    if vital := _vital_signs(asked):
        sections.append(_section(VITAL_SIGNS, vital))
        resources += vital
    head = {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id_of(asked.person, 'ips', asked.now_ms)}"},
        "timestamp": rfc3339(asked.now_ms),
    }
    whole = [_composition(asked, sections), patient(person), *resources]
    yield msgspec.json.encode(head)[:-1] + b',"entry":[\n' + b",\n".join(map(written, whole)) + b"\n]}\n"


def _composition(asked: Asked, sections: list[Resource]) -> Resource:
    whose = reference(id_of(asked.person, "patient"))
    return {
        "resourceType": "Composition",
        "id": id_of(asked.person, "composition", asked.now_ms),
        "status": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "60591-5", "display": "Patient summary Document"}]},
        "subject": whose,
        "date": rfc3339(asked.now_ms),
        "author": [whose],
        "title": "International Patient Summary",
        "section": sections,
    }


def _section(section: Section, found: list[Resource]) -> Resource:
    lines = "".join(f"<li>{html.escape(_words(one))}</li>" for one in found) or f"<li>{NOTHING['text']}</li>"
    said: Resource = {"entry": [reference(one["id"]) for one in found]} if found else {"emptyReason": NOTHING}
    return said | {
        "title": section.title,
        "code": {"coding": [{"system": "http://loinc.org", "code": section.loinc}]},
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{lines}</ul></div>'},
    }


def _words(one: Resource) -> str:
    code = one.get("code") or one.get("medicationCodeableConcept") or one.get("vaccineCode") or {}
    said = [str(code.get("text") or code["coding"][0].get("display") or code["coding"][0]["code"])]
    for part in (one, *one.get("component", ())):
        quantity: Any = part.get("valueQuantity")
        if quantity:
            said.append(f"{quantity.get('comparator', '')}{quantity['value']:g} {quantity.get('unit', '')}".strip())
    return " ".join(said)


def _vital_signs(asked: Asked) -> list[Resource]:
    """The latest reading of each metric that FHIR counts among the vital signs."""
    vital = {key: one for key, one in vocabulary().metrics.items() if one.fhir_category == "vital-signs"}
    by_key = {lane.metric.key: lane for lane in lanes(asked)}
    found: list[Resource] = []
    for one in latest(asked.database, asked.person, vital):
        track = Track(by_key[one.metric.key], one.device)
        for rows in raw_page.groups(track, (one.t_ms, one.t_ms + 1)):
            found += of_rows(rows, one.metric, asked.person)[-1:]
    asked.count(readings=len(found))
    return found
