"""A WeChat login joins a record that is there: by a clinic's invitation and a second proof, told of, taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from phr.clock import now_ms
from phr.people import contracts, joining, openids, people, seals
from phr.people.contracts import NewContract
from phr.people.openids import OpenId
from phr.people.people import Change
from tests.cast import T0, Cast, a_clinic, a_note

NUMBER = "11010519491231002X"
WHO = OpenId("wx0123456789abcdef", "o-wang-fang")
INVITATIONS, JOIN = "/v1/organisation/login-invitations", "/v1/people/me/logins/join"
STAFF_SCOPE = "organisation.read organisation.write logins.write"
DAY_MS = 86_400_000


@dataclass
class Clinic:
    cast: Cast
    doctor: str
    officer: str
    newcomer: str  # who has logged in by WeChat for the first time

    def send(self, who: str, method: str, path: str, *, amr: tuple[str, ...], age_s: int = 0, **request: Any) -> Any:
        scope = {"scope": STAFF_SCOPE} if who in (self.doctor, self.officer) else {}
        token = self.cast.token(who, auth_time_s=now_ms() // 1000 - age_s, amr=amr, **scope)
        return self.cast.http.open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **request)

    def invite(self, who: str | None = None, amr: tuple[str, ...] = ("pwd", "otp", "mfa"), **body: Any) -> Any:
        body = {"person": self.cast.owner, "identity_number": NUMBER} | body
        body = {name: value for name, value in body.items() if value is not None}
        return self.send(who or self.doctor, "POST", INVITATIONS, amr=amr, json=body)

    def join(self, code: str, who: str | None = None, amr: tuple[str, ...] = ("wechat",), **body: Any) -> Any:
        return self.send(who or self.newcomer, "POST", JOIN, amr=amr, json={"code": code} | body)

    def comes_to(self) -> str:
        """Whose record WeChat's user comes to now."""
        return openids.person_of(self.cast.database, WHO, "Asia/Shanghai", T0)

    def logins(self) -> Any:
        return self.send(self.cast.owner, "GET", "/v1/people/me/logins", amr=("pwd",)).json["logins"]

    def undo(self, login: str, who: str | None = None) -> int:
        path = f"/v1/people/{self.cast.owner}/logins/{login}"
        return int(self.send(who or self.cast.owner, "DELETE", path, amr=("pwd",)).status_code)


@pytest.fixture
def clinic(cast: Cast) -> Clinic:
    doctor, officer = a_clinic(cast.database, "doctor", "privacy-officer")
    people.patch(cast.database, cast.owner, Change(fields={"identity_number": NUMBER}))
    made = contracts.make(cast.database, _contract(cast.owner), cast.owner, now_ms())
    accepted = {"$set": {"accepted_at_ms": now_ms()}, "$unset": {"awaits": ""}}
    cast.database["grants"].update_one({"_id": made.grant.id}, accepted)
    return Clinic(cast, doctor, officer, openids.person_of(cast.database, WHO, "Asia/Shanghai", T0))


def _contract(person: str) -> NewContract:
    day = (datetime.now(UTC) + timedelta(hours=8)).date()
    year = timedelta(days=365)
    return NewContract(team="clinic/blue", person=person, starts_on=day, ends_on=day + year, categories=("readings",))


def test_invited_login_comes_to_the_record(clinic: Clinic) -> None:
    answer = clinic.join(clinic.invite().json["code"])
    assert (answer.status_code, answer.json["kind"]) == (200, "wechat"), answer.text
    assert clinic.comes_to() == clinic.cast.owner
    row = clinic.cast.database["logins"].find_one({"person": clinic.cast.owner, "kind": "wechat"})
    assert row is not None
    opened = seals.unseal(clinic.cast.database, clinic.cast.owner, openids.PLACE, row["sealed"])
    assert opened == [WHO.appid, WHO.openid]


def test_code_is_good_once_and_however_it_is_typed(clinic: Clinic) -> None:
    code = clinic.invite().json["code"]
    assert clinic.join(f" {code.lower().replace('-', ' ')}").status_code == 200
    other = openids.person_of(clinic.cast.database, OpenId(WHO.appid, "o-other"), "Asia/Shanghai", T0)
    assert clinic.join(code, other).status_code == 403


def test_code_that_is_over_is_none(clinic: Clinic) -> None:
    code = clinic.invite().json["code"]
    ends_ms = now_ms() + 3 * DAY_MS
    found = [joining.find(clinic.cast.database, code, at_ms) for at_ms in (ends_ms - 60_000, ends_ms)]
    assert [one is None for one in found] == [False, True]


def test_codes_can_not_be_tried_out(clinic: Clinic) -> None:
    assert [clinic.join("BCDF-BCDF-BCDF").status_code for _ in range(6)] == [403] * 5 + [429]


