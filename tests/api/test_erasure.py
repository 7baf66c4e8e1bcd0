"""The end of a record is asked for by its owner or a child's guardian, who say its id; nobody else can."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import now_ms
from phr.erasure import erasing
from phr.people import grants
from phr.people.grants import GUARDIAN, SUPPORT
from tests.cast import Cast, a_grant
from tests.erasure.lives import house_of

RECORD = "/v1/people/{owner}"
PLANNED = RECORD + "/erasure"
DAY_MS = 86_400_000


def ask(cast: Cast, who: str = "", confirm: str | None = None) -> Any:
    path = f"{RECORD}?confirm={cast.owner if confirm is None else confirm}"
    return cast.send(who or cast.owner, "DELETE", path)


def test_owner_asks_and_is_told_when_it_will_be(cast: Cast) -> None:
    answer = ask(cast)
    assert (answer.status_code, answer.json["state"], answer.json["asked_by"]) == (202, "asked", "owner")
    assert cast.send(cast.owner, "GET", PLANNED).json["due_at"] == answer.json["due_at"]  # type: ignore[index]
    assert cast.database["notices"].count_documents({"person": cast.owner, "rule": "erasure-asked"}) == 1


@pytest.mark.parametrize("confirm", ["", "me", "yes"])
def test_without_the_id_said_again_nothing_is_asked(cast: Cast, confirm: str) -> None:
    answer = ask(cast, confirm=confirm)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (400, "/confirm")
    assert cast.send(cast.owner, "DELETE", RECORD).status_code == 400
    assert cast.send(cast.owner, "GET", PLANNED).status_code == 404


@pytest.mark.parametrize("path", [RECORD + "?confirm={owner}", PLANNED])
@pytest.mark.parametrize("kind", ["relative", "family-doctor"])
def test_no_grant_but_a_guardians_reaches_so_far(cast: Cast, path: str, kind: str) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind=kind, verbs=("read", "write")))
    ask(cast)
    for who in (cast.relative, cast.doctor, cast.stranger):
        assert cast.send(who, "DELETE", path).status_code == 403
    assert cast.send(cast.owner, "GET", PLANNED).status_code == 200


def test_guardian_may(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind=GUARDIAN, verbs=("read", "write")))
    assert ask(cast, cast.stranger).json["asked_by"] == "guardian"


def test_operators_token_does_not_do(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, SUPPORT, kind=SUPPORT, verbs=("read", "write")))
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, act='tester')}"}
    assert cast.http.delete(f"/v1/people/me?confirm={cast.owner}", headers=headers).status_code == 403


def test_taken_back_in_time_the_record_stays(cast: Cast) -> None:
    ask(cast)
    assert cast.send(cast.owner, "DELETE", PLANNED).status_code == 204
    assert cast.send(cast.owner, "DELETE", PLANNED).status_code == 404
    while erasing.do_one(cast.database, house_of(cast), now_ms() + 100 * DAY_MS):
        pass
    assert cast.send(cast.owner, "GET", RECORD).status_code == 200


def test_receipt_shows_the_certificate_when_nobody_is_left(cast: Cast) -> None:
    receipt, at_ms = ask(cast).json["receipt"], now_ms() + 8 * DAY_MS
    while erasing.do_one(cast.database, house_of(cast), at_ms):
        at_ms += erasing.QUIET_MS
    assert cast.send(cast.owner, "GET", PLANNED).status_code == 403
    found = cast.http.get(f"/v1/erasures/{receipt}").json
    assert found["state"] == "done"
    assert found["certificate"]["certificate"]["record"] == cast.owner
    assert cast.http.get(f"/v1/erasures/{receipt}x").status_code == 404
