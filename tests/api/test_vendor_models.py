"""A vendor's models are changed by version; its rates can be looked up."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.intake import limits
from phr.intake.policy import Limits
from tests.api.test_vendor_devices import MODEL, ask
from tests.cast import Cast

PATH = "/v1/vendor/models/bp-100"


@pytest.fixture
def made(cast: Cast) -> Cast:
    ask(cast, "POST", "/v1/vendor/models", json=MODEL)
    return cast


def change(cast: Cast, body: Any, version: str = '"1"', vendor: str = "acme") -> TestResponse:
    client = cast.vendor.client_id
    token = cast.token(client, "vendor.write", client_id=client, vendor=vendor)
    headers = {"Authorization": f"Bearer {token}"} | ({"If-Match": version} if version else {})
    return cast.http.patch(PATH, json=body, headers=headers)


def test_what_is_not_named_stays(made: Cast) -> None:
    answer = change(made, {"rate_per_min": 6, "name": {"zh": "新", "en": "New"}})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    shown = ask(made, "GET", PATH)
    assert shown.json["metrics"] == ["blood-pressure"]
    assert (shown.json["rate_per_min"], shown.json["name"]["en"], shown.headers["ETag"]) == (6, "New", '"2"')


@pytest.mark.parametrize(("version", "status"), [("", 428), ('"2"', 412), ('"1"', 200)])
def test_change_names_the_version_it_changes(made: Cast, version: str, status: int) -> None:
    assert change(made, {"rate_per_min": 6}, version).status_code == status


def test_second_change_of_one_version_is_refused(made: Cast) -> None:
    assert [change(made, {"rate_per_min": n}).status_code for n in (6, 7)] == [200, 412]


def test_other_vendors_model_is_not_there(made: Cast) -> None:
    assert change(made, {"rate_per_min": 6}, vendor="other").status_code == 404
    assert ask(made, "GET", PATH, vendor="other").status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"rate_per_min": 0}, "/rate_per_min"),
        ({"rate_per_min": 6_001}, "/rate_per_min"),
        ({"rate_per_min": "6"}, "/rate_per_min"),
        ({"metrics": ["none"]}, "/metrics/0"),
        ({"format": "none"}, "/format"),
        ({"name": {"zh": "x"}}, "/name/en"),
        ({"category": "none"}, "/category"),
        ({"model": "other"}, "/model"),
    ],
)
def test_field_at_fault_is_named(made: Cast, body: Any, pointer: str) -> None:
    answer = change(made, body)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_rates_are_those_that_hold(made: Cast) -> None:
    change(made, {"rate_per_min": 6})
    limits.set_limits(made.database, "acme", Limits(messages_per_min=900))
    limits.set_limits(made.database, "acme/cuff-1", Limits(readings_per_min=5))
    rates = ask(made, "GET", "/v1/vendor/rates").json
    assert (rates["vendor"]["messages_per_min"], rates["device"]["messages_per_min"]) == (900, 6_000)
    assert rates["models"] == {"bp-100": {"messages_per_min": 6, "readings_per_min": None}}
    assert rates["devices"] == {"acme/cuff-1": {"messages_per_min": None, "readings_per_min": 5}}
    assert ask(made, "GET", "/v1/vendor/rates", vendor="other").status_code == 404


def test_rates_of_devices_come_in_pages(made: Cast) -> None:
    ask(made, "POST", "/v1/vendor/devices", json={"device": "box-1"})
    for name in ("box-1", "cuff-1"):
        limits.set_limits(made.database, f"acme/{name}", Limits(1))
    first = ask(made, "GET", "/v1/vendor/rates?limit=1").json
    second = ask(made, "GET", f"/v1/vendor/rates?limit=1&cursor={first['next_cursor']}").json
    assert [list(first["devices"]), list(second["devices"])] == [["acme/box-1"], ["acme/cuff-1"]]
    assert second["next_cursor"] is None
