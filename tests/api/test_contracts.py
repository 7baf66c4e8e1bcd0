"""Contracts with a family doctor's team: made by staff, consented to by the resident, ended with what they granted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from phr.auth.scopes import scopes
from phr.people import access, contracts, grants, people
from phr.people.contracts import NewContract
from phr.people.organisations import DOCTOR, NURSE, OFFICER
from tests.cast import T0, Cast, a_clinic

CONTRACTS = "/v1/people/{owner}/contracts"
TEXT = {"text": {"version": 1, "language": "zh"}}
TODAY = date(2026, 11, 23)  # T0's day in Shanghai


def terms(**changes: Any) -> dict[str, Any]:
    until = date.today() + timedelta(days=365)  # noqa: DTZ011 - far enough from midnight
    return {"team": "blue", "starts_on": "2026-01-01", "ends_on": until.isoformat()} | changes


def made(cast: Cast, doctor: str) -> dict[str, Any]:
    answer = cast.send(doctor, "POST", CONTRACTS, json=terms())
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def sees(cast: Cast, who: str) -> int:
    return cast.send(who, "GET", "/v1/people/{owner}/timeline").status_code


def test_a_contract_grants_when_the_resident_accepts_and_no_longer_than_it_lasts(cast: Cast) -> None:
    doctor, nurse = a_clinic(cast.database, DOCTOR, NURSE)
    contract = made(cast, doctor)
    assert (contract["state"], sees(cast, doctor)) == ("proposed", 403)
    accept = f"/v1/people/{{owner}}/grants/{contract['grant']}/accept"
    assert cast.send(cast.owner, "POST", accept, json=TEXT).status_code == 200
    assert (sees(cast, doctor), sees(cast, nurse)) == (200, 200)
    ended = cast.send(cast.owner, "DELETE", f"{CONTRACTS}/{contract['id']}")
    assert (ended.status_code, sees(cast, doctor), sees(cast, nurse)) == (204, 403, 403)


def test_the_resident_is_told_of_a_contract_in_neutral_words(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    made(cast, doctor)
    overview = cast.send(cast.owner, "GET", "/v1/people/{owner}/overview").json
    assert [one["rule"] for one in overview["attention"]] == ["contract-proposed"]


@pytest.mark.parametrize(
    ("how", "witness", "status"),
    [
        ("sms-reply", None, 200),
        ("tablet-signature", None, 200),
        ("paper", "officer", 200),
        ("paper", None, 400),
        ("paper", "doctor", 400),
        ("paper", "stranger", 400),
        ("sms-reply", "officer", 400),
        ("nod", None, 400),
    ],
)
def test_consent_is_taken_down_with_what_proves_it(cast: Cast, how: str, witness: str | None, status: int) -> None:
    doctor, officer = a_clinic(cast.database, DOCTOR, OFFICER)
    contract = made(cast, doctor)
    who = {"officer": officer, "doctor": doctor, "stranger": cast.stranger, None: None}[witness]
    body = {"how": how, "evidence": "档案柜 3 号", **TEXT} | ({"witness": who} if who else {})
    answer = cast.send(doctor, "POST", f"{CONTRACTS}/{contract['id']}/consent", json=body)
    assert (answer.status_code, sees(cast, doctor)) == (status, 200 if status == 200 else 403)
    if status == 200:
        assert answer.json["assisted"]["how"] == how
        shown = cast.send(cast.owner, "GET", f"/v1/people/{{owner}}/grants/{contract['grant']}").json
        assert shown["told"] == {"evidence": "档案柜 3 号"}
        assert cast.send(cast.owner, "DELETE", f"/v1/people/{{owner}}/grants/{contract['grant']}").status_code == 204


def test_only_staff_make_contracts_and_take_consent_down(cast: Cast) -> None:
    doctor, officer = a_clinic(cast.database, DOCTOR, OFFICER)
    contract = made(cast, doctor)
    consent = {"how": "sms-reply", "evidence": "x", **TEXT}
    for who in (cast.owner, cast.stranger, officer, cast.relative):
        assert cast.send(who, "POST", CONTRACTS, json=terms()).status_code == 403
        tried = cast.send(who, "POST", f"{CONTRACTS}/{contract['id']}/consent", json=consent)
        assert tried.status_code == 403


def test_staff_see_no_contract_of_another_organisation(cast: Cast) -> None:
    doctor, elsewhere = a_clinic(cast.database, DOCTOR, NURSE)
    contract = made(cast, doctor)
    cast.database["members"].update_one({"person": elsewhere}, {"$set": {"organisation": "other"}})
    assert cast.send(elsewhere, "GET", CONTRACTS).json == {"contracts": []}
    assert cast.send(elsewhere, "DELETE", f"{CONTRACTS}/{contract['id']}").status_code == 404
    assert len(cast.send(doctor, "GET", CONTRACTS).json["contracts"]) == 1


def test_somebody_who_does_not_exist_is_refused_as_a_stranger_is(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    nobody = f"/v1/people/{people.new_id()}/contracts"
    answers = [
        cast.send(doctor, "POST", nobody, json=terms()),
        cast.send(cast.stranger, "POST", CONTRACTS, json=terms()),
    ]
    assert len({(one.status_code, one.json["detail"]) for one in answers}) == 1


def test_a_resident_has_one_contract_and_the_same_again_is_the_same(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    assert made(cast, doctor)["id"] == made(cast, doctor)["id"]
    assert cast.send(doctor, "POST", CONTRACTS, json=terms(starts_on="2026-02-01")).status_code == 409


def test_after_a_crash_in_between_the_same_again_makes_the_grant(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    contract = made(cast, doctor)
    cast.database["grants"].delete_one({"_id": contract["grant"]})
    assert made(cast, doctor) == contract
    assert cast.database["contracts"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"ends_on": "2020-01-01"}, "/ends_on"),
        ({"starts_on": "2020-01-01"}, "/ends_on"),
        ({"team": "Blue Team"}, "/team"),
        ({"starts_on": "soon"}, "/starts_on"),
        ({"categories": ["held"]}, "/categories/0"),
    ],
)
def test_bad_contracts_are_refused_with_the_field(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    answer = cast.send(doctor, "POST", CONTRACTS, json=terms(**changes))
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


@pytest.mark.parametrize(("after_ms", "is_live"), [(-1, True), (0, False)])
def test_the_last_day_is_the_last_of_the_grant(cast: Cast, after_ms: int, is_live: bool) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    draft = NewContract(person=cast.owner, team="clinic/blue", starts_on=TODAY, ends_on=TODAY)
    grant = contracts.make(cast.database, draft, doctor, T0).grant
    cast.database["grants"].update_one({"_id": grant.id}, {"$unset": {"awaits": ""}})
    midnight_ms = people.require(cast.database, cast.owner).midnight_ms(TODAY + timedelta(days=1))
    assert bool(grants.live(cast.database, cast.owner, doctor, midnight_ms + after_ms)) is is_live


def test_members_see_their_organisation_and_its_contracts(cast: Cast) -> None:
    doctor, officer = a_clinic(cast.database, DOCTOR, OFFICER)
    contract = made(cast, doctor)
    for who in (doctor, officer):
        headers = {"Authorization": f"Bearer {cast.token(who, ' '.join(scopes()))}"}
        shown = cast.http.get("/v1/organisation", headers=headers).json
        assert {one["role"] for one in shown["members"]} == {"doctor", "privacy-officer"}
        assert shown["teams"] == [{"team": "blue", "name": "蓝队", "members": [doctor]}]
        listed = cast.http.get("/v1/organisation/contracts", headers=headers).json
        assert [one["id"] for one in listed["contracts"]] == [contract["id"]]
    stranger = {"Authorization": f"Bearer {cast.token(cast.stranger, 'organisation.read')}"}
    assert cast.http.get("/v1/organisation", headers=stranger).status_code == 403


def test_contract_bears_the_residents_name_for_who_looks_after_them(cast: Cast) -> None:
    doctor, officer = a_clinic(cast.database, DOCTOR, OFFICER)
    contract = made(cast, doctor)

    def named(who: str) -> list[str | None]:
        headers = {"Authorization": f"Bearer {cast.token(who, ' '.join(scopes()))}"}
        listed = cast.http.get("/v1/organisation/contracts", headers=headers).json
        return [one["name"] for one in listed["contracts"]]

    assert named(doctor) == [None]  # nobody has consented yet
    cast.database["grants"].update_one({"_id": contract["grant"]}, {"$unset": {"awaits": ""}})
    assert (named(doctor), named(officer)) == (["owner"], [None])
    told = [
        one.who for one in access.log_of(cast.database, cast.owner, 99) if one.about == "GET organisation/contracts"
    ]
    assert told == [doctor]


def test_staff_without_a_grant_come_to_nothing_but_contracts(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    made(cast, doctor)
    for path in ("", "/timeline", "/entries", "/grants", "/overview", "/referrals", "/exports"):
        assert cast.send(doctor, "GET", f"/v1/people/{{owner}}{path}").status_code == 403
