"""What is kept and stands in nobody's timeline, over HTTP."""

from typing import Any

import pytest

from phr.clock import now_ms
from phr.intake import devices
from phr.people import access, grants, people
from tests.cast import T0, Cast, a_grant

HELD = "/v1/people/{owner}/held"
READINGS = "/v1/people/{owner}/readings"


def sent(cast: Cast, who: str = "", device: str = "phone", **changes: Any) -> Any:
    item = {"metric": "body-temperature", "t": T0, "value": 98.6, "unit": "Cel"} | changes
    body = {"device": device, "readings": [item]}
    return cast.send(who or cast.owner, "POST", "/v1/people/me/readings", json=body).json


def listed(cast: Cast, query: str = "") -> Any:
    return cast.send(cast.owner, "GET", HELD + query).json


def one_held(cast: Cast, **changes: Any) -> str:
    sent(cast, **changes)
    (row,) = listed(cast)["held"]
    return f"{HELD}/{row['id']}"


def corrected(cast: Cast, path: str, unit: Any = "[degF]") -> Any:
    return cast.send(cast.owner, "POST", f"{path}/correct", json={"unit": unit})


def latest(cast: Cast) -> list[tuple[str, float]]:
    found = cast.send(cast.owner, "GET", "/v1/people/me/overview").json["latest"]
    return [(one["device"], one["value"]) for one in found]


def test_impossible_value_is_shown_as_it_was_sent(cast: Cast) -> None:
    assert sent(cast)["rejected"][0]["code"] == "value-out-of-bounds"
    (row,) = listed(cast)["held"]
    assert (row["reason"], row["device"], row["is_correctable"]) == ("out-of-bounds", "http:app/phone", True)
    assert row["item"] == {"metric": "body-temperature", "t": T0, "value": 98.6, "unit": "Cel"}
    assert "98.6 Cel is outside" in row["detail"]


def test_reading_from_the_future_is_shown_and_is_not_a_matter_of_units(cast: Cast) -> None:
    path = one_held(cast, t=now_ms() + 3_600_000, value=36.6)
    assert listed(cast)["held"][0]["is_correctable"] is False
    assert (corrected(cast, path).status_code, corrected(cast, path).json["code"]) == (409, "not-correctable")


@pytest.mark.parametrize("who", ["relative", "doctor", "stranger"])
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("DELETE", "/{id}"), ("POST", "/{id}/correct")])
def test_nobody_but_the_owner_gets_anywhere(cast: Cast, who: str, method: str, rest: str) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.doctor, categories=("held",), verbs=("read", "write")))
    sent(cast)
    path = HELD + rest.replace("{id}", listed(cast)["held"][0]["id"])
    assert cast.send(getattr(cast, who), method, path, json={"unit": "[degF]"}).status_code == 403
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"
    assert len(listed(cast)["held"]) == 1


def test_operator_with_the_owners_support_sees_nothing(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, "support", kind="support"))
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, act='operator')}"}
    assert cast.http.get("/v1/people/me/held", headers=headers).status_code == 403
    assert cast.http.get("/v1/people/me", headers=headers).status_code == 200


def test_people_see_their_own(cast: Cast) -> None:
    sent(cast)
    sent(cast, who=cast.stranger)  # the very same item from a phone of the same name
    assert [len(listed(cast)["held"]), cast.database["held"].count_documents({})] == [1, 2]


def test_anothers_is_not_found_under_ones_own_name(cast: Cast) -> None:
    path = one_held(cast).replace("{owner}", "me")
    assert cast.send(cast.stranger, "DELETE", path).status_code == 404
    assert cast.send(cast.stranger, "POST", f"{path}/correct", json={"unit": "[degF]"}).status_code == 404


@pytest.mark.parametrize("held_id", ["x", "aGVsbG8", "%00", "é", "a" * 2000])
def test_id_of_nothing_is_not_found(cast: Cast, held_id: str) -> None:
    assert cast.send(cast.owner, "DELETE", f"{HELD}/{held_id}").status_code == 404


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_give_every_row_once_latest_arrival_first(cast: Cast, limit: int) -> None:
    for value in range(100, 105):
        sent(cast, value=value)
    seen, cursor = [], ""
    while cursor is not None:
        page = listed(cast, f"?limit={limit}{cursor and '&cursor=' + cursor}")
        seen, cursor = seen + page["held"], page["next_cursor"]
    assert sorted(row["item"]["value"] for row in seen) == list(range(100, 105))
    assert [row["arrived_at"] for row in seen] == sorted((row["arrived_at"] for row in seen), reverse=True)


