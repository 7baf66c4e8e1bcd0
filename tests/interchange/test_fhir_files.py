"""FHIR files: readings and entries of one person, and nothing of anybody else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from phr.interchange import json_items
from phr.timeline import files, listing
from phr.timeline.listing import Filter
from tests.interchange.conftest import Desk
from tests.timeline.papers import PNG, a_pdf, a_zip_bomb

PATIENT = {"resourceType": "Patient", "id": "p1"}
OF = {"subject": {"reference": "urn:uuid:p1"}}
SNOMED = "http://snomed.info/sct"
CONDITION = {
    "resourceType": "Condition", "id": "c1", **OF, "onsetDateTime": "2003-05", "abatementDateTime": "2004",
    "clinicalStatus": {"coding": [{"code": "resolved"}]},
    "code": {"coding": [{"system": SNOMED, "code": "59621000", "display": "Essential hypertension"}]},
}  # fmt: skip
VACCINE = {
    "resourceType": "Immunization", "id": "v1", "patient": {"reference": "Patient/p1"}, "status": "completed",
    "occurrenceDateTime": "2019-10-02T10:00:00+08:00",
    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140", "display": "Influenza"}]},
}  # fmt: skip
VISIT = {
    "resourceType": "Encounter", "id": "e1", **OF, "status": "finished", "class": {"code": "IMP"},
    "type": [{"text": "Admission to hospital"}],
    "period": {"start": "2019-10-02T10:00:00+08:00", "end": "2019-10-04T10:00:00+08:00"},
}  # fmt: skip
PULSE = {
    "resourceType": "Observation", "id": "o1", **OF, "status": "final",
    "effectiveDateTime": "2019-10-02T10:00:00+08:00",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}  # fmt: skip
LAB = {
    "resourceType": "Observation", "id": "o2", **OF, "status": "final", "effectiveDateTime": "2019-10-02",
    "code": {"coding": [{"system": "http://loinc.org", "code": "6299-2", "display": "Urea nitrogen"}]},
    "valueQuantity": {"value": 8.1, "unit": "mg/dL"},
}  # fmt: skip
WHOLE = [PATIENT, CONDITION, VACCINE, VISIT, PULSE, LAB]


def bundle(*resources: dict[str, Any]) -> bytes:
    entries = [{"fullUrl": f"urn:uuid:{one.get('id')}", "resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def lines(*resources: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in resources)


def kinds(desk: Desk) -> list[str]:
    return sorted(row["kind"] for row in desk.database["entries"].find({"is_deleted": False}))


@pytest.mark.parametrize("content", [bundle(*WHOLE), lines(*WHOLE)], ids=["bundle", "ndjson"])
def test_a_persons_file_becomes_readings_and_entries_once(desk: Desk, content: bytes) -> None:
    one = desk.take(content, "fhir")
    assert (one.counts.stored, one.reasons) == (5, ())
    assert kinds(desk) == ["condition", "encounter", "immunisation", "laboratory"]
    assert len(desk.stored("heart-rate")) == 1
    assert desk.take(content, "fhir").counts.duplicate == 5
    desk.take_back(one)
    assert (kinds(desk), desk.stored("heart-rate")) == ([], {})


@pytest.mark.parametrize(
    "other",
    [
        CONDITION | {"subject": {"reference": "Patient/p2"}},
        CONDITION | {"subject": {"reference": "Group/p1"}},
        {"resourceType": "Patient", "id": "p2"},
    ],
)
def test_what_is_of_somebody_else_is_refused(desk: Desk, other: dict[str, Any]) -> None:
    one = desk.take(bundle(PATIENT, other), "fhir")
    assert [reason.code for reason in one.reasons] == ["other-person"]
    assert kinds(desk) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code": None}, "text-missing"),
        ({"onsetDateTime": None}, "time-missing"),
        ({"onsetDateTime": "long ago"}, "time-invalid"),
        ({"clinicalStatus": {"coding": [{"code": "splendid"}]}}, "entry-invalid"),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, "status-not-final"),
        ({"resourceType": "Claim"}, "type-not-kept"),
        ({"resourceType": 7}, "item-invalid"),
    ],
)
def test_bad_resource_is_refused_and_its_neighbour_taken(desk: Desk, change: dict[str, Any], code: str) -> None:
    one = desk.take(bundle(CONDITION | change, VACCINE), "fhir")
    assert ([reason.code for reason in one.reasons], kinds(desk)) == ([code], ["immunisation"])


def test_code_that_has_not_the_shape_of_its_system_is_left_out(desk: Desk) -> None:
    odd = CONDITION | {"code": {"text": "high blood pressure", "coding": [{"system": SNOMED, "code": "x"}]}}
    assert desk.take(bundle(odd), "fhir").counts.stored == 1


CODED = {"coding": [{"system": "http://loinc.org", "code": "57698-3", "display": "Lipid panel"}]}
REPORT = {
    "resourceType": "DiagnosticReport", "id": "r1", **OF, "status": "final", "code": CODED,
    "category": [{"coding": [{"code": "LAB"}]}], "effectiveDateTime": "2019-10-02", "conclusion": "raised",
    "result": [{"reference": "urn:uuid:o2"}, {"reference": "Observation/o1"}, {"reference": "Observation/gone"}],
}  # fmt: skip
NOTE = {"contentType": "text/plain", "data": base64.b64encode("头晕三天".encode()).decode()}


def contents(desk: Desk) -> dict[str, Any]:
    """Of each kind one entry's words."""
    return {one.kind: one.content for one in listing.page(desk.database, desk.ana, Filter()).entries}


