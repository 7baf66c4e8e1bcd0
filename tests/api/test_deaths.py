"""A reported death: what was granted is frozen, nobody is alarmed, and relatives' requests go to the officer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from phr.api import recency
from phr.auth.scopes import scopes
from phr.clock import DAY_MS, now_ms, to_datetime
from phr.people import deaths, granting, grants
from phr.people.organisations import DOCTOR, OFFICER
from tests.api.test_contracts import CONTRACTS, made
from tests.cast import Cast, a_clinic, a_gift, a_grant

TEXT = {"text": {"version": 1, "language": "zh"}}
TIMELINE = "/v1/people/{owner}/timeline"
YESTERDAY = (to_datetime(now_ms()) - timedelta(days=1)).date()
CONSENT = {"how": "sms-reply", "evidence": "11 月 20 日短信", **TEXT}


@pytest.fixture
def clinic(cast: Cast) -> tuple[str, str, str]:
    """Doctor, privacy officer, and the path of the owner's contract, which was consented to."""
    doctor, officer = a_clinic(cast.database, DOCTOR, OFFICER)
    contract = f"{CONTRACTS}/{made(cast, doctor)['id']}"
    assert cast.send(doctor, "POST", f"{contract}/consent", json=CONSENT).status_code == 200
    return doctor, officer, contract


def work(cast: Cast, who: str, method: str, path: str, **request: Any) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(who, ' '.join(scopes()))}"}
    return cast.http.open(f"/v1/organisation{path}", method=method, headers=headers, **request)


def report(cast: Cast, who: str, contract: str, died_on: str = YESTERDAY.isoformat()) -> int:
    return cast.send(who, "POST", f"{contract}/death", json={"died_on": died_on}).status_code


def test_a_death_freezes_every_grant_until_it_is_taken_back(cast: Cast, clinic: tuple[str, str, str]) -> None:
    doctor, _, contract = clinic
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind="proxy", verbs=("read", "write")))
    assert report(cast, doctor, contract) == 200
    seen = [cast.send(who, "GET", TIMELINE).status_code for who in (doctor, cast.relative, cast.stranger)]
    deaths.take_back(cast.database, cast.owner)
    assert seen == [403] * 3
    assert [cast.send(who, "GET", TIMELINE).status_code for who in (doctor, cast.relative, cast.stranger)] == [200] * 3


def test_whoever_holds_the_phone_of_the_dead_lets_nobody_in(cast: Cast, clinic: tuple[str, str, str]) -> None:
    body = {"person": cast.owner, "kind": "relative"}
    asked = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json["id"]
    consents = "/v1/people/{owner}/consents/store"
    assert cast.send(cast.owner, "PUT", consents, json={"consent": False}).status_code == 200  # locks what is stored
    report(cast, clinic[0], clinic[2])
    tried = [
        ("POST", "/v1/people/me/grants", a_gift(cast.stranger)),
        ("POST", "/v1/people/me/grants/invitations", {"kind": "relative", **TEXT}),
        ("POST", f"/v1/people/me/grants/{asked}/accept", TEXT),
        ("PUT", consents, {"consent": True, **TEXT}),
    ]
    assert [cast.send(cast.owner, method, path, json=body).status_code for method, path, body in tried] == [403] * 4
    proxy = cast.send(cast.doctor, "POST", "/v1/people/me/received-grants", json=body | {"kind": "proxy"}).json["id"]
    confirmed = cast.send(clinic[0], "POST", f"{clinic[2]}/proxies/{proxy}/consent", json=CONSENT)
    assert confirmed.status_code == 403
    assert not [one for one in granting.of_person(cast.database, cast.owner) if one.state(now_ms()) == "accepted"]


def test_nobody_is_alarmed_for_the_dead(cast: Cast, clinic: tuple[str, str, str]) -> None:
    report(cast, clinic[0], clinic[2])
    value = {"systolic": 185, "diastolic": 125}
    item = {"metric": "blood-pressure", "t": now_ms(), "value": value, "unit": "mm[Hg]"}
    sent = cast.send(cast.owner, "POST", "/v1/people/me/readings", json={"device": "cuff", "readings": [item]})
    assert sent.json["stored"] == 1
    assert cast.database["notices"].count_documents({"metric": {"$ne": ""}}) == 0


def test_a_relatives_request_goes_to_the_officer_and_is_for_reading_and_for_90_days(
    cast: Cast, clinic: tuple[str, str, str]
) -> None:
    doctor, officer, contract = clinic
    report(cast, doctor, contract)
    body = {"person": cast.owner, "kind": "relative", "verbs": ["read", "write"], "note": "儿子，需要死亡证明"}
    asked = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json["id"]
    (shown,) = work(cast, officer, "GET", "/requests").json["requests"]
    assert (shown["id"], shown["told"]) == (asked, {"note": "儿子，需要死亡证明"})
    answer = work(cast, officer, "POST", f"/requests/{asked}", json={"answer": "accept", **TEXT})
    assert (answer.json["state"], answer.json["verbs"]) == ("accepted", ["read"])
    assert cast.send(cast.stranger, "GET", TIMELINE).status_code == 200
    latest_ms = now_ms() + deaths.LONGEST_DAYS * DAY_MS
    assert not grants.live(cast.database, cast.owner, cast.stranger, latest_ms)


