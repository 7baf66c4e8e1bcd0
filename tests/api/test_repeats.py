"""A POST that is sent again with its Idempotency-Key is done once and answered alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bson import encode
from werkzeug.test import TestResponse

from phr.people import grants
from tests.api.test_voiding import ITEM
from tests.cast import T0, Cast, a_grant

READINGS = "/v1/people/{owner}/readings"
KEY = {"Idempotency-Key": "k1"}


def sent(cast: Cast, who: str = "", key: str | None = "k1", **changes: Any) -> TestResponse:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"readings": [ITEM | {"t": T0} | changes]}
    return cast.send(who or cast.owner, "POST", READINGS, json=body, headers=headers)


def test_same_request_is_answered_as_the_first_time(cast: Cast) -> None:
    first, second = sent(cast), sent(cast)
    assert first.json["stored"] == 1
    assert (second.status_code, second.data, second.content_type) == (200, first.data, first.content_type)


def test_without_a_key_it_is_another_request(cast: Cast) -> None:
    assert [sent(cast, key=None).json["duplicate"] for _ in range(2)] == [0, 1]


def test_other_key_is_another_request(cast: Cast) -> None:
    assert [sent(cast, key=key).json["duplicate"] for key in ("k1", "k2")] == [0, 1]


def test_key_of_another_caller_is_another_request(cast: Cast) -> None:
    sent(cast)
    assert sent(cast, cast.relative).json["duplicate"] == 1


def test_key_that_stood_for_another_request_is_refused(cast: Cast) -> None:
    sent(cast)
    answer = sent(cast, t=T0 + 1)
    assert (answer.status_code, answer.json["code"]) == (409, "already-there")


def test_key_of_another_record_is_refused(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.relative, cast.owner, verbs=("write",)))
    body = {"readings": [ITEM | {"t": T0}]}
    answers = [
        cast.send(cast.owner, "POST", f"/v1/people/{person}/readings", json=body, headers=KEY)
        for person in (cast.owner, cast.relative)
    ]
    assert [answer.status_code for answer in answers] == [200, 409]


def test_who_may_not_any_more_gets_no_answer_of_before(cast: Cast) -> None:
    sent(cast, cast.relative)
    for grant in grants.live(cast.database, cast.owner, cast.relative, T0):
        grants.revoke(cast.database, grant.id, T0)
    assert sent(cast, cast.relative).status_code == 403


def test_what_failed_may_be_tried_again(cast: Cast) -> None:
    void = "/v1/people/{owner}/readings/void"
    body = {"metric": "blood-pressure", "device": "acme/cuff-1", "reason": "x", "keys": [{"t": T0}]}
    assert cast.send(cast.owner, "POST", void, json=body | {"metric": "no-such"}, headers=KEY).status_code == 400
    assert cast.send(cast.owner, "POST", void, json=body, headers=KEY).status_code == 200


@pytest.mark.parametrize(("age_s", "status"), [(0, 409), (50, 409), (70, 200)])
def test_first_request_that_has_no_answer_is_waited_for_a_minute(cast: Cast, age_s: int, status: int) -> None:
    sent(cast)
    (row,) = cast.database["repeats"].find()
    begun = {"$set": {"at": row["at"] - timedelta(seconds=age_s)}, "$unset": {"answer": ""}}
    cast.database["repeats"].update_one({"_id": row["_id"]}, begun)
    assert sent(cast).status_code == status


def test_answers_are_kept_sealed(cast: Cast) -> None:
    sent(cast)
    (row,) = cast.database["repeats"].find()
    assert b"stored" not in row["answer"]


@pytest.mark.parametrize(("length", "status"), [(1, 200), (255, 200), (256, 400)])
def test_key_has_a_greatest_length(cast: Cast, length: int, status: int) -> None:
    assert sent(cast, key="k" * length).status_code == status


def test_a_vendors_lost_answer_is_given_again_and_no_database_holds_its_password(cast: Cast) -> None:
    def register(key: str, name: str = "cuff-9") -> TestResponse:
        headers = {"Authorization": f"Bearer {vendors_token(cast)}", "Idempotency-Key": key}
        return cast.http.post("/v1/vendor/devices", json={"device": name}, headers=headers)

    first, again = register("k1"), register("k1")
    assert (first.status_code, again.status_code, again.data) == (201, 201, first.data)
    assert register("k1", "cuff-10").json["code"] == "already-there"
    assert register("k2").status_code == 409
    (row,) = cast.database["repeats"].find()
    assert first.json["mqtt_password"].encode() not in encode(row)


def vendors_token(cast: Cast) -> str:
    client = cast.vendor.client_id
    return cast.token(client, "vendor.read vendor.write", client_id=client, vendor="acme")
