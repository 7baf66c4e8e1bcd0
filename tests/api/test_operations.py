"""What an operator sees over HTTP, and that it says nothing of anybody."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import HOUR_MS
from phr.intake import devices, rejections, vendor_hours
from phr.intake.devices import NewDevice
from phr.intake.rejections import RejectedPayload
from phr.intake.vendor_hours import Answered
from phr.people import people
from phr.vocabulary.reading import Rejection
from tests.cast import T0, Cast, a_gift, a_person
from tests.telling import tells

HOUR = T0 // HOUR_MS * HOUR_MS
SECRET = b'{"readings":[{"metric":"hart-rate","value":61}]}'


def asked(cast: Cast, path: str, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token or cast.operator_token()}"}
    return cast.http.get(f"/v1/operations/{path}", headers=headers)


def heard(cast: Cast, vendor: str, at_ms: int, stored: int, *rejected: Rejection) -> None:
    vendor_hours.count(cast.database, [Answered(vendor, at_ms, (1, stored, 0, 0, 0), rejected)])


def refused(cast: Cast, vendor: str, name: str, at_ms: int) -> None:
    why = Rejection("/readings/0/metric", "metric-unknown", "no metric 'hart-rate', value 61")
    rejections.reject(
        cast.database, [RejectedPayload(vendor, f"{vendor}/{name}", f"{vendor}/{at_ms}", SECRET, (why,), at_ms)]
    )


def test_intake_of_all_vendors_by_hour_and_by_vendor(cast: Cast) -> None:
    devices.create_vendor(cast.database, "other", T0)
    heard(cast, "acme", HOUR, 2)
    heard(cast, "other", HOUR, 9)
    heard(cast, "other", HOUR + HOUR_MS, 0, Rejection("/series/0", "unit-missing", "?", count=4))
    span = f"intake?from={HOUR}&to={HOUR + 2 * HOUR_MS}"
    found = asked(cast, span).json
    assert [(one["hour"], one["messages"], one["stored"]) for one in found["hours"]] == [
        ("2026-11-22T23:00:00Z", 2, 11),
        ("2026-11-23T00:00:00Z", 1, 0),
    ]
    assert {one["vendor"]: (one["stored"], one["rejected_count"]) for one in found["vendors"]} == {
        "acme": (2, 0),
        "other": (9, 4),
    }
    assert (found["total"]["stored"], found["total"]["rejected"]) == (11, {"unit-missing": 4})
    assert asked(cast, f"{span}&vendor=acme").json["total"]["stored"] == 2


def test_rejections_name_device_place_and_code_and_nothing_that_was_sent(cast: Cast) -> None:
    refused(cast, "acme", "cuff-1", T0)
    refused(cast, "other", "watch", T0 + 1)
    answer = asked(cast, "rejections")
    assert [one["device"] for one in answer.json["rejections"]] == ["other/watch", "acme/cuff-1"]
    assert answer.json["rejections"][0]["rejected"] == [
        {"path": "/readings/0/metric", "code": "metric-unknown", "count": 1}
    ]
    assert not tells(answer.text.replace(answer.json["rejections"][0]["received_at"], ""), "61")
    for query, found in (("vendor=acme", ["acme/cuff-1"]), ("device=other/watch", ["other/watch"]), ("code=x", [])):
        assert [one["device"] for one in asked(cast, f"rejections?{query}").json["rejections"]] == found, query
    first = asked(cast, "rejections?limit=1").json
    rest = asked(cast, f"rejections?limit=1&cursor={first['next_cursor']}").json
    assert [one["device"] for one in first["rejections"] + rest["rejections"]] == ["other/watch", "acme/cuff-1"]


def test_devices_of_all_vendors_page_by_page_and_nobodys(cast: Cast) -> None:
    devices.create_vendor(cast.database, "other", T0)
    devices.create_device(cast.database, NewDevice(vendor="other", name="watch"), T0)
    first = asked(cast, "devices?limit=1")
    assert [(one["device"], one["is_bound"]) for one in first.json["devices"]] == [("acme/cuff-1", True)]
    assert cast.owner not in first.text
    rest = asked(cast, f"devices?limit=1&cursor={first.json['next_cursor']}").json
    assert [one["device"] for one in rest["devices"]] == ["other/watch"]
    assert rest["next_cursor"] is None
    assert [one["device"] for one in asked(cast, "devices?prefix=other/w").json["devices"]] == ["other/watch"]
    assert asked(cast, "devices?prefix=other/x").json["devices"] == []


def test_state_names_what_is_wrong(cast: Cast) -> None:
    found = asked(cast, "state").json
    assert found["parts"]["mongodb"] == "up"
    assert found["parts"]["ingest"] == "down"
    assert "no ingest worker" in found["faults"]["ingest"]


@pytest.mark.parametrize(
    ("path", "field"),
    [("devices?prefix=%24gt", "prefix"), ("rejections?vendor=A*", "vendor"), ("intake?from=2&to=1", "/from")],
)
def test_bad_input_is_refused_by_its_field(cast: Cast, path: str, field: str) -> None:
    answer = asked(cast, path)
    assert answer.status_code in (400, 422)
    assert field in answer.text


def test_one_factor_and_another_role_are_not_enough(cast: Cast) -> None:
    operator = people.create(cast.database, a_person(roles=(people.OPERATOR,))).id
    by_password = asked(cast, "state", cast.token(operator, "operations.read", amr=("pwd",)))
    assert (by_password.status_code, by_password.json["code"]) == (403, "second-factor-missing")
    for who in (cast.owner, cast.doctor):
        assert asked(cast, "state", cast.token(who, "operations.read", amr=("pwd", "mfa"))).status_code == 403
    acting = cast.token(operator, "operations.read", amr=("pwd", "mfa"), act="root")
    assert asked(cast, "state", acting).status_code == 403


def test_nobody_lets_an_operator_see_a_record(cast: Cast) -> None:
    operator = people.create(cast.database, a_person(roles=(people.OPERATOR,))).id
    refused_ = cast.send(cast.owner, "POST", "/v1/people/{owner}/grants", json=a_gift(operator))
    assert refused_.status_code == 400
    assert "/grantee" in refused_.text
    made = cast.send(
        cast.owner,
        "POST",
        "/v1/people/{owner}/grants/invitations",
        json={name: one for name, one in a_gift("").items() if name != "grantee"},
    )
    assert made.status_code == 201, made.text
    assert made.json
    taken = cast.send(operator, "POST", "/v1/people/me/received-grants/by-code", json={"code": made.json["code"]})
    assert taken.status_code == 404
