"""FHIR R4 resources as entries of the timeline: what each kind keeps of them.

Source: hl7.org/fhir/R4, of each type the page that has its name; classes of encounters: HL7 v3 ActCode; relatives: HL7
v3 RoleCode.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from phr.formats.building import ItemRefused
from phr.interchange.formats import Event
from phr.timeline.coding import SYSTEMS, has_check_digit

Resource = dict[str, Any]
Said = tuple[dict[str, Any], Any, Any]  # content, begin, end

LONGEST = 500
MOST_CODES = 10
_CODE_SYSTEMS = {
    "http://snomed.info/sct": "snomed",
    "http://loinc.org": "loinc",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "http://hl7.org/fhir/sid/icd-10": "icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd-10",
    "http://hl7.org/fhir/sid/cvx": "cvx",
    "http://www.whocc.no/atc": "atc",
}
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
    wrong = "entered-in-error"
    if said.get("status") == wrong or _code(said.get("verificationStatus")) == wrong:
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
    content = _coded(said.get("code"), "icd-10", "snomed") | {
        "status": _code(said.get("clinicalStatus")),
        "verification": _code(said.get("verificationStatus")),
        "body_site": _text(_first(said.get("bodySite")))[:100],
    }
    period = _dict(said.get("onsetPeriod"))
    begin = said.get("onsetDateTime") or period.get("start") or said.get("recordedDate")
    return content, begin, said.get("abatementDateTime") or period.get("end")


def _allergy(said: Resource) -> Said:
    reactions = [
        {"text": text, "severity": one.get("severity")} if one.get("severity") else {"text": text}
        for one in _list(said.get("reaction"))
        if (text := _text(_first(_dict(one).get("manifestation"))))
    ]
    content = _coded(said.get("code"), "rxnorm", "snomed", "atc") | {
        "type": said.get("type"),
        "substance": _first(said.get("category")),
        "criticality": said.get("criticality"),
        "status": _code(said.get("clinicalStatus")),
        "reactions": reactions[:20],
    }
    return content, said.get("onsetDateTime") or said.get("recordedDate"), None


def _medication(said: Resource) -> Said:
    dosage = _dict(_first(said.get("dosageInstruction") or said.get("dosage")))
    content = _coded(said.get("medicationCodeableConcept"), "rxnorm", "snomed", "atc") | {
        "instructions": str(dosage.get("text") or "")[:1_000],
        "reason": _text(_first(said.get("reasonCode"))),
        "status": _mapped(_MEDICATION, said.get("status")),
    }
    period = _dict(said.get("effectivePeriod"))
    begin = said.get("authoredOn") or said.get("effectiveDateTime") or period.get("start") or said.get("dateAsserted")
    return content, begin, period.get("end")


def _immunisation(said: Resource) -> Said:
    content = _coded(said.get("vaccineCode"), "cvx", "snomed", "atc") | {
        "manufacturer": str(_dict(said.get("manufacturer")).get("display") or "")[:200],
        "lot": str(said.get("lotNumber") or "")[:64],
        "status": said.get("status"),
    }
    return content, said.get("occurrenceDateTime") or said.get("recorded"), None


def _encounter(said: Resource) -> Said:
    what = _first(said.get("type")) or _first(said.get("reasonCode"))
    individual = _dict(_dict(_first(said.get("participant"))).get("individual"))
    content = _coded(what, "snomed") | {
        "type": _CLASSES.get(str(_dict(said.get("class")).get("code")), "visit"),
        "practitioner": str(individual.get("display") or "")[:200],
        "reason": _text(_first(said.get("reasonCode"))),
        "status": _mapped(_ENCOUNTER, said.get("status")),
    }
    content["text"] = content.get("text") or content["type"]
    period = _dict(said.get("period"))
    return content, period.get("start"), period.get("end")


def _procedure(said: Resource) -> Said:
    content = _coded(said.get("code"), "snomed", "loinc") | {
        "reason": _text(_first(said.get("reasonCode"))),
        "body_site": _text(_first(said.get("bodySite")))[:100],
        "status": _mapped(_PROCEDURE, said.get("status")),
    }
    period = _dict(said.get("performedPeriod"))
    return content, said.get("performedDateTime") or period.get("start"), period.get("end")


def _laboratory(said: Resource) -> Said:
    """An Observation that no metric keeps: a report of one line, or of one for each component."""
    whole = _coded(said.get("code"), "loinc", "snomed")
    lines = [_result(one) for one in (said, *_list(said.get("component")))]
    content = whole | {"items": [one for one in lines if one], "status": said.get("status")}
    if content["status"] not in ("preliminary", "final", "amended", "cancelled"):
        content["status"] = {"corrected": "amended"}.get(str(content["status"]))
    if not content["items"]:
        raise ItemRefused("value-missing", "an Observation without a value")
    begin = said.get("effectiveDateTime") or _dict(said.get("effectivePeriod")).get("start") or said.get("issued")
    return content, begin, None


def _result(said: Any) -> dict[str, Any] | None:
    said = _dict(said)
    line = _coded(said.get("code"), "loinc")
    quantity, values = _dict(said.get("valueQuantity")), {}
    if type(quantity.get("value")) in (int, float):
        values["value"] = quantity["value"]
        if unit := str(quantity.get("unit") or quantity.get("code") or "")[:32]:
            values["unit"] = unit
    elif words := _text(said.get("valueCodeableConcept")) or str(said.get("valueString") or "")[:LONGEST]:
        values["words"] = words
    if not values or not line.get("text"):
        return None
    ends = _dict(_first(said.get("referenceRange")))
    for name in ("low", "high"):
        end = _dict(ends.get(name)).get("value")
        if type(end) in (int, float):
            values[name] = end
    if values.get("low", 0) > values.get("high", float("inf")):
        del values["low"], values["high"]  # the source contradicts itself
    flag = _FLAGS.get(str(_code(_first(said.get("interpretation")))))
    return line | values | ({"flag": flag} if flag else {})


def _family(said: Resource) -> Said:
    condition = _dict(_first(said.get("condition")))
    content = _coded(condition.get("code"), "icd-10", "snomed") | {
        "relation": _RELATIVES.get(str(_code(said.get("relationship"))), "other"),
    }
    return content, said.get("date"), None


_READERS: dict[str, tuple[str, Callable[[Resource], Said]]] = {
    "Condition": ("condition", _condition),
    "AllergyIntolerance": ("allergy", _allergy),
    "MedicationRequest": ("medication", _medication),
    "MedicationStatement": ("medication", _medication),
    "Immunization": ("immunisation", _immunisation),
    "Encounter": ("encounter", _encounter),
    "Procedure": ("procedure", _procedure),
    "Observation": ("laboratory", _laboratory),
    "FamilyMemberHistory": ("family-history", _family),
}


def _coded(concept: Any, *systems: str) -> dict[str, Any]:
    """Text, and the codes of the systems that the kind takes, each of the shape that its system gives it."""
    found = []
    for coding in _list(_dict(concept).get("coding")):
        system, code = _CODE_SYSTEMS.get(str(_dict(coding).get("system"))), _dict(coding).get("code")
        if system in systems and isinstance(code, str) and _has_shape(system, code):
            one = {"system": system, "code": code}
            found.append(one | ({"text": text} if (text := str(coding.get("display") or "")[:LONGEST]) else {}))
    content: dict[str, Any] = {"text": _text(concept)}
    return content | ({"codes": found[:MOST_CODES]} if found else {})


def _has_shape(system: str, code: str) -> bool:
    return re.fullmatch(SYSTEMS[system], code, re.ASCII) is not None and (system != "loinc" or has_check_digit(code))


def _text(concept: Any) -> str:
    said = _dict(concept)
    text = said.get("text") or next((c["display"] for c in _list(said.get("coding")) if _dict(c).get("display")), "")
    return text[:LONGEST] if isinstance(text, str) else ""


def _code(concept: Any) -> Any:
    return _dict(_first(_dict(concept).get("coding"))).get("code")


def _mapped(words: dict[str, Any], status: Any) -> Any:
    return words.get(status, status) if isinstance(status, str) else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