@pytest.mark.parametrize("order", [[REPORT, PULSE, LAB], [LAB, PULSE, REPORT]], ids=["report first", "report last"])
def test_a_report_has_its_results_wherever_they_stand_and_no_result_is_told_twice(desk: Desk, order: Any) -> None:
    one = desk.take(bundle(PATIENT, *order), "fhir")
    assert (kinds(desk), len(desk.stored("heart-rate")), one.reasons) == (["laboratory"], 1, ())
    items = contents(desk)["laboratory"]["items"]
    assert [line.get("value") for line in items if line["text"] == "Urea nitrogen"] == [8.1]
    assert contents(desk)["laboratory"]["conclusion"] == "raised"
    assert desk.take(bundle(PATIENT, *order), "fhir").counts.duplicate == 2


def test_results_of_a_report_that_is_refused_stand_by_themselves(desk: Desk) -> None:
    one = desk.take(bundle(REPORT | {"status": "entered-in-error"}, LAB), "fhir")
    assert ([reason.code for reason in one.reasons], kinds(desk)) == (["status-not-final"], ["laboratory"])


def test_results_of_somebody_elses_report_are_not_taken_with_it(desk: Desk) -> None:
    one = desk.take(bundle(PATIENT, REPORT | {"subject": {"reference": "Patient/p2"}}, LAB), "fhir")
    assert [reason.code for reason in one.reasons] == ["other-person"]
    assert "conclusion" not in contents(desk)["laboratory"]


@pytest.mark.parametrize(("section", "kind"), [("RAD", "imaging"), ("GE", "genomic"), ("LAB", "document")])
def test_a_report_without_results_is_of_its_section(desk: Desk, section: str, kind: str) -> None:
    report = REPORT | {"category": [{"coding": [{"code": section}]}], "result": [], "presentedForm": [NOTE]}
    desk.take(bundle(report), "fhir")
    assert "头晕三天" in contents(desk)[kind]["words"]


