"""Who may see a record: given, proposed, accepted, declined, revoked; and who decides it."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import now_ms, rfc3339
from phr.people import grants, people
from tests.cast import Cast, a_gift, a_grant, a_note, a_person

GRANTS = "/v1/people/{owner}/grants"
READS = "/v1/people/{owner}/entries"
DAY_MS = 86_400_000
TEXT = {"text": {"version": 1, "language": "en"}}


def professional(cast: Cast, **changes: Any) -> str:
    return people.create(cast.database, a_person(name="陈医生", roles=("doctor",), **changes)).id


def give(cast: Cast, grantee: str, kind: str = "relative", **changes: Any) -> str:
    made = cast.send(cast.owner, "POST", GRANTS, json=a_gift(grantee, kind, **changes))
    assert made.status_code == 201, made.json
    return str(made.json["id"])


def ask(cast: Cast, who: str, kind: str = "relative", **changes: Any) -> Any:
    body = {"person": cast.owner, "kind": kind} | changes
    return cast.send(who, "POST", "/v1/people/me/received-grants", json=body)


def test_a_given_grant_holds_at_once_and_ends_when_it_is_revoked(cast: Cast) -> None:
    cast.send(cast.owner, "POST", READS, json=a_note())
    seen = [cast.send(cast.stranger, "GET", READS).status_code]
    grant = give(cast, cast.stranger, categories=["notes"])
    seen.append(cast.send(cast.stranger, "GET", READS).status_code)
    assert cast.send(cast.owner, "DELETE", f"{GRANTS}/{grant}").status_code == 204
    assert [*seen, cast.send(cast.stranger, "GET", READS).status_code] == [403, 200, 403]


def test_a_proposal_is_worth_nothing_until_the_owner_accepts_it(cast: Cast) -> None:
    asked = ask(cast, cast.stranger, note="我是您的女儿").json
    assert (asked["state"], cast.send(cast.stranger, "GET", READS).status_code) == ("proposed", 403)
    accepted = cast.send(cast.owner, "POST", f"{GRANTS}/{asked['id']}/accept", json=TEXT).json
    assert (accepted["state"], accepted["text"]) == ("accepted", TEXT["text"])
    assert cast.send(cast.stranger, "GET", READS).status_code == 200


def test_the_owner_is_told_of_a_proposal_and_reads_its_note(cast: Cast) -> None:
    asked = ask(cast, cast.stranger, note="我是您的女儿").json
    overview = cast.send(cast.owner, "GET", "/v1/people/{owner}/overview").json
    assert [one["rule"] for one in overview["attention"]] == ["grant-proposed"]
    shown = cast.send(cast.owner, "GET", f"{GRANTS}/{asked['id']}").json
    assert (shown["told"], shown["grantee_name"]) == ({"note": "我是您的女儿"}, "stranger")


def test_words_of_a_grant_are_sealed(cast: Cast) -> None:
    ask(cast, cast.stranger, note="a word to the owner")
    assert "a word" not in str(list(cast.database["grants"].find()))


@pytest.mark.parametrize("by", ["owner", "stranger"])
def test_a_declined_proposal_can_not_be_accepted_any_more(cast: Cast, by: str) -> None:
    asked = ask(cast, cast.stranger).json["id"]
    way = {
        "owner": ("POST", f"{GRANTS}/{asked}/decline"),
        "stranger": ("DELETE", f"/v1/people/me/received-grants/{asked}"),
    }
    assert cast.send(getattr(cast, by), *way[by]).status_code in (200, 204)
    answer = cast.send(cast.owner, "POST", f"{GRANTS}/{asked}/accept", json=TEXT)
    assert (answer.status_code, answer.json["code"]) == (409, "grant-settled")


def test_one_proposal_of_a_kind_waits_at_a_time(cast: Cast) -> None:
    assert [ask(cast, cast.stranger).status_code for _ in range(2)] == [201, 409]


def test_a_proposal_that_nobody_answered_makes_room(cast: Cast) -> None:
    ask(cast, cast.stranger)
    old = {"$set": {"proposed_at_ms": now_ms() - grants.PROPOSAL_LIFE_MS}}
    cast.database["grants"].update_one({"awaits": cast.owner}, old)
    assert ask(cast, cast.stranger).status_code == 201


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "guardian"}, "/kind"),
        ({"categories": ["held"]}, "/categories/0"),
        ({"categories": ["grants"]}, "/categories/0"),
        ({"verbs": ["erase"]}, "/verbs/0"),
        ({"until": "2020-01-01T00:00:00+08:00"}, "/until"),
        ({"question": "why?"}, "/question"),
        ({"grantee": "a" * 20}, "/grantee"),
        ({"kind": "family-doctor"}, "/grantee"),  # the stranger is no professional
        ({"text": {"version": 1, "language": "fr"}}, "/text/language"),
    ],
)
def test_bad_grants_are_refused_with_the_field(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    answer = cast.send(cast.owner, "POST", GRANTS, json=a_gift(cast.stranger) | changes)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_consent_to_a_text_that_is_not_the_present_one_does_not_count(cast: Cast) -> None:
    answer = cast.send(cast.owner, "POST", GRANTS, json=a_gift(cast.stranger, text={"version": 2, "language": "zh"}))
    assert (answer.status_code, answer.json["code"]) == (409, "consent-text-outdated")


def test_texts_are_shown_to_everybody(cast: Cast) -> None:
    shown = cast.http.get("/v1/consent-texts").json["texts"]
    assert {"relative", "family-doctor", "specialist", "proxy"} <= {one["topic"] for one in shown}


def test_nobody_grants_what_is_somebody_elses(cast: Cast) -> None:
    tries = [
        cast.send(who, "POST", GRANTS, json=a_gift(cast.stranger)).status_code
        for who in (cast.stranger, cast.relative, cast.doctor)
    ]
    assert tries == [403, 403, 403]


def test_a_grant_of_another_person_is_not_found(cast: Cast) -> None:
    grant = give(cast, cast.stranger)
    elsewhere = f"/v1/people/me/grants/{grant}"
    assert [cast.send(cast.stranger, method, elsewhere).status_code for method in ("GET", "DELETE")] == [404, 404]


def test_a_holder_gives_up_what_was_granted(cast: Cast) -> None:
    grant = give(cast, cast.stranger)
    received = "/v1/people/me/received-grants"
    assert [one["id"] for one in cast.send(cast.stranger, "GET", received).json["grants"]] == [grant]
    assert cast.send(cast.relative, "DELETE", f"{received}/{grant}").status_code == 404
    assert cast.send(cast.stranger, "DELETE", f"{received}/{grant}").status_code == 204
    assert cast.send(cast.stranger, "GET", READS).status_code == 403


def test_a_proxy_runs_the_record_and_neither_erases_it_nor_makes_proxies(cast: Cast) -> None:
    give(cast, cast.stranger, "proxy")
    path = "/v1/people/{owner}"
    assert cast.send(cast.stranger, "POST", GRANTS, json=a_gift(cast.doctor)).status_code == 201
    assert cast.send(cast.stranger, "GET", f"{path}/inbox").status_code == 200
    another = cast.send(cast.stranger, "POST", GRANTS, json=a_gift(cast.doctor, "proxy"))
    erased = cast.send(cast.stranger, "DELETE", path, query_string={"confirm": cast.owner})
    assert (another.status_code, erased.status_code) == (403, 403)


@pytest.mark.parametrize(("days", "status"), [(366, 201), (367, 400)])
def test_a_proxy_is_for_a_year_at_most(cast: Cast, days: int, status: int) -> None:
    until = rfc3339(now_ms() + days * DAY_MS - 1_000)
    if status == 400:
        until = rfc3339(now_ms() + days * DAY_MS)
    answer = cast.send(cast.owner, "POST", GRANTS, json=a_gift(cast.stranger, "proxy", until=until))
    assert answer.status_code == status


def test_a_referral_has_a_question_and_an_answer_and_ends(cast: Cast) -> None:
    family_doctor, specialist = professional(cast), professional(cast)
    give(cast, family_doctor, "family-doctor", categories=["readings"])
    until = rfc3339(now_ms() + 14 * DAY_MS)
    told = {"grantee": specialist, "categories": ["readings"], "until": until, "question": "需要加药吗？"}
    asked = ask(cast, family_doctor, "specialist", **told).json["id"]
    referrals = "/v1/people/{owner}/referrals"
    assert cast.send(specialist, "GET", referrals).status_code == 403
    cast.send(cast.owner, "POST", f"{GRANTS}/{asked}/accept", json=TEXT)
    assert cast.send(specialist, "GET", referrals).json["referrals"][0]["question"] == "需要加药吗？"
    answered = cast.send(specialist, "POST", f"{referrals}/{asked}/answer", json={"answer": "暂不需要"})
    assert answered.status_code == 200, answered.json
    assert [cast.send(who, "GET", referrals).json["referrals"][0]["answer"] for who in (cast.owner, family_doctor)] == [
        "暂不需要"
    ] * 2
    assert cast.send(family_doctor, "POST", f"{referrals}/{asked}/answer", json={"answer": "x"}).status_code == 404


def test_only_the_family_doctor_asks_for_a_specialist(cast: Cast) -> None:
    specialist = professional(cast)
    told = {"grantee": specialist, "until": rfc3339(now_ms() + DAY_MS), "question": "?"}
    answer = ask(cast, cast.stranger, "specialist", **told)
    assert (answer.status_code, answer.json["pointer"]) == (400, "/grantee")


def test_the_preview_is_what_the_grantee_may_do(cast: Cast) -> None:
    grant = give(cast, cast.stranger, categories=["notes", "readings"])
    shown = cast.send(cast.owner, "GET", f"{GRANTS}/{grant}/preview").json
    assert (list(shown["read"]), shown["write"]) == (["notes", "readings"], {})


def test_support_does_not_decide_who_may_see_the_record(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, grants.SUPPORT, kind="support", verbs=("read", "write")))
    token = cast.token(cast.owner, act="root")
    answer = cast.http.get(f"/v1/people/{cast.owner}/grants", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
