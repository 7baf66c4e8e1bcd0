"""What EMQX and VerneMQ are answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from phr.api.application import create
from phr.config import Settings
from phr.intake import devices, enrolment
from phr.intake.devices import NewDevice
from phr.intake.mqtt_rights import access_list, may, plain_name, rights_of
from tests.cast import T0, Cast

SECRET = "s3cret"
ROUTES = ("/v1/broker/emqx/authentication", "/v1/broker/emqx/authorization", "/v1/broker/vernemq")
OWN = "phr/v1/acme/d1"


@pytest.fixture
def http(cast: Cast, settings: Settings) -> FlaskClient:
    whole = replace(settings, broker_hook_secret=SECRET, mqtt_url="mqtt://phr-server:inner@h")
    return create(whole, cast.database).test_client()


@pytest.fixture
def password(cast: Cast) -> str:
    return enrolment.enrol(cast.database, [NewDevice(vendor="acme", name="d1")], T0)[0].mqtt_password


def ask(http: FlaskClient, path: str, hook: str = "", **body: Any) -> Any:
    return http.post(path, json=body, headers={"X-Broker-Secret": SECRET, "vernemq-hook": hook}).json


@pytest.mark.parametrize("path", ROUTES)
def test_without_a_setting_there_is_no_such_route(cast: Cast, path: str) -> None:
    assert cast.http.post(path, json={}, headers={"X-Broker-Secret": ""}).status_code == 404


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("secret", ["", "s3cre", "s3crets", "é"])
def test_stranger_is_turned_away(http: FlaskClient, path: str, secret: str) -> None:
    assert http.post(path, json={}, headers={"X-Broker-Secret": secret}).status_code == 401


def test_device_logs_in_with_its_password_only(http: FlaskClient, password: str) -> None:
    said = [ask(http, ROUTES[0], username="acme/d1", password=one) for one in (password, "wrong", None)]
    assert said == [{"result": one, "is_superuser": False} for one in ("allow", "deny", "deny")]
    assert ask(http, ROUTES[2], "auth_on_register_m5", username="acme/d1", password=password) == {"result": "ok"}
    refused = {"result": {"error": "not_allowed"}}
    assert ask(http, ROUTES[2], "auth_on_register", username="acme/no", password=password) == refused


@pytest.mark.parametrize(("password", "result"), [("inner", "allow"), ("", "deny"), ("outer", "deny")])
def test_worker_logs_in_as_the_server(http: FlaskClient, password: str, result: str) -> None:
    assert ask(http, ROUTES[0], username="phr-server", password=password)["result"] == result


@pytest.mark.parametrize("end", ["suspend", "retire"])
def test_device_out_of_use_may_nothing(http: FlaskClient, cast: Cast, password: str, end: str) -> None:
    if end == "suspend":
        devices.suspend(cast.database, "acme/d1", is_suspended=True)
    else:
        devices.retire(cast.database, "acme/d1", T0)
    assert ask(http, ROUTES[0], username="acme/d1", password=password)["result"] == "deny"
    assert ask(http, ROUTES[1], username="acme/d1", action="publish", topic=f"{OWN}/readings")["result"] == "deny"


def test_rights_are_those_of_the_table(http: FlaskClient, password: str) -> None:
    def result(action: str, topic: str) -> str:
        return ask(http, ROUTES[1], username="acme/d1", action=action, topic=topic)["result"]

    said = [result("publish", f"{OWN}/readings"), result("publish", f"{OWN}/commands"), result("dance", OWN)]
    assert said == ["allow", "deny", "deny"]


def test_subscription_is_granted_whole_or_not(http: FlaskClient, password: str) -> None:
    def result(*topics: str) -> Any:
        wanted = [{"topic": one, "qos": 1} for one in topics]
        return ask(http, ROUTES[2], "auth_on_subscribe", username="acme/d1", topics=wanted)["result"]

    assert result(f"{OWN}/feedback", f"{OWN}/commands") == "ok"
    assert result(f"{OWN}/feedback", "#") == result() == {"error": "not_allowed"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"username": 7, "password": {}, "topic": [], "topics": 3}'])
@pytest.mark.parametrize("hook", ["", "auth_on_register", "auth_on_publish_m5", "auth_on_subscribe", "on_what"])
def test_question_that_cannot_be_read_is_a_no(http: FlaskClient, body: bytes, hook: str) -> None:
    headers = {"X-Broker-Secret": SECRET, "vernemq-hook": hook}
    said = [http.post(path, data=body, headers=headers).json["result"] for path in ROUTES]
    assert said == ["deny", "deny", {"error": "not_allowed"}]


@pytest.mark.parametrize(
    ("username", "verb", "topic", "is_allowed"),
    [
        ("acme/d1", "write", f"{OWN}/status", True),
        ("acme/d1", "write", f"{OWN}x/status", False),
        ("acme/d1", "write", f"{OWN}/+", False),
        ("acme/d1", "read", f"{OWN}/#", False),
        ("acme/d1", "read", f"{OWN}/feedback/#", True),
        ("acme/d1", "read", f"{OWN}/feedback/+/x", True),
        ("acme/d1", "read", f"$share/g/{OWN}/commands", True),
        ("acme/d1", "read", "$share/g/phr/v1/+/+/readings", False),
        ("phr-server", "read", "$share/g/phr/v1/+/+/readings", True),
        ("acme/d1;2", "write", f"{OWN}/readings", True),
        ("acme/d1;c12", "write", f"{OWN}/readings", True),
        ("acme/d1;x", "write", f"{OWN}/readings", False),
        ("acme/AA%3ABB", "write", "phr/v1/acme/AA:BB/readings", True),
        ("acme", "write", f"{OWN}/readings", True),
        ("acme", "read", "phr/v1/acme/+/feedback", True),
        ("acme", "read", f"{OWN}/commands", False),
        ("acme", "write", "phr/v1/acme//readings", False),
        ("+", "write", f"{OWN}/readings", False),
        ("", "write", f"{OWN}/readings", False),
    ],
)
def test_table_of_rights(username: str, verb: Any, topic: str, is_allowed: bool) -> None:
    assert may(username, verb, topic) is is_allowed


@pytest.mark.parametrize("username", ["acme", "acme/d1"])
def test_access_list_says_what_the_table_says(username: str) -> None:
    lines = access_list([username]).replace("%u", plain_name(username)).splitlines()
    granted = {tuple(line.removeprefix("pattern ").split(" ")) for line in lines if line.startswith("pattern")}
    assert set(rights_of(username)) <= granted
