"""Entries and readings as FHIR R4 resources: what each type keeps of them. Pure.

Source: hl7.org/fhir/R4, of each type the page that has its name; classes of encounters: HL7 v3 ActCode; relatives: HL7
v3 RoleCode; glucose, pressure and the rest by the LOINC codes of metrics.toml.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from phr.interchange import fhir_papers
from phr.interchange.fhir_making import (
    SYSTEMS,
    TERMINOLOGY,
    UNKNOWN,
    Resource,
    begun,
    coded,
    concept,
    dated,
    id_of,
    plain,
    reference,
    timed,
)
from phr.people.people import Person
from phr.readings.raw_rows import Rows
from phr.readings.table import listed, of_readings
from phr.timeline.entry import Entry
from phr.vocabulary.metric import Metric, Unit, ValueType
from phr.vocabulary.metrics import vocabulary

UCUM = "http://unitsofmeasure.org"
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


def patient(person: Person) -> Resource:
    found: Resource = {"resourceType": "Patient", "id": id_of(person.id, "patient"), "gender": person.sex or "unknown"}
    found["name"] = [{"text": person.name} if person.name else UNKNOWN]
    return found | ({"birthDate": person.birth_on.isoformat()} if person.birth_on else {"_birthDate": UNKNOWN})


def of_entry(entry: Entry) -> list[Resource]:
    """The resources of an entry, the one that stands for it first; none where R4 has no type that says it."""
    make = _MAKERS.get(entry.kind)
    return [] if make is None else [plain(one) for one in make(entry)]


def of_rows(rows: Rows, metric: Metric, person: str) -> list[Resource]:
    """An Observation for each reading that is a number or has components."""
    if metric.value_type not in (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS):
        return []
    columns = listed(of_readings(rows, metric, ("device", "seq")))
    flags = columns.get("flag", [None] * len(columns["t"]))
    found = []
    for index, t in enumerate(columns["t"]):
        device, seq, end = columns["device"][index], columns["seq"][index], columns.get("end", [])
        name = id_of(person, metric.key, device, int(rows.t[index]), seq)
        made = _observation(person, name, _metric_code(metric)) | {"device": {"display": device}}
        made["category"] = [concept("observation-category", metric.fhir_category or "activity")]
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
            made["dataAbsentReason"] = concept("data-absent-reason", "unknown")
        found.append(made)
    return found


def _condition(entry: Entry) -> list[Resource]:
    said = entry.content
    made = begun(entry, "Condition", "subject") | timed(entry, "onset", has_string=True)
    if said.get("verification") != "refuted":
        made["clinicalStatus"] = concept("condition-clinical", said.get("status", "active"))
    made["verificationStatus"] = concept("condition-ver-status", said.get("verification", "unconfirmed"))
    if said.get("body_site"):
        made["bodySite"] = [{"text": said["body_site"]}]
    return [made]


def _allergy(entry: Entry) -> list[Resource]:
    said = entry.content
    reactions = [
        {"manifestation": [{"text": one["text"]}], "severity": one.get("severity")} for one in said.get("reactions", ())
    ]
    made = begun(entry, "AllergyIntolerance", "patient") | timed(entry, "onset", has_string=True)
    made |= {"clinicalStatus": concept("allergyintolerance-clinical", said.get("status", "active"))}
    category = [said["substance"]] if "substance" in said else None
    return [
        made
        | {"type": said.get("type"), "category": category, "criticality": said.get("criticality")}
        | {"reaction": [plain(one) for one in reactions]}
    ]


def _medication(entry: Entry) -> list[Resource]:
    said = entry.content
    code = "medicationCodeableConcept"
    made = begun(entry, "MedicationStatement", "subject", code) | {"status": said.get("status", "unknown")}
    made |= timed(entry, "effective")
    words = [said.get("instructions"), f"{said['times_a_day']}/d" if "times_a_day" in said else None]
    dosage: Resource = {"text": "; ".join(word for word in words if word)}
    if "dose" in said:
        dosage["doseAndRate"] = [{"doseQuantity": {"value": said["dose"]["value"], "unit": said["dose"]["unit"]}}]
    if said.get("route"):
        dosage["route"] = {"text": said["route"]}
    reason = [{"text": said["reason"]}] if said.get("reason") else None
    return [made | {"dosage": [plain(dosage)] if plain(dosage) else None, "reasonCode": reason}]


def _immunisation(entry: Entry) -> list[Resource]:
    said = entry.content
    made = begun(entry, "Immunization", "patient", "vaccineCode") | {"status": said.get("status", "completed")}
    begin = dated(entry.effective.begin)
    made |= {"occurrenceDateTime": begin} if begin else {"occurrenceString": str(entry.effective.begin)}
    dose = {"doseNumberPositiveInt": said.get("dose_number"), "seriesDosesPositiveInt": said.get("series_doses")}
    has_dose = said.get("dose_number") is not None
    return [
        made
        | {"lotNumber": said.get("lot"), "expirationDate": said.get("expires_on")}
        | {"protocolApplied": [plain(dose)] if has_dose else None}
    ]


def _procedure(entry: Entry) -> list[Resource]:
    status = entry.content.get("status", "completed")
    made = begun(entry, "Procedure", "subject") | timed(entry, "performed", has_string=True)
    return [made | {"status": "preparation" if status == "planned" else status}]


def _encounter(entry: Entry) -> list[Resource]:
    said = entry.content
    code = _CLASSES[said["type"]]
    made = begun(entry, "Encounter", "subject", None) | {"status": said.get("status", "finished")}
    made["class"] = {"system": f"{TERMINOLOGY}/v3-ActCode", "code": code}
    made["period"] = {
        "start": dated(entry.effective.begin),
        "end": dated(entry.effective.end) if entry.effective.end else None,
    }
    made["reasonCode"] = [{"text": said["reason"]}] if said.get("reason") else None
    return [made | {"type": [{"text": said["text"]}], "period": plain(made["period"])}]


def _laboratory(entry: Entry) -> list[Resource]:
    return _report(entry, entry.content["items"])


def _check_up(entry: Entry) -> list[Resource]:
    return _report(entry, [item for section in entry.content["sections"] for item in section["items"]])


def _report(entry: Entry, items: list[Any]) -> list[Resource]:
    results = [_result(entry, item, number) for number, item in enumerate(items)]
    made = begun(entry, "DiagnosticReport", "subject") | timed(entry, "effective")
    status = entry.content.get("status", "final")
    made |= {"status": status, "conclusion": entry.content.get("conclusion")}
    return [made | {"result": [reference(one["id"]) for one in results]}, *results]


def _result(entry: Entry, item: dict[str, Any], number: int) -> Resource:
    made = _observation(entry.person, id_of(entry.person, "entry", entry.id, number), coded(item))
    made |= timed(entry, "effective") | {"category": [concept("observation-category", "laboratory")]}
    laboratory = entry.provenance.get("organisation")
    made["performer"] = [{"display": laboratory} if laboratory else UNKNOWN]
    if "value" in item:
        made["valueQuantity"] = plain({"value": item["value"], "unit": item.get("unit")})
    else:
        made["valueString"] = item["words"]
    limits = {name: {"value": item[name]} for name in ("low", "high") if name in item}
    ranged = limits | ({"text": item["range"]} if "range" in item else {})
    if "flag" in item:
        made["interpretation"] = [concept("v3-ObservationInterpretation", _FLAGS[item["flag"]])]
    return plain(made | {"referenceRange": [ranged] if ranged else None})


def _relative(entry: Entry) -> list[Resource]:
    said = entry.content
    onset = {"value": said["onset_age"], "unit": "a", "system": UCUM, "code": "a"} if "onset_age" in said else None
    made = begun(entry, "FamilyMemberHistory", "patient", None) | {"status": "completed"}
    made["relationship"] = concept("v3-RoleCode", _RELATIVES[said["relation"]])
    made["condition"] = [plain({"code": coded(said), "onsetAge": onset})]
    return [made | {"deceasedBoolean": said.get("is_deceased"), "date": dated(entry.effective.begin)}]


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
    "imaging": fhir_papers.imaging,
    "genomic": fhir_papers.genomic,
    "document": fhir_papers.document,
    "intake": fhir_papers.intake,
}


def _observation(person: str, name: str, code: Resource) -> Resource:
    subject = reference(id_of(person, "patient"))
    return {"resourceType": "Observation", "id": name, "status": "final", "code": code, "subject": subject}


def _metric_code(metric: Metric) -> Resource:
    is_sure = metric.loinc is not None and metric.loinc_status in _SURE
    coding = [{"system": SYSTEMS["loinc"], "code": metric.loinc}] if is_sure else []
    return plain({"coding": coding, "text": metric.en})


def _quantity(number: float, unit: Unit | None) -> Resource:
    return {"value": number} | ({"unit": unit.code, "system": UCUM, "code": unit.code} if unit else {})