@pytest.mark.parametrize("proof", ["none", "stranger", "old", "operator", "garbage"])
def test_without_a_document_or_another_login_nobody_joins(clinic: Clinic, proof: str) -> None:
    cast, old_s = clinic.cast, now_ms() // 1000 - 301
    invited = clinic.invite(identity_number=None).json
    shown = {
        "none": {},
        "stranger": {"proof": cast.token(cast.stranger)},
        "old": {"proof": cast.token(cast.owner, auth_time_s=old_s)},
        "operator": {"proof": cast.token(cast.owner, act="root")},
        "garbage": {"proof": "x.y.z"},
    }[proof]
    assert (invited["needs_proof"], clinic.join(invited["code"], **shown).status_code) == (True, 403)
    assert clinic.comes_to() == clinic.newcomer


def test_another_login_of_now_is_a_proof(clinic: Clinic) -> None:
    code = clinic.invite(identity_number=None).json["code"]
    assert clinic.join(code, proof=clinic.cast.token(clinic.cast.owner)).status_code == 200
    assert clinic.comes_to() == clinic.cast.owner


def test_document_of_somebody_else_invites_nobody(clinic: Clinic) -> None:
    answer = clinic.invite(identity_number="E12345678")
    assert (answer.status_code, answer.json["pointer"]) == (400, "/identity_number")


@pytest.mark.parametrize("who", ["officer", "stranger", "one factor", "no contract"])
def test_who_may_not_invite(clinic: Clinic, who: str) -> None:
    answer = {
        "officer": lambda: clinic.invite(clinic.officer),
        "stranger": lambda: clinic.invite(clinic.cast.stranger),
        "one factor": lambda: clinic.invite(amr=("pwd",)),
        "no contract": lambda: clinic.invite(person=clinic.cast.stranger, identity_number=None),
    }[who]()
    assert answer.status_code == 403
    assert clinic.cast.database[joining.INVITATIONS].count_documents({}) == 0


def test_login_with_a_record_of_its_own_does_not_leave_it_behind(clinic: Clinic) -> None:
    path = f"/v1/people/{clinic.newcomer}/entries"
    assert clinic.cast.send(clinic.newcomer, "POST", path, json=a_note()).status_code == 201
    assert clinic.join(clinic.invite().json["code"]).status_code == 403
    assert clinic.comes_to() == clinic.newcomer


def test_password_login_does_not_join(clinic: Clinic) -> None:
    assert clinic.join(clinic.invite().json["code"], clinic.cast.stranger, ("pwd",)).status_code == 403


def test_record_of_a_doctor_is_not_joined(clinic: Clinic) -> None:
    clinic.cast.database["people"].update_one({"_id": clinic.cast.owner}, {"$set": {"roles": ["doctor"]}})
    assert clinic.join(clinic.invite().json["code"]).status_code == 403


def test_owner_is_told_and_finds_it_in_the_log(clinic: Clinic) -> None:
    clinic.join(clinic.invite().json["code"])
    told = clinic.cast.database["notices"].count_documents({"person": clinic.cast.owner, "rule": "login-joined"})
    log = clinic.cast.send(clinic.cast.owner, "GET", "/v1/people/{owner}/access-log").json
    assert told == 1
    assert {"invited a login", "joined a login"} <= {one["about"] for one in log["lines"]}  # type: ignore[index]


def test_undone_it_has_an_empty_record_of_its_own_and_its_tokens_end(clinic: Clinic) -> None:
    login = clinic.join(clinic.invite().json["code"]).json["login"]
    assert [one["login"] for one in clinic.logins()] == [login]
    assert clinic.undo(login) == 204
    assert clinic.comes_to() not in (clinic.cast.owner, clinic.newcomer)
    assert clinic.logins() == []


def test_it_can_be_undone_for_seven_days(clinic: Clinic) -> None:
    login, database = clinic.join(clinic.invite().json["code"]).json["login"], clinic.cast.database
    joined = database["logins"].find_one({"joined": {"$exists": True}})
    assert joined is not None
    aged = [joined["joined"]["at_ms"] - 7 * DAY_MS, joined["joined"]["at_ms"] - 7 * DAY_MS + 60_000]
    found = []
    for at_ms in aged:
        database["logins"].update_one({"_id": joined["_id"]}, {"$set": {"joined.at_ms": at_ms}})
        found.append(clinic.undo(login))
    assert found == [404, 204]


def test_stranger_undoes_nothing(clinic: Clinic) -> None:
    login = clinic.join(clinic.invite().json["code"]).json["login"]
    assert [clinic.undo(login, who) for who in (clinic.cast.stranger, clinic.cast.relative)] == [403, 403]


def test_joined_login_does_not_do_for_grants_where_there_is_a_better_one(clinic: Clinic) -> None:
    cast = clinic.cast
    path, body = "/v1/people/me/exports", {"format": "no-such"}

    def asked() -> int:
        return int(clinic.send(cast.owner, "POST", path, amr=("wechat",), json=body).status_code)

    before = asked()
    cast.database["logins"].insert_one({"_id": b"x", "person": cast.owner, "password_hash": "x"})
    assert (before, asked()) == (400, 401)