def test_a_note_that_is_a_report_and_a_document_is_one_entry_and_a_picture_is_told_as_left(desk: Desk) -> None:
    paper = {
        "resourceType": "DocumentReference", "id": "d1", **OF, "status": "current", "date": "2019-10-02T09:00:00Z",
        "type": {"text": "病历"}, "content": [{"attachment": NOTE}, {"attachment": {"contentType": "image/png", "url": "http://x"}}],
    }  # fmt: skip
    report = REPORT | {"result": [], "conclusion": None, "presentedForm": [NOTE]}
    one = desk.take(bundle(paper, report), "fhir")
    assert kinds(desk) == ["document"]
    assert sorted(reason.code for reason in one.reasons) == ["attachment-not-kept", "said-already"]


def paper(*forms: dict[str, Any], name: str = "d1") -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference", "id": name, **OF, "status": "current", "date": "2019-10-02T09:00:00Z",
        "type": {"text": "病历"}, "content": [{"attachment": one} for one in forms],
    }  # fmt: skip


def form(content: bytes, kind: str = "application/pdf", **more: str) -> dict[str, Any]:
    return {"contentType": kind, "data": base64.b64encode(content).decode(), **more}


def kept(desk: Desk, kind: str = "document") -> bytes:
    row = next(row for row in listing.page(desk.database, desk.ana, Filter(), 100).entries if row.kind == kind)
    return b"".join(files.pieces(desk.database, desk.ana, row.id, row.content["file"]["id"]))


def test_a_file_within_the_file_is_kept_and_found_by_its_words(desk: Desk) -> None:
    one = desk.take(
        bundle(paper(NOTE, form(a_pdf("hypertension"), title="scan\n.pdf"), form(PNG, "image/png"))), "fhir"
    )
    said = contents(desk)["document"]
    assert {"头晕三天", "hypertension"} <= set(said["words"].split("\n"))
    assert (said["file"]["name"], said["file"]["media_type"], said["file"]["pages"]) == (
        "scan.pdf",
        "application/pdf",
        1,
    )
    assert kept(desk) == a_pdf("hypertension")
    assert [(reason.code, reason.count) for reason in one.reasons] == [("attachment-not-kept", 1)]


@pytest.mark.parametrize("section", ["RAD", "GE", "LAB"])
def test_the_file_of_a_report_is_kept_with_it(desk: Desk, section: str) -> None:
    report = REPORT | {"category": [{"coding": [{"code": section}]}], "presentedForm": [form(PNG, "image/png")]}
    desk.take(bundle(LAB, report), "fhir")
    assert kept(desk, "laboratory") == PNG


def test_the_same_file_again_changes_nothing_and_is_kept_once(desk: Desk) -> None:
    content = bundle(paper(form(a_pdf("hypertension"))))
    dry = desk.take(content, "fhir", is_dry_run=True)
    assert (dry.counts.stored, desk.database["documents.files"].count_documents({})) == (1, 0)
    desk.take(content, "fhir")
    again = desk.take(content + b" ", "fhir")
    assert (again.counts.stored, again.counts.replaced, again.counts.duplicate) == (0, 0, 1)
    assert desk.database["documents.files"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (a_pdf()[:-300], "document-unreadable"),
        (b"MZ\x90\x00" * 50, "media-type-refused"),
        (a_zip_bomb(), "document-unreadable"),
    ],
)
def test_a_harmful_file_is_told_and_its_entry_is_taken(desk: Desk, content: bytes, code: str) -> None:
    one = desk.take(bundle(paper(form(content)), CONDITION), "fhir")
    assert kinds(desk) == ["condition", "document"]
    assert [(reason.code, reason.path) for reason in one.reasons] == [(code, "/entry/0/resource")]
    assert "file" not in contents(desk)["document"]


def test_many_files_are_taken_a_few_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_items, "HELD_A_BATCH", 2_000)
    papers = [paper(form(PNG + bytes(1_500), "image/png"), name=f"d{n}") for n in range(5)]
    one = desk.take(bundle(*papers), "fhir")
    assert (one.batches, one.counts.stored) == (6, 5)  # the last one is of the bundle itself


