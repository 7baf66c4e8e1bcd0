"""Break-glass: one summary, by the exact number, with two factors, for an hour, told of and looked into."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import now_ms
from phr.notices import outbox
from phr.people import emergencies, grants, people
from phr.people.people import Change
from tests.cast import Cast, a_clinic

NUMBER = "11010519491231002X"
OPEN = "/v1/emergencies"
SUMMARY = "/v1/people/{owner}/emergency-summary"
CASES = "/v1/organisation/emergencies"
DAY_MS = 86_400_000
SCOPES = "emergencies.write organisation.write emergency.read entries.read readings.read exports.read allergies.read"


@pytest.fixture
def staff(cast: Cast) -> dict[str, str]:
    people.patch(cast.database, cast.owner, Change(fields={"identity_number": NUMBER}))
    roles = ("doctor", "nurse", "privacy-officer")
    return dict(zip(roles, a_clinic(cast.database, *roles), strict=True))


def ask(cast: Cast, who: str, method: str, path: str, *, amr: tuple[str, ...] = ("pwd", "otp", "mfa"), age_s: int = 60,
        **request: Any) -> Any:  # fmt: skip
    token = cast.token(who, SCOPES, auth_time_s=now_ms() // 1000 - age_s, amr=amr)
    headers = {"Authorization": f"Bearer {token}"}
    return cast.http.open(path.format(owner=cast.owner), method=method, headers=headers, **request)


def open_case(cast: Cast, who: str, number: str = NUMBER, **more: Any) -> Any:
    return ask(cast, who, "POST", OPEN, json={"identity_number": number, "reason": "unconscious"}, **more)


def add(cast: Cast, **entry: Any) -> None:
    body = {"effective_at": "2026-01-01", **entry}
    made = cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=body)
    assert made.status_code == 201, made.json


def test_doctor_sees_the_summary_and_nothing_else(cast: Cast, staff: dict[str, str]) -> None:
    doctor = staff["doctor"]
    assert ask(cast, doctor, "GET", SUMMARY).status_code == 403
    opened = open_case(cast, doctor)
    assert (opened.status_code, opened.json["person"]) == (201, cast.owner)
    summary = ask(cast, doctor, "GET", SUMMARY).json
    assert (summary["special"], summary["until"]) == (False, opened.json["until"])
    assert cast.send(cast.owner, "GET", SUMMARY).json["until"] is None
    for path in ("series/heart-rate", "exports", "entries"):
        assert ask(cast, doctor, "GET", f"/v1/people/{{owner}}/{path}").status_code == 403


def test_special_categories_need_a_second_reason(cast: Cast, staff: dict[str, str]) -> None:
    doctor = staff["doctor"]
    for code in ("I10", "F32.1"):
        add(cast, kind="condition", text=code, codes=[{"system": "icd-10", "code": code}])
    case = open_case(cast, doctor).json["case"]
    seen = [[one["text"] for one in ask(cast, doctor, "GET", SUMMARY).json["entries"]]]
    assert ask(cast, doctor, "POST", f"{OPEN}/{case}/special", json={"reason": "overdose?"}).status_code == 200
    seen.append(sorted(one["text"] for one in ask(cast, doctor, "GET", SUMMARY).json["entries"]))
    assert seen == [["I10"], ["F32.1", "I10"]]


def test_it_ends_after_an_hour(cast: Cast, staff: dict[str, str]) -> None:
    open_case(cast, staff["doctor"])
    (grant,) = grants.live(cast.database, cast.owner, staff["doctor"], now_ms())
    assert grant.until_ms is not None
    assert 0 < grant.until_ms - now_ms() <= 3_600_000
    assert not grants.live(cast.database, cast.owner, staff["doctor"], grant.until_ms)
    assert not emergencies.live(cast.database, staff["doctor"], cast.owner, grant.until_ms)


@pytest.mark.parametrize(
    ("amr", "age_s"),
    [((), 60), (("pwd",), 60), (("sms",), 60), (("hwk",), 60), (("pwd", "otp", "mfa"), 12 * 3_600 + 1)],
)
def test_without_a_second_factor_of_today_nothing_opens(
    cast: Cast, staff: dict[str, str], amr: tuple[str, ...], age_s: int
) -> None:
    answer = open_case(cast, staff["doctor"], amr=amr, age_s=age_s)
    assert (answer.status_code, answer.json["code"]) == (403, "second-factor-missing")
    assert cast.database["emergencies"].count_documents({}) == 0


def test_owner_and_officer_are_told_before_anything_is_seen_and_the_log_says_why(
    cast: Cast, staff: dict[str, str]
) -> None:
    open_case(cast, staff["doctor"])
    told = {
        row["person"]: "".join(outbox.words(cast.database, row))
        for row in cast.database["notices"].find({"rule": "break-glass"})
    }
    assert told.keys() == {cast.owner, staff["privacy-officer"]}
    assert not any(word in told[cast.owner] for word in ("unconscious", "社区", "医生"))
    log = cast.send(cast.owner, "GET", "/v1/people/me/access-log?others=true").json["lines"]
    assert log[0]["words"]["en"].endswith("opened your summary as an emergency")
    assert (log[0]["role"], log[0]["who"]["organisation"]) == ("break-glass", "社区卫生服务中心")


@pytest.mark.parametrize("who", ["nurse", "privacy-officer"])
def test_only_doctors_open(cast: Cast, staff: dict[str, str], who: str) -> None:
    assert open_case(cast, staff[who]).status_code == 403


def test_unknown_excluded_and_own_number_are_refused_alike(cast: Cast, staff: dict[str, str]) -> None:
    own = "110101199003074477"
    people.patch(cast.database, staff["doctor"], Change(fields={"identity_number": own}))
    path = "/v1/people/{owner}/emergency-exclusions/clinic"
    assert cast.send(cast.owner, "PUT", path).status_code == 204
    told = [open_case(cast, staff["doctor"], number) for number in ("E12345678", own, NUMBER)]
    assert {(one.status_code, one.json["detail"]) for one in told} == {(403, told[0].json["detail"])}
    assert cast.database["emergencies"].count_documents({}) == 0
    assert cast.send(cast.owner, "DELETE", path).status_code == 204
    assert open_case(cast, staff["doctor"]).status_code == 201


def test_three_a_day(cast: Cast, staff: dict[str, str]) -> None:
    answers = [open_case(cast, staff["doctor"]) for _ in range(4)]
    assert [one.status_code for one in answers] == [201, 201, 201, 429]
    assert 0 < int(answers[3].headers["Retry-After"]) <= 86_400


def test_case_that_is_not_closed_in_seven_days_suspends_the_doctor_until_it_is(
    cast: Cast, staff: dict[str, str]
) -> None:
    case = open_case(cast, staff["doctor"]).json["case"]
    cast.database["emergencies"].update_one({}, {"$inc": {"opened_at_ms": -7 * DAY_MS, "until_ms": -7 * DAY_MS}})
    refused = open_case(cast, staff["doctor"])
    assert (refused.status_code, refused.json["code"]) == (403, "break-glass-suspended")
    officer = staff["privacy-officer"]
    (waiting,) = ask(cast, officer, "GET", CASES).json["cases"]
    assert (waiting["case"], waiting["reason"], waiting["closed_at"]) == (case, "unconscious", None)
    closed = ask(cast, officer, "POST", f"{CASES}/{case}/close", json={"is_justified": True})
    assert closed.json["closed_by"] == officer
    assert ask(cast, officer, "POST", f"{CASES}/{case}/close", json={"is_justified": False}).status_code == 409
    assert open_case(cast, staff["doctor"]).status_code == 201


def test_doctor_closes_no_case_and_another_doctor_widens_none(cast: Cast, staff: dict[str, str]) -> None:
    case = open_case(cast, staff["doctor"]).json["case"]
    answer = ask(cast, staff["doctor"], "POST", f"{CASES}/{case}/close", json={"is_justified": True})
    assert answer.status_code == 403
    assert ask(cast, staff["nurse"], "POST", f"{OPEN}/{case}/special", json={"reason": "because"}).status_code == 403


def test_reasons_are_sealed(cast: Cast, staff: dict[str, str]) -> None:
    open_case(cast, staff["doctor"])
    assert "unconscious" not in str(list(cast.database["emergencies"].find()))


def test_owner_sees_their_own_summary(cast: Cast) -> None:
    assert cast.send(cast.owner, "GET", SUMMARY).json["special"] is True
    assert cast.send(cast.relative, "GET", SUMMARY).status_code == 403
