"""Documents, reports of images and genes, and doses that were taken, as FHIR R4 resources. Pure.

Source: hl7.org/fhir/R4 DocumentReference, DiagnosticReport, MedicationAdministration; sections: HL7 v2 table 0074.
"""

from __future__ import annotations

import base64
from typing import Any

from phr.interchange.fhir_making import Resource, begun, concept, dated, plain, timed
from phr.timeline.entry import Entry


def imaging(entry: Entry) -> list[Resource]:
    return [_report(entry, "RAD", [entry.content.get("findings"), entry.content.get("words")])]


def genomic(entry: Entry) -> list[Resource]:
    """Its variants as words: who reads a summary of genes reads the report."""
    variants = (
        " ".join(str(one[name]) for name in ("gene", "variant", "zygosity", "significance") if name in one)
        for one in entry.content.get("variants", ())
    )
    return [_report(entry, "GE", [*variants, entry.content.get("words")])]


def document(entry: Entry) -> list[Resource]:
    """Its words stand in it; of its file what it is: the file itself is in the archive."""
    said, made = entry.content, begun(entry, "DocumentReference", "subject", "type")
    file: Resource = said.get("file") or {}
    told = {"contentType": file.get("media_type"), "title": file.get("name"), "size": file.get("bytes")}
    forms = [one for one in (_text([said.get("words")]), plain(told)) if one] or [{"title": said["text"]}]
    begin = dated(entry.effective.begin)
    made |= {"status": "current", "content": [{"attachment": one} for one in forms]}
    return [made | {"context": {"period": {"start": begin}} if begin else None}]


def intake(entry: Entry) -> list[Resource]:
    """None for a time that FHIR can't say: a dose was given then or then."""
    said = entry.content
    if dated(entry.effective.begin) is None:
        return []
    made = begun(entry, "MedicationAdministration", "subject", "medicationCodeableConcept") | timed(entry, "effective")
    made["status"] = "completed" if said["status"] == "taken" else "not-done"
    dose = {"dose": {"value": said["dose"]["value"], "unit": said["dose"]["unit"]}} if "dose" in said else None
    return [made | {"dosage": dose, "statusReason": [{"text": said["reason"]}] if said.get("reason") else None}]


def _report(entry: Entry, section: str, words: list[Any]) -> Resource:
    made = begun(entry, "DiagnosticReport", "subject") | timed(entry, "effective")
    text = _text(words)
    made |= {"status": "final", "category": [concept("v2-0074", section)]}
    return made | {"conclusion": entry.content.get("conclusion"), "presentedForm": [text] if text else None}


def _text(words: list[Any]) -> Resource | None:
    """An attachment of plain text."""
    said = "\n".join(str(one) for one in words if one)
    if not said:
        return None
    return {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(said.encode()).decode()}