@pytest.mark.parametrize(
    "attachment",
    [
        {"contentType": "text/plain", "data": "%%%"},
        {"contentType": "text/plain", "data": 7},
        {"contentType": "text/html"},
        7,
    ],
)
def test_odd_attachments_are_left(desk: Desk, attachment: Any) -> None:
    desk.take(bundle(REPORT | {"result": [7, {"reference": 7}], "presentedForm": [attachment]}), "fhir")
    assert contents(desk)["document"]["words"] == "raised"


@pytest.mark.parametrize(
    "named",
    [
        {"contained": [{"id": "m1", "code": {"text": "二甲双胍"}}], "medicationReference": {"reference": "#m1"}},
        {"medicationReference": {"reference": "Medication/m2"}},
        {"medicationReference": {"reference": "Medication/gone", "display": "二甲双胍"}},
    ],
)
def test_a_medicine_that_is_only_referred_to_is_named(desk: Desk, named: dict[str, Any]) -> None:
    request = {"resourceType": "MedicationRequest", "id": "q1", **OF, "status": "active", "authoredOn": "2020"} | named
    desk.take(bundle(request, {"resourceType": "Medication", "id": "m2", "code": {"text": "二甲双胍"}}), "fhir")
    assert contents(desk)["medication"]["text"] == "二甲双胍"


def test_doses_that_were_given_and_studies_of_images_are_entries(desk: Desk) -> None:
    given = {
        "resourceType": "MedicationAdministration", "id": "g1", **OF, "status": "not-done", "effectiveDateTime": "2020",
        "medicationCodeableConcept": {"text": "胰岛素"}, "dosage": {"dose": {"value": 4, "unit": "U"}},
    }  # fmt: skip
    study = {
        "resourceType": "ImagingStudy", "id": "s1", **OF, "status": "available", "started": "2020-05-01",
        "modality": [{"code": "CT"}], "description": "胸部CT",
    }  # fmt: skip
    desk.take(bundle(given, study), "fhir")
    assert contents(desk)["intake"]["status"] == "skipped"
    assert contents(desk)["imaging"] == {"text": "胸部CT", "modality": "CT"}


def test_an_allergy_of_which_nobody_says_since_when_is_known_since_it_was_written(desk: Desk) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": OF["subject"], "code": {"text": "青霉素"}}
    one = desk.take(bundle(allergy | {"meta": {"lastUpdated": "2019-10-02T09:00:00Z"}}, allergy | {"id": "a2"}), "fhir")
    assert ([reason.code for reason in one.reasons], kinds(desk)) == (["time-missing"], ["allergy"])


def test_a_report_takes_no_result_of_somebody_else_whom_it_names(desk: Desk) -> None:
    theirs = LAB | {"subject": {"reference": "Patient/p2"}}
    one = desk.take(bundle(PATIENT, REPORT, theirs), "fhir")
    assert [reason.code for reason in one.reasons] == ["other-person"]
    assert contents(desk)["document"]["text"] == "Lipid panel"


def test_resources_may_be_called_by_the_address_of_their_entry(desk: Desk) -> None:
    named = {"p-uuid": PATIENT, "o-uuid": LAB, "r-uuid": REPORT | {"result": [{"reference": "urn:uuid:o-uuid"}]}}
    of = {"subject": {"reference": "urn:uuid:p-uuid"}}
    entries = [{"fullUrl": f"urn:uuid:{name}", "resource": one | of} for name, one in named.items()]
    del entries[0]["resource"]["subject"]  # type: ignore[attr-defined]
    other = {"fullUrl": "urn:uuid:x", "resource": VACCINE | {"patient": {"reference": "urn:uuid:p9"}}}
    one = desk.take(json.dumps({"resourceType": "Bundle", "entry": [*entries, other]}).encode(), "fhir")
    assert ([reason.code for reason in one.reasons], kinds(desk)) == (["other-person"], ["laboratory"])
    assert contents(desk)["laboratory"]["items"][0]["value"] == 8.1