@pytest.mark.parametrize(
    ("query", "pointer"), [("limit=0", "/limit"), ("limit=501", "/limit"), ("cursor=x", "/cursor")]
)
def test_bad_query_is_pointed_at(cast: Cast, query: str, pointer: str) -> None:
    answer = cast.send(cast.owner, "GET", f"{HELD}?{query}")
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


@pytest.mark.parametrize("limit", [1, 500])
def test_limit_at_its_bounds_is_taken(cast: Cast, limit: int) -> None:
    assert cast.send(cast.owner, "GET", f"{HELD}?limit={limit}").status_code == 200


def test_discarded_row_is_gone_and_does_not_come_back(cast: Cast) -> None:
    path = one_held(cast)
    assert cast.send(cast.owner, "DELETE", path).status_code == 204
    assert cast.send(cast.owner, "DELETE", path).status_code == 404
    sent(cast)
    assert listed(cast)["held"] == []
    (row,) = cast.database["held"].find()
    assert ("item" in row, "expires_at" in row) == (False, True)


def test_corrected_unit_brings_the_reading_into_the_record(cast: Cast) -> None:
    answer = corrected(cast, one_held(cast))
    assert (answer.status_code, answer.json["stored"], answer.json["rejected"]) == (200, 1, [])
    assert latest(cast) == [("http:app/phone", pytest.approx(37.0))]
    assert listed(cast)["held"] == []


def test_vendors_device_stays_the_source(cast: Cast) -> None:
    corrected(cast, one_held(cast, device="acme/cuff-1"))
    assert latest(cast)[0][0] == "acme/cuff-1"


def test_correction_that_was_interrupted_can_be_sent_again(cast: Cast) -> None:
    path = one_held(cast)
    row = cast.database["held"].find_one()
    assert row is not None
    corrected(cast, path)
    cast.database["held"].replace_one({"_id": row["_id"]}, row)  # as if it had ended before the row was taken out
    assert corrected(cast, path).json["duplicate"] == 1
    assert listed(cast)["held"] == []


def test_entered_reading_keeps_its_id_when_it_is_corrected(cast: Cast) -> None:
    corrected(cast, one_held(cast, id="h1"))
    assert sent(cast, id="h1", unit="[degF]")["duplicate"] == 1


def test_owners_word_replaces_what_the_device_said_since(cast: Cast) -> None:
    path = one_held(cast)
    sent(cast, value=36.0)
    assert corrected(cast, path).json["corrected"] == 1


@pytest.mark.parametrize(
    ("unit", "code"), [("K", "value-out-of-bounds"), ("Cel", "value-out-of-bounds"), ("bpm", "unit-unknown")]
)
def test_unit_that_does_not_help_changes_nothing(cast: Cast, unit: str, code: str) -> None:
    answer = corrected(cast, one_held(cast), unit)
    assert (answer.status_code, answer.json["code"], answer.json["pointer"]) == (400, code, "/unit")
    assert (len(listed(cast)["held"]), latest(cast)) == (1, [])


@pytest.mark.parametrize("unit", [None, 5, "", "u" * 65])
def test_bad_unit_is_pointed_at(cast: Cast, unit: Any) -> None:
    answer = corrected(cast, one_held(cast), unit)
    assert (answer.status_code, answer.json["pointer"]) == (400, "/unit")


def test_correction_that_the_record_does_not_take_keeps_the_row(cast: Cast) -> None:
    path = one_held(cast, device="acme/cuff-1")
    devices.suspend(cast.database, "acme/cuff-1", is_suspended=True)
    assert corrected(cast, path).json["code"] == "not-correctable"
    people.set_consent(cast.database, cast.owner, is_withdrawn=True)
    assert len(listed(cast)["held"]) == 1