def test_the_officer_declines(cast: Cast, clinic: tuple[str, str, str]) -> None:
    report(cast, clinic[0], clinic[2])
    body = {"person": cast.owner, "kind": "relative"}
    asked = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json["id"]
    assert work(cast, clinic[1], "POST", f"/requests/{asked}", json={"answer": "decline"}).json["state"] == "declined"
    assert work(cast, clinic[1], "POST", f"/requests/{asked}", json={"answer": "decline"}).status_code == 404


def test_the_officer_accepts_with_a_login_of_now_and_declines_with_any(
    cast: Cast, clinic: tuple[str, str, str]
) -> None:
    report(cast, clinic[0], clinic[2])
    body = {"person": cast.owner, "kind": "relative"}
    asked = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json["id"]
    old = cast.token(clinic[1], " ".join(scopes()), auth_time_s=now_ms() // 1000 - recency.LONGEST_S - 1)
    path, headers = f"/v1/organisation/requests/{asked}", {"Authorization": f"Bearer {old}"}
    accepted: Any = cast.http.post(path, json={"answer": "accept", **TEXT}, headers=headers)
    assert (accepted.status_code, accepted.json["code"]) == (401, "login-too-old")
    assert cast.send(cast.stranger, "GET", TIMELINE).status_code == 403
    assert cast.http.post(path, json={"answer": "decline"}, headers=headers).status_code == 200


def test_requests_to_the_living_are_not_the_officers(cast: Cast, clinic: tuple[str, str, str]) -> None:
    body = {"person": cast.owner, "kind": "relative"}
    asked = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json["id"]
    assert work(cast, clinic[1], "GET", "/requests").json == {"requests": []}
    tried = work(cast, clinic[1], "POST", f"/requests/{asked}", json={"answer": "accept", **TEXT})
    assert tried.status_code == 404


def test_only_the_officer_answers(cast: Cast, clinic: tuple[str, str, str]) -> None:
    assert work(cast, clinic[0], "GET", "/requests").status_code == 403
    assert work(cast, clinic[0], "POST", "/requests/x", json={"answer": "decline"}).status_code == 403


def test_a_contract_that_is_only_proposed_gives_staff_no_part_in_the_person(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, DOCTOR)
    contract = f"{CONTRACTS}/{made(cast, doctor)['id']}"
    assert report(cast, doctor, contract) == 403
    assert cast.send(doctor, "POST", f"{contract}/proxies/x/consent", json=CONSENT).status_code == 403


@pytest.mark.parametrize("died_on", ["1900-01-01", "2100-01-01", "yesterday"])
def test_bad_days_are_refused(cast: Cast, clinic: tuple[str, str, str], died_on: str) -> None:
    assert report(cast, clinic[0], clinic[2], died_on) == 400


def test_others_report_no_death(cast: Cast, clinic: tuple[str, str, str]) -> None:
    assert [report(cast, who, clinic[2]) for who in (cast.owner, cast.relative, cast.stranger)] == [403] * 3


def test_an_elder_confirms_a_proxy_before_staff(cast: Cast, clinic: tuple[str, str, str]) -> None:
    doctor, _, contract = clinic
    body = {"person": cast.owner, "kind": "proxy"}
    asked = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json["id"]
    assert cast.send(cast.owner, "POST", f"{contract}/proxies/{asked}/consent", json=CONSENT).status_code == 403
    confirmed = cast.send(doctor, "POST", f"{contract}/proxies/{asked}/consent", json=CONSENT)
    assert (confirmed.status_code, confirmed.json["state"]) == (200, "accepted")
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/grants").status_code == 200


def test_staff_see_who_asks_to_be_a_proxy_and_no_other_grants(cast: Cast, clinic: tuple[str, str, str]) -> None:
    doctor, officer, contract = clinic
    for kind in ("proxy", "relative"):
        body = {"person": cast.owner, "kind": kind}
        assert cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).status_code == 201
    (shown,) = cast.send(doctor, "GET", f"{contract}/proxies").json["grants"]
    assert (shown["kind"], shown["grantee_name"], shown["state"]) == ("proxy", "stranger", "proposed")
    assert [cast.send(who, "GET", f"{contract}/proxies").status_code for who in (officer, cast.stranger)] == [403] * 2
    cast.send(doctor, "POST", f"{contract}/proxies/{shown['id']}/consent", json=CONSENT)
    assert [one["state"] for one in cast.send(doctor, "GET", f"{contract}/proxies").json["grants"]] == ["accepted"]


def test_staff_confirm_nothing_but_proxies(cast: Cast, clinic: tuple[str, str, str]) -> None:
    body = {"person": cast.owner, "kind": "relative"}
    asked = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json["id"]
    assert cast.send(clinic[0], "POST", f"{clinic[2]}/proxies/{asked}/consent", json=CONSENT).status_code == 404
