"""Who may see a record: given, proposed, accepted, declined, revoked; and who decides it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from phr.clock import now_ms, rfc3339
from phr.errors import NotFound
from phr.passwords import hash_of
from phr.people import deaths, granting, grants, people
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


SUPPORT_DAYS = 7


def invite(cast: Cast, **changes: Any) -> Any:
    body = {"kind": "relative", "categories": ["notes"], **TEXT} | changes
    return cast.send(cast.owner, "POST", f"{GRANTS}/invitations", json=body)


def come_with(cast: Cast, code: str, who: str | None = None) -> Any:
    path = "/v1/people/me/received-grants/by-code"
    return cast.send(who or cast.stranger, "POST", path, json={"code": code})


def reads(cast: Cast, who: str) -> int:
    return cast.send(who, "GET", READS).status_code


def test_who_comes_with_a_code_sees_what_the_owner_allowed(cast: Cast) -> None:
    invited = invite(cast).json
    assert (invited["state"], invited["grantee"], reads(cast, cast.stranger)) == ("invited", None, 403)
    taken = come_with(cast, invited["code"].lower().replace("-", " "))
    assert (taken.status_code, taken.json["state"], taken.json["grantee"]) == (201, "accepted", cast.stranger)
    assert reads(cast, cast.stranger) == 200
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/series/heart-rate").status_code == 403


def test_a_code_is_good_once(cast: Cast) -> None:
    code = invite(cast).json["code"]
    assert [come_with(cast, code).status_code, come_with(cast, code, cast.doctor).status_code] == [201, 404]


def test_of_many_who_come_with_a_code_at_once_one_gets_in(cast: Cast) -> None:
    invited = grants.find(cast.database, invite(cast).json["id"])
    assert invited is not None

    def comes(who: str) -> bool:
        try:
            granting.take_up(cast.database, invited, who, now_ms())
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(comes, (cast.stranger, cast.doctor, cast.relative, "a" * 20))) == 1


@pytest.mark.parametrize(("age_ms", "status"), [(grants.CODE_LIFE_MS - 60_000, 201), (grants.CODE_LIFE_MS, 404)])
def test_a_code_is_good_for_three_days(cast: Cast, age_ms: int, status: int) -> None:
    invited = invite(cast).json
    made = {"$set": {"proposed_at_ms": now_ms() - age_ms}}
    cast.database["grants"].update_one({"_id": invited["id"]}, made)
    assert come_with(cast, invited["code"]).status_code == status


def test_a_code_that_was_taken_back_or_is_ones_own_opens_nothing(cast: Cast) -> None:
    invited = invite(cast).json
    assert come_with(cast, invited["code"], cast.owner).status_code == 404
    assert cast.send(cast.owner, "DELETE", f"{GRANTS}/{invited['id']}").status_code == 204
    assert come_with(cast, invited["code"]).status_code == 404


def test_a_code_of_somebody_who_died_opens_nothing(cast: Cast) -> None:
    code = invite(cast).json["code"]
    deaths.report(cast.database, cast.owner, date(2026, 1, 1), now_ms())
    assert come_with(cast, code).status_code == 404


def test_an_invitation_is_not_accepted_by_who_knows_its_id(cast: Cast) -> None:
    invited = invite(cast).json
    answer = cast.send(cast.owner, "POST", f"{GRANTS}/{invited['id']}/accept", json=TEXT)
    assert (answer.status_code, answer.json["code"]) == (409, "grant-settled")
    assert reads(cast, cast.stranger) == 403


def test_the_owner_is_told_who_came_with_a_code(cast: Cast) -> None:
    come_with(cast, invite(cast).json["code"])
    lines = cast.send(cast.owner, "GET", "/v1/people/{owner}/access-log?others=true").json["lines"]
    assert lines[0]["words"]["en"] == "stranger came with your code and may see your record from now on"
    overview = cast.send(cast.owner, "GET", "/v1/people/{owner}/overview").json
    assert [one["rule"] for one in overview["attention"]] == ["grant-taken-up"]


def test_a_code_is_kept_as_a_keyed_token_and_shown_once(cast: Cast) -> None:
    invited = invite(cast).json
    plain = invited["code"].replace("-", "")
    stored = str(list(cast.database["grants"].find()))
    assert plain not in stored
    assert hash_of(plain) not in stored
    listed = cast.send(cast.owner, "GET", GRANTS).text
    assert invited["code"] not in listed
    assert grants.CODE not in listed


def test_wrong_codes_wait_longer_each_time(cast: Cast) -> None:
    assert [come_with(cast, f"BBBB-BBBB-BBB{letter}").status_code for letter in "BCDFGH"] == [404] * 5 + [429]


def test_so_many_invitations_are_open_at_a_time(cast: Cast) -> None:
    made = [invite(cast) for _ in range(granting.MOST_CODES + 1)]
    assert [one.status_code for one in made] == [201] * granting.MOST_CODES + [409]
    cast.send(cast.owner, "DELETE", f"{GRANTS}/{made[0].json['id']}")
    assert invite(cast).status_code == 201


@pytest.mark.parametrize(("kind", "pointer"), [("proxy", "/kind"), ("family-doctor", "/kind"), ("support", "/kind")])
def test_only_relatives_are_invited_by_a_code(cast: Cast, kind: str, pointer: str) -> None:
    answer = invite(cast, kind=kind)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def let_operators_in(cast: Cast, days: float = 1.0, **changes: Any) -> Any:
    until = rfc3339(now_ms() + int(days * DAY_MS))
    body = a_gift(grants.SUPPORT, grants.SUPPORT, until=until, **changes)
    return cast.send(cast.owner, "POST", GRANTS, json=body)


def as_operator(cast: Cast, path: str) -> int:
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, act='root')}"}
    return cast.http.get(path.format(owner=cast.owner), headers=headers).status_code


def test_operators_see_what_the_owner_lets_them_until_it_is_taken_back(cast: Cast) -> None:
    seen = [as_operator(cast, READS)]
    made = let_operators_in(cast, categories=["notes"])
    seen += [as_operator(cast, READS), as_operator(cast, "/v1/people/{owner}/series/heart-rate")]
    cast.send(cast.owner, "DELETE", f"{GRANTS}/{made.json['id']}")
    assert (made.status_code, [*seen, as_operator(cast, READS)]) == (201, [403, 200, 403, 403])


@pytest.mark.parametrize(("days", "status"), [(SUPPORT_DAYS - 0.001, 201), (SUPPORT_DAYS + 0.01, 400)])
def test_operators_are_let_in_for_seven_days_at_most(cast: Cast, days: float, status: int) -> None:
    assert let_operators_in(cast, days).status_code == status


def test_operators_are_let_in_with_an_end_alone(cast: Cast) -> None:
    answer = cast.send(cast.owner, "POST", GRANTS, json=a_gift(grants.SUPPORT, grants.SUPPORT))
    assert (answer.status_code, answer.json["pointer"]) == (400, "/until")


@pytest.mark.parametrize(("grantee", "kind"), [("support", "relative"), ("stranger", "support")])
def test_operators_are_let_in_as_support_and_nobody_else_is(cast: Cast, grantee: str, kind: str) -> None:
    who = cast.stranger if grantee == "stranger" else grantee
    until = rfc3339(now_ms() + DAY_MS)
    answer = cast.send(cast.owner, "POST", GRANTS, json=a_gift(who, kind, until=until))
    assert (answer.status_code, answer.json["pointer"]) == (400, "/grantee")


def test_nobody_asks_for_support_in_the_operators_name(cast: Cast) -> None:
    asked = ask(cast, cast.stranger, "support", grantee="support", until=rfc3339(now_ms() + DAY_MS))
    assert (asked.status_code, asked.json["pointer"]) == (400, "/grantee")
