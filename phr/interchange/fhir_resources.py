"""Entries and readings as FHIR R4 resources: what each type keeps of them. Pure.

Source: hl7.org/fhir/R4, of each type the page that has its name; classes of encounters: HL7 v3 ActCode; relatives: HL7
v3 RoleCode; glucose, pressure and the rest by the LOINC codes of metrics.toml.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from phr.clock import rfc3339
from phr.people.people import Person
from phr.readings.raw_page import Rows
from phr.readings.table import of_readings
from phr.timeline.effective import When
from phr.timeline.entry import Entry
from phr.vocabulary.metric import Metric, Unit, ValueType
from phr.vocabulary.metrics import vocabulary

Resource = dict[str, Any]

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
UCUM = "http://unitsofmeasure.org"
# Stands where a profile asks for what the record does not know (R4, extension data-absent-reason).
UNKNOWN: dict[str, Any] = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
_SYSTEMS = {
    "icd-10": "http://hl7.org/fhir/sid/icd-10", "icd-11": "http://id.who.int/icd/release/11/mms",
    "loinc": "http://loinc.org", "atc": "http://www.whocc.no/atc", "cvx": "http://hl7.org/fhir/sid/cvx",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm", "snomed": "http://snomed.info/sct",
}  # fmt: skip  # other systems have no address of their own: their codes stand beside the printed text
_CLASSES = {
    "visit": "AMB", "admission": "IMP", "emergency": "EMER", "tele-consultation": "VR", "home-visit": "HH",
    "follow-up": "AMB",
}  # fmt: skip
_RELATIVES = {
    "mother": "MTH", "father": "FTH", "sister": "SIS", "brother": "BRO", "daughter": "DAUC", "son": "SONC",
    "grandmother": "GRMTH", "grandfather": "GRFTH", "aunt": "AUNT", "uncle": "UNCLE", "cousin": "COUSN",
    "other": "FAMMEMB",
}  # fmt: skip
_FLAGS = {"low": "L", "high": "H", "normal": "N", "abnormal": "A", "critical-low": "LL", "critical-high": "HH"}
_SURE = ("S", "S1")  # LOINC codes that a source was seen for
_IDS = uuid.UUID("0d4b7a52-0f0e-5d3c-8a53-5a1f7d3b9c11")
_CALENDAR = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_SEASON = re.compile(r"(?:spring|summer|autumn) (\d{4})", re.ASCII)  # a winter is in two years


def id_of(person: str, *parts: object) -> str:
    """The same for the same thing each time, and telling nothing of it."""
    return str(uuid.uuid5(_IDS, "\0".join(map(str, (person, *parts)))))


def reference(resource_id: str) -> dict[str, str]:
    return {"reference": f"urn:uuid:{resource_id}"}


def patient(person: Person) -> Resource:
    found: Resource = {"resourceType": "Patient", "id": id_of(person.id, "patient"), "gender": person.sex or "unknown"}
    found["name"] = [{"text": person.name} if person.name else UNKNOWN]
    return found | ({"birthDate": person.birth_on.isoformat()} if person.birth_on else {"_birthDate": UNKNOWN})


def of_entry(entry: Entry) -> list[Resource]:
    """The resources of an entry, the one that stands for it first; none where R4 has no type that says it."""
    make = _MAKERS.get(entry.kind)
    return [] if make is None else [_plain(one) for one in make(entry)]


def of_rows(rows: Rows, metric: Metric, person: str) -> list[Resource]:
    """An Observation for each reading that is a number or has components."""
    if metric.value_type not in (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS):
        return []
    columns = of_readings(rows, metric, ("device", "seq"))
    flags = columns.get("flag", [None] * len(columns["t"]))
    found = []
    for index, t in enumerate(columns["t"]):
        device, seq, end = columns["device"][index], columns["seq"][index], columns.get("end", [])
        name = id_of(person, metric.key, device, int(rows.t[index]), seq)
        made = _observation(person, name, _metric_code(metric)) | {"device": {"display": device}}
        made["category"] = [_concept("observation-category", metric.fhir_category or "activity")]
        has_end = bool(end) and end[index] is not None
        made |= {"effectivePeriod": {"start": t, "end": end[index]}} if has_end else {"effectiveDateTime": t}
        if metric.components:
            parts = [(part, columns[part.key][index]) for part in metric.components]
            made["component"] = [
                {
                    "code": _metric_code(vocabulary().metrics[part.metric]),
                    "valueQuantity": _quantity(number, part.unit or metric.unit),
                }
                for part, number in parts
                if number is not None
            ]
        elif columns["value"][index] is not None:
            made["valueQuantity"] = _quantity(columns["value"][index], metric.unit)
            if flags[index] is not None:
                made["valueQuantity"]["comparator"] = "<" if flags[index] == "below-range" else ">"
        else:
            made["dataAbsentReason"] = _concept("data-absent-reason", "unknown")
        found.append(made)
    return found


def _condition(entry: Entry) -> list[Resource]:
    said = entry.content
    made = _of(entry, "Condition", "subject") | _timed(entry, "onset", has_string=True)
    if said.get("verification") != "refuted":
        made["clinicalStatus"] = _concept("condition-clinical", said.get("status", "active"))
    made["verificationStatus"] = _concept("condition-ver-status", said.get("verification", "unconfirmed"))
    if said.get("body_site"):
        made["bodySite"] = [{"text": said["body_site"]}]
    return [made]


def _allergy(entry: Entry) -> list[Resource]:
    said = entry.content
    reactions = [
        {"manifestation": [{"text": one["text"]}], "severity": one.get("severity")} for one in said.get("reactions", ())
    ]
    made = _of(entry, "AllergyIntolerance", "patient") | _timed(entry, "onset", has_string=True)
    made |= {"clinicalStatus": _concept("allergyintolerance-clinical", said.get("status", "active"))}
    category = [said["substance"]] if "substance" in said else None
    return [
        made
        | {"type": said.get("type"), "category": category, "criticality": said.get("criticality")}
        | {"reaction": [_plain(one) for one in reactions]}
    ]


def _medication(entry: Entry) -> list[Resource]:
    said = entry.content
    code = "medicationCodeableConcept"
    made = _of(entry, "MedicationStatement", "subject", code) | {"status": said.get("status", "unknown")}
    made |= _timed(entry, "effective")
    words = [said.get("instructions"), f"{said['times_a_day']}/d" if "times_a_day" in said else None]
    dosage: Resource = {"text": "; ".join(word for word in words if word)}
    if "dose" in said:
        dosage["doseAndRate"] = [{"doseQuantity": {"value": said["dose"]["value"], "unit": said["dose"]["unit"]}}]
    if said.get("route"):
        dosage["route"] = {"text": said["route"]}
    reason = [{"text": said["reason"]}] if said.get("reason") else None
    return [made | {"dosage": [_plain(dosage)] if _plain(dosage) else None, "reasonCode": reason}]


def _immunisation(entry: Entry) -> list[Resource]:
    said = entry.content
    made = _of(entry, "Immunization", "patient", "vaccineCode") | {"status": said.get("status", "completed")}
    begin = _date(entry.effective.begin)
    made |= {"occurrenceDateTime": begin} if begin else {"occurrenceString": str(entry.effective.begin)}
    dose = {"doseNumberPositiveInt": said.get("dose_number"), "seriesDosesPositiveInt": said.get("series_doses")}
    has_dose = said.get("dose_number") is not None
    return [
        made
        | {"lotNumber": said.get("lot"), "expirationDate": said.get("expires_on")}
        | {"protocolApplied": [_plain(dose)] if has_dose else None}
    ]


def _procedure(entry: Entry) -> list[Resource]:
    status = entry.content.get("status", "completed")
    made = _of(entry, "Procedure", "subject") | _timed(entry, "performed", has_string=True)
    return [made | {"status": "preparation" if status == "planned" else status}]


def _encounter(entry: Entry) -> list[Resource]:
    said = entry.content
    code = _CLASSES[said["type"]]
    made = _of(entry, "Encounter", "subject", None) | {"status": said.get("status", "finished")}
    made["class"] = {"system": f"{TERMINOLOGY}/v3-ActCode", "code": code}
    made["period"] = {
        "start": _date(entry.effective.begin),
        "end": _date(entry.effective.end) if entry.effective.end else None,
    }
    made["reasonCode"] = [{"text": said["reason"]}] if said.get("reason") else None
    return [made | {"type": [{"text": said["text"]}], "period": _plain(made["period"])}]


def _laboratory(entry: Entry) -> list[Resource]:
    return _report(entry, entry.content["items"])


def _check_up(entry: Entry) -> list[Resource]:
    return _report(entry, [item for section in entry.content["sections"] for item in section["items"]])


def _report(entry: Entry, items: list[Any]) -> list[Resource]:
    results = [_result(entry, item, number) for number, item in enumerate(items)]
    made = _of(entry, "DiagnosticReport", "subject") | _timed(entry, "effective")
    status = entry.content.get("status", "final")
    made |= {"status": status, "conclusion": entry.content.get("conclusion")}
    return [made | {"result": [reference(one["id"]) for one in results]}, *results]


def _result(entry: Entry, item: dict[str, Any], number: int) -> Resource:
    made = _observation(entry.person, id_of(entry.person, "entry", entry.id, number), _code(item))
    made |= _timed(entry, "effective") | {"category": [_concept("observation-category", "laboratory")]}
    laboratory = entry.provenance.get("organisation")
    made["performer"] = [{"display": laboratory} if laboratory else UNKNOWN]
    if "value" in item:
        made["valueQuantity"] = _plain({"value": item["value"], "unit": item.get("unit")})
    else:
        made["valueString"] = item["words"]
    limits = {name: {"value": item[name]} for name in ("low", "high") if name in item}
    ranged = limits | ({"text": item["range"]} if "range" in item else {})
    if "flag" in item:
        made["interpretation"] = [_concept("v3-ObservationInterpretation", _FLAGS[item["flag"]])]
    return _plain(made | {"referenceRange": [ranged] if ranged else None})


def _relative(entry: Entry) -> list[Resource]:
    said = entry.content
    onset = {"value": said["onset_age"], "unit": "a", "system": UCUM, "code": "a"} if "onset_age" in said else None
    made = _of(entry, "FamilyMemberHistory", "patient", None) | {"status": "completed"}
    made["relationship"] = _concept("v3-RoleCode", _RELATIVES[said["relation"]])
    made["condition"] = [_plain({"code": _code(said), "onsetAge": onset})]
    return [made | {"deceasedBoolean": said.get("is_deceased")}]


_MAKERS: dict[str, Callable[[Entry], list[Resource]]] = {
    "condition": _condition,
    "allergy": _allergy,
    "medication": _medication,
    "immunisation": _immunisation,
    "procedure": _procedure,
    "encounter": _encounter,
    "laboratory": _laboratory,
    "check-up": _check_up,
    "family-history": _relative,
}


def _of(entry: Entry, kind: str, whose: str, code: str | None = "code") -> Resource:
    made: Resource = {"resourceType": kind, "id": id_of(entry.person, "entry", entry.id)}
    made[whose] = reference(id_of(entry.person, "patient"))
    if code is not None:
        made[code] = _code(entry.content)
    if entry.content.get("note"):
        made["note"] = [{"text": entry.content["note"]}]
    return made


def _observation(person: str, name: str, code: Resource) -> Resource:
    subject = reference(id_of(person, "patient"))
    return {"resourceType": "Observation", "id": name, "status": "final", "code": code, "subject": subject}


def _code(said: Any) -> Resource:
    codes = [
        _plain({"system": _SYSTEMS[one["system"]], "code": one["code"], "display": one.get("text")})
        for one in said.get("codes", ())
        if one["system"] in _SYSTEMS
    ]
    return _plain({"coding": codes, "text": said["text"]})


def _metric_code(metric: Metric) -> Resource:
    is_sure = metric.loinc is not None and metric.loinc_status in _SURE
    coding = [{"system": _SYSTEMS["loinc"], "code": metric.loinc}] if is_sure else []
    return _plain({"coding": coding, "text": metric.en})


def _quantity(number: float, unit: Unit | None) -> Resource:
    return {"value": number} | ({"unit": unit.code, "system": UCUM, "code": unit.code} if unit else {})


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def _timed(entry: Entry, name: str, *, has_string: bool = False) -> Resource:
    """``onsetDateTime``, ``…Period``, or (where the type has one) ``…String``, as well as it is known; else that it is
    not, since many a profile asks for one."""
    begin, end = _date(entry.effective.begin), entry.effective.end
    if end is not None and (period := _plain({"start": begin, "end": _date(end)})):
        return {f"{name}Period": period}
    if begin is not None:
        return {f"{name}DateTime": begin}
    return {f"{name}String": str(entry.effective.begin)} if has_string else {f"_{name}DateTime": UNKNOWN}


def _date(when: When) -> str | None:
    """As FHIR writes it, no more exact than it was told; None for a decade and a winter."""
    if when.text is None:
        return rfc3339(when.start_ms, when.offset_min)
    if _CALENDAR.fullmatch(when.text):
        return when.text
    found = _SEASON.fullmatch(when.text)
    return found[1] if found else None


def _plain(made: Resource) -> Resource:
    """Without what has no value, which FHIR does not write."""
    return {name: value for name, value in made.items() if value not in (None, "", [], {})}
