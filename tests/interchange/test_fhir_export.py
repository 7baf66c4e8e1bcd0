"""FHIR bundles and patient summaries: valid by the published model, with the record's codes, times and numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.bundle import Bundle

from phr.interchange.exporters import Asked, fhir, ips
from phr.people import people
from phr.readings.store import write
from phr.timeline import entries, listing
from phr.timeline.content import checked
from phr.timeline.effective import Effective, placed, remembered
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft, Entry
from phr.timeline.kinds import kinds
from phr.timeline.listing import Filter
from tests.cast import T0, a_person
from tests.interchange.conftest import Desk
from tests.readings.builders import a_run, arriving
from tests.timeline.test_kinds import EXAMPLES

CUFF = {"systolic": 1280, "diastolic": 820}


@pytest.fixture
def full(desk: Desk) -> Desk:
    """One entry of each kind, at times as they are remembered, and readings."""
    remember(desk, ("1987", "spring 2003", "1990s", "2011-05", "winter 2009"))
    low = a_run(T0, 2200, "glucose-capillary", extras={0: {"flag": "below-range"}})
    runs = (a_run([T0, T0 + 60_000], [720, 730]), a_run(T0, CUFF, "blood-pressure"), low)
    write(desk.database, [arriving(run, person=desk.ana) for run in runs])
    return desk


def remember(desk: Desk, times: tuple[str, ...]) -> None:
    """One entry of each kind, at these times in turn."""
    person = people.require(desk.database, desk.ana)
    for number, (name, said) in enumerate(sorted(EXAMPLES.items())):
        told = remembered(times[number % len(times)])
        assert told is not None
        when = Effective(placed(told, person.offset_min_at))
        draft = Draft(kind=name, content=checked(kinds()[name], said), effective=when)
        new = NewEntry(person=desk.ana, draft=draft, author=Author(desk.ana, "app", None))
        entries.create(desk.database, new, T0)


def resources(desk: Desk, form: Any = fhir) -> list[dict[str, Any]]:
    content = b"".join(form.write(Asked(desk.database, desk.ana, T0)))
    Bundle.model_validate_json(content)
    return [one["resource"] for one in msgspec.json.decode(content)["entry"]]


def of_type(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for one in found if one["resourceType"] == name]


def test_bundle_is_valid_and_holds_every_type(full: Desk) -> None:
    found = {one["resourceType"] for one in resources(full)}
    assert found == {
        *("Patient", "Condition", "AllergyIntolerance", "MedicationStatement", "Immunization", "Procedure"),
        *("Encounter", "DiagnosticReport", "Observation", "FamilyMemberHistory"),
        "DocumentReference",
    }


@pytest.mark.parametrize("form", [fhir, ips])
def test_every_reference_leads_to_something_in_the_bundle(full: Desk, form: Any) -> None:
    content = b"".join(form.write(Asked(full.database, full.ana, T0)))
    told = {one["fullUrl"] for one in msgspec.json.decode(content)["entry"]}
    named = {part.split(b'"')[0].decode() for part in content.split(b'"reference":"')[1:]}
    assert named <= told
    assert len(told) == content.count(b'"fullUrl"')


def test_bundle_is_taken_in_again_with_what_each_entry_said(desk: Desk) -> None:
    remember(desk, ("2011-05",))
    content = b"".join(fhir.write(Asked(desk.database, desk.ana, T0)))
    Bundle.model_validate_json(content)
    bea = Desk(desk.database, people.create(desk.database, a_person(name="bea")).id)
    assert bea.take(content, "fhir").reasons == ()
    ours, theirs = ({(e.kind, e.content["text"]) for e in all_of(one)} for one in (desk, bea))
    assert theirs <= ours | {("laboratory", text) for kind, text in ours if kind == "check-up"}
    assert {kind for kind, _ in theirs} > {"imaging", "genomic", "document", "intake", "laboratory", "condition"}


def all_of(desk: Desk) -> list[Entry]:
    return [one for one in listing.page(desk.database, desk.ana, Filter(), 100).entries if "text" in one.content]


def test_reading_has_its_code_unit_and_time(full: Desk) -> None:
    beat = next(one for one in of_type(resources(full), "Observation") if one["code"]["text"] == "Heart rate")
    assert beat["code"]["coding"] == [{"system": "http://loinc.org", "code": "8867-4"}]
    assert beat["valueQuantity"] == {
        "value": 72.0,
        "unit": "/min",
        "system": "http://unitsofmeasure.org",
        "code": "/min",
    }
    assert beat["effectiveDateTime"] == "2026-11-23T07:30:00+08:00"


def test_pressure_is_one_observation_of_two_components(full: Desk) -> None:
    (cuff,) = [one for one in of_type(resources(full), "Observation") if "component" in one]
    told = [(one["code"]["coding"][0]["code"], one["valueQuantity"]["value"]) for one in cuff["component"]]
    assert told == [("8480-6", 128.0), ("8462-4", 82.0)]


def test_what_is_beyond_the_sensor_has_a_comparator(full: Desk) -> None:
    found = [one.get("valueQuantity", {}) for one in of_type(resources(full), "Observation")]
    assert "<" in [one.get("comparator") for one in found]


def test_summary_is_a_valid_document_whose_first_is_its_composition(full: Desk) -> None:
    composition, whose, *_ = resources(full, ips)
    assert (composition["resourceType"], whose["resourceType"]) == ("Composition", "Patient")
    codes = [one["code"]["coding"][0]["code"] for one in composition["section"]]
    assert codes == ["10160-0", "48765-2", "11450-4", "11369-6", "47519-4", "30954-2", "8716-3"]


def test_summary_of_an_empty_record_says_that_nothing_is_known(desk: Desk) -> None:
    composition, _, *nothing = resources(desk, ips)
    assert nothing == []
    told = [
        (one["code"]["coding"][0]["code"], one["emptyReason"]["coding"][0]["code"]) for one in composition["section"]
    ]
    assert told == [(code, "unavailable") for code in ("10160-0", "48765-2", "11450-4")]


PROFILES = json.loads((Path(__file__).with_name("profiles") / "ips.json").read_text())


def has(resource: Any, path: str) -> bool:
    """True where an element is there, or says that it is not known; ``effective[x]``: of whatever type."""
    name, _, rest = path.partition(".")
    found = [
        value
        for key, value in resource.items()
        if key.lstrip("_") == name or (name.endswith("[x]") and key.lstrip("_").startswith(name[:-3]))
    ]
    inner = [one for value in found for one in (value if isinstance(value, list) else [value])]
    return bool(inner) and (not rest or all(has(one, rest) for one in inner))


@pytest.mark.parametrize("is_known", [True, False])
def test_summary_has_what_its_published_profiles_ask_for(full: Desk, is_known: bool) -> None:
    if not is_known:
        people.patch(full.database, full.ana, people.Change(fields={"name": None, "birth_on": None}))
    content = b"".join(ips.write(Asked(full.database, full.ana, T0)))
    bundle = msgspec.json.decode(content)
    found = [bundle, *(one["resource"] for one in bundle["entry"])]
    asked = [(one, path) for one in found for path in asked_of(one)]
    assert [(one["resourceType"], path) for one, path in asked if not has(one, path)] == []
    assert {one["resourceType"] for one, _ in asked} == set(PROFILES["required"])


def asked_of(resource: Any) -> list[str]:
    """What its profile asks for; of vital signs it is the base specification's alone."""
    kind = resource["resourceType"]
    is_vital = kind == "Observation" and resource["category"][0]["coding"][0]["code"] != "laboratory"
    found: list[str] = [] if is_vital else PROFILES["required"].get(kind, [])
    return found


def test_sections_of_a_summary_are_those_of_the_published_profile(full: Desk) -> None:
    codes = {one["code"]["coding"][0]["code"] for one in resources(full, ips)[0]["section"]}
    assert codes <= set(PROFILES["sections"].values())
    assert {PROFILES["sections"][name] for name in PROFILES["required_sections"]} <= codes


def test_words_of_a_summary_are_not_markup(desk: Desk) -> None:
    when = Effective(placed(remembered("1987"), lambda _: 480))  # type: ignore[arg-type]
    draft = Draft(kind="condition", content={"text": "<script>alert(1)</script>"}, effective=when)
    entries.create(desk.database, NewEntry(person=desk.ana, draft=draft, author=Author("a", "b", None)), T0)
    assert "<script>" not in resources(desk, ips)[0]["section"][2]["text"]["div"]
