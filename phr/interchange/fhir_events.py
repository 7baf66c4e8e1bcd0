"""FHIR R4 resources as entries of the timeline: what each kind keeps of them.

Source: hl7.org/fhir/R4, of each type the page that has its name; classes of encounters: HL7 v3 ActCode; relatives: HL7
v3 RoleCode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from phr.formats.building import ItemRefused
from phr.interchange.fhir_words import LONGEST, code_of, coded, fields, first, listed, mapped, text_of
from phr.interchange.formats import Event

Resource = dict[str, Any]
Said = tuple[dict[str, Any], Any, Any]  # content, begin, end

_CLASSES = {
    "IMP": "admission", "ACUTE": "admission", "NONAC": "admission", "OBSENC": "admission", "SS": "visit",
    "EMER": "emergency", "VR": "tele-consultation", "HH": "home-visit",
}  # fmt: skip
_RELATIVES = {
    "MTH": "mother", "NMTH": "mother", "FTH": "father", "NFTH": "father", "SIS": "sister", "NSIS": "sister",
    "BRO": "brother", "NBRO": "brother", "DAU": "daughter", "DAUC": "daughter", "SON": "son", "SONC": "son",
    "GRMTH": "grandmother", "MGRMTH": "grandmother", "PGRMTH": "grandmother", "GRFTH": "grandfather",
    "MGRFTH": "grandfather", "PGRFTH": "grandfather", "AUNT": "aunt", "UNCLE": "uncle", "COUSN": "cousin",
}  # fmt: skip
_MEDICATION = {"draft": "intended", "cancelled": "stopped", "unknown": None}
_PROCEDURE = {"preparation": "planned", "on-hold": "in-progress", "unknown": None}
_ENCOUNTER = {"arrived": "in-progress", "triaged": "in-progress", "onleave": "in-progress", "unknown": None}
_FLAGS = {"L": "low", "H": "high", "N": "normal", "A": "abnormal", "LL": "critical-low", "HH": "critical-high"}


def event_of(said: Resource, path: str) -> Event:
    """The entry of a resource. Raises ItemRefused: type-not-kept, status-not-final, time-missing, text-missing."""
    kind, read = _READERS.get(str(said.get("resourceType")), (None, None))
    if kind is None or read is None:
        raise ItemRefused("type-not-kept", f"nothing keeps a {str(said.get('resourceType'))[:64]}", "/resourceType")
    return made_of(kind, said, path, read)


def made_of(kind: str, said: Resource, path: str, read: Callable[[Resource], Said]) -> Event:
    """As ``event_of``, where kind and reader are known."""
    wrong = "entered-in-error"
    if wrong in (said.get("status"), said.get("docStatus"), code_of(said.get("verificationStatus"))):
        raise ItemRefused("status-not-final", "its author says that it was entered in error", "/status")
    content, begin, end = read(said)
    if not isinstance(begin, str):
        raise ItemRefused("time-missing", "an entry needs its time")
    if not content.get("text"):
        raise ItemRefused("text-missing", "neither a text nor a code with its display", "/code")
    content = {name: value for name, value in content.items() if value not in (None, "", [], {})}
    key = f"{said['resourceType']}/{said.get('id') or path}"
    return Event(kind, content, begin, key, path, end if isinstance(end, str) else None)


def _condition(said: Resource) -> Said:
    content = coded(said.get("code"), "icd-10", "snomed") | {
        "status": code_of(said.get("clinicalStatus")),
        "verification": code_of(said.get("verificationStatus")),
        "body_site": text_of(first(said.get("bodySite")))[:100],
    }
    period = fields(said.get("onsetPeriod"))
    begin = said.get("onsetDateTime") or period.get("start") or said.get("recordedDate") or _known_since(said)
    return content, begin, said.get("abatementDateTime") or period.get("end")


def _allergy(said: Resource) -> Said:
    reactions = [
        {"text": text, "severity": one.get("severity")} if one.get("severity") else {"text": text}
        for one in listed(said.get("reaction"))
        if (text := text_of(first(fields(one).get("manifestation"))))
    ]
    content = coded(said.get("code"), "rxnorm", "snomed", "atc") | {
        "type": said.get("type"),
        "substance": first(said.get("category")),
        "criticality": said.get("criticality"),
        "status": code_of(said.get("clinicalStatus")),
        "reactions": reactions[:20],
    }
    return content, said.get("onsetDateTime") or said.get("recordedDate") or _known_since(said), None


def _medication(said: Resource) -> Said:
    dosage = fields(first(said.get("dosageInstruction") or said.get("dosage")))
    content = coded(said.get("medicationCodeableConcept"), "rxnorm", "snomed", "atc") | {
        "instructions": str(dosage.get("text") or "")[:1_000],
        "reason": text_of(first(said.get("reasonCode"))),
        "status": mapped(_MEDICATION, said.get("status")),
    }
    period = fields(said.get("effectivePeriod"))
    begin = said.get("authoredOn") or said.get("effectiveDateTime") or period.get("start") or said.get("dateAsserted")
    return content, begin or _known_since(said), period.get("end")


def _given(said: Resource) -> Said:
    """A MedicationAdministration: taken, or not and why."""
    dose = fields(fields(said.get("dosage")).get("dose"))
    has_dose = type(dose.get("value")) in (int, float) and isinstance(dose.get("unit"), str) and dose["unit"]
    content = coded(said.get("medicationCodeableConcept"), "rxnorm", "snomed", "atc") | {
        "status": "taken" if said.get("status") in ("completed", "in-progress") else "skipped",
        "dose": {"value": dose["value"], "unit": dose["unit"][:32]} if has_dose else None,
        "reason": text_of(first(said.get("statusReason")) or first(said.get("reasonCode"))),
    }
    period = fields(said.get("effectivePeriod"))
    return content, said.get("effectiveDateTime") or period.get("start"), period.get("end")


def _immunisation(said: Resource) -> Said:
    content = coded(said.get("vaccineCode"), "cvx", "snomed", "atc") | {
        "manufacturer": str(fields(said.get("manufacturer")).get("display") or "")[:200],
        "lot": str(said.get("lotNumber") or "")[:64],
        "status": said.get("status"),
    }
    return content, said.get("occurrenceDateTime") or said.get("recorded"), None


def _encounter(said: Resource) -> Said:
    what = first(said.get("type")) or first(said.get("reasonCode"))
    individual = fields(fields(first(said.get("participant"))).get("individual"))
    content = coded(what, "snomed") | {
        "type": _CLASSES.get(str(fields(said.get("class")).get("code")), "visit"),
        "practitioner": str(individual.get("display") or "")[:200],
        "reason": text_of(first(said.get("reasonCode"))),
        "status": mapped(_ENCOUNTER, said.get("status")),
    }
    content["text"] = content.get("text") or content["type"]
    period = fields(said.get("period"))
    return content, period.get("start"), period.get("end")


def _procedure(said: Resource) -> Said:
    content = coded(said.get("code"), "snomed", "loinc") | {
        "reason": text_of(first(said.get("reasonCode"))),
        "body_site": text_of(first(said.get("bodySite")))[:100],
        "status": mapped(_PROCEDURE, said.get("status")),
    }
    period = fields(said.get("performedPeriod"))
    return content, said.get("performedDateTime") or period.get("start"), period.get("end")


def _laboratory(said: Resource) -> Said:
    """An Observation that no metric keeps: a report of one line, or of one for each component."""
    whole = coded(said.get("code"), "loinc", "snomed")
    content = whole | {"items": lines_of(said), "status": report_status(said)}
    if not content["items"]:
        raise ItemRefused("value-missing", "an Observation without a value")
    begin = said.get("effectiveDateTime") or fields(said.get("effectivePeriod")).get("start") or said.get("issued")
    return content, begin, None


def lines_of(said: Resource) -> list[dict[str, Any]]:
    """The results that an Observation gives: its own, and those of its components."""
    found = (_result(one) for one in (said, *listed(said.get("component"))))
    return [one for one in found if one]


def report_status(said: Resource) -> str | None:
    status = {"corrected": "amended", "appended": "amended", "registered": "preliminary", "partial": "preliminary"}
    found = mapped(status, said.get("status"))
    return found if found in ("preliminary", "final", "amended", "cancelled") else None


def _result(said: Any) -> dict[str, Any] | None:
    said = fields(said)
    line = coded(said.get("code"), "loinc")
    quantity, values = fields(said.get("valueQuantity")), {}
    if type(quantity.get("value")) in (int, float):
        values["value"] = quantity["value"]
        if unit := str(quantity.get("unit") or quantity.get("code") or "")[:32]:
            values["unit"] = unit
    elif words := text_of(said.get("valueCodeableConcept")) or str(said.get("valueString") or "")[:LONGEST]:
        values["words"] = words
    if not values or not line.get("text"):
        return None
    ends = fields(first(said.get("referenceRange")))
    for name in ("low", "high"):
        end = fields(ends.get(name)).get("value")
        if type(end) in (int, float):
            values[name] = end
    if values.get("low", 0) > values.get("high", float("inf")):
        del values["low"], values["high"]  # the source contradicts itself
    flag = _FLAGS.get(str(code_of(first(said.get("interpretation")))))
    return line | values | ({"flag": flag} if flag else {})


def _family(said: Resource) -> Said:
    condition = fields(first(said.get("condition")))
    content = coded(condition.get("code"), "icd-10", "snomed") | {
        "relation": _RELATIVES.get(str(code_of(said.get("relationship"))), "other"),
    }
    return content, said.get("date") or _known_since(said), None


def _known_since(said: Resource) -> Any:
    """The day on which its server last wrote it, of what matters though nobody says since when it is so."""
    updated = fields(said.get("meta")).get("lastUpdated")
    return updated[:10] if isinstance(updated, str) else None


_READERS: dict[str, tuple[str, Callable[[Resource], Said]]] = {
    "Condition": ("condition", _condition),
    "AllergyIntolerance": ("allergy", _allergy),
    "MedicationRequest": ("medication", _medication),
    "MedicationStatement": ("medication", _medication),
    "MedicationAdministration": ("intake", _given),
    "Immunization": ("immunisation", _immunisation),
    "Encounter": ("encounter", _encounter),
    "Procedure": ("procedure", _procedure),
    "Observation": ("laboratory", _laboratory),
    "FamilyMemberHistory": ("family-history", _family),
}
