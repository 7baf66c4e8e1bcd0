"""How a FHIR R4 resource is begun: ids, references, codes, times as well as they are known. Pure."""

from __future__ import annotations

import re
import uuid
from typing import Any

from phr.clock import rfc3339
from phr.timeline.effective import When
from phr.timeline.entry import Entry

Resource = dict[str, Any]

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
SYSTEMS = {
    "icd-10": "http://hl7.org/fhir/sid/icd-10", "icd-11": "http://id.who.int/icd/release/11/mms",
    "loinc": "http://loinc.org", "atc": "http://www.whocc.no/atc", "cvx": "http://hl7.org/fhir/sid/cvx",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm", "snomed": "http://snomed.info/sct",
}  # fmt: skip  # other systems have no address of their own: their codes stand beside the printed text
# Stands where a profile asks for what the record does not know (R4, extension data-absent-reason).
UNKNOWN: dict[str, Any] = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
_IDS = uuid.UUID("0d4b7a52-0f0e-5d3c-8a53-5a1f7d3b9c11")
_CALENDAR = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_SEASON = re.compile(r"(?:spring|summer|autumn) (\d{4})", re.ASCII)  # a winter is in two years


def id_of(person: str, *parts: object) -> str:
    """The same for the same thing each time, and telling nothing of it."""
    return str(uuid.uuid5(_IDS, "\0".join(map(str, (person, *parts)))))


def reference(resource_id: str) -> dict[str, str]:
    return {"reference": f"urn:uuid:{resource_id}"}


def begun(entry: Entry, kind: str, whose: str, code: str | None = "code") -> Resource:
    made: Resource = {"resourceType": kind, "id": id_of(entry.person, "entry", entry.id)}
    made[whose] = reference(id_of(entry.person, "patient"))
    if code is not None:
        made[code] = coded(entry.content)
    if entry.content.get("note"):
        made["note"] = [{"text": entry.content["note"]}]
    return made


def coded(said: Any) -> Resource:
    codes = [
        plain({"system": SYSTEMS[one["system"]], "code": one["code"], "display": one.get("text")})
        for one in said.get("codes", ())
        if one["system"] in SYSTEMS
    ]
    return plain({"coding": codes, "text": said["text"]})


def concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def timed(entry: Entry, name: str, *, has_string: bool = False) -> Resource:
    """``onsetDateTime``, ``…Period``, or (where the type has one) ``…String``, as well as it is known; else that it is
    not, since many a profile asks for one."""
    begin, end = dated(entry.effective.begin), entry.effective.end
    if end is not None and (period := plain({"start": begin, "end": dated(end)})):
        return {f"{name}Period": period}
    if begin is not None:
        return {f"{name}DateTime": begin}
    return {f"{name}String": str(entry.effective.begin)} if has_string else {f"_{name}DateTime": UNKNOWN}


def dated(when: When) -> str | None:
    """As FHIR writes it, no more exact than it was told; None for a decade and a winter."""
    if when.text is None:
        return rfc3339(when.start_ms, when.offset_min)
    if _CALENDAR.fullmatch(when.text):
        return when.text
    found = _SEASON.fullmatch(when.text)
    return found[1] if found else None


def plain(made: Resource) -> Resource:
    """Without what has no value, which FHIR does not write."""
    return {name: value for name, value in made.items() if value not in (None, "", [], {})}
