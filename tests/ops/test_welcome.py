"""What the first start says."""

from __future__ import annotations

import dataclasses

import pytest

from ops import welcome
from phr.config import Settings
from phr.database import Database
from tests.conftest import Broker

URL = "http://127.0.0.1:8080"


@pytest.fixture
def installed(settings: Settings, database: Database, broker: Broker, mongod: str) -> Settings:
    return dataclasses.replace(settings, mongodb_uri=mongod, mongodb_database=database.name, data_dir=broker.data_dir)


def test_logins_are_shown_once(installed: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    welcome.speak(installed, URL)
    assert "device   MQTT user demo/cuff  password" in capsys.readouterr().out
    welcome.speak(installed, URL)
    assert "password" not in capsys.readouterr().out


def test_first_device_belongs_to_the_first_citizen(installed: Settings, database: Database) -> None:
    lines = welcome.first_lines(installed, URL)
    person = next(line for line in lines if "citizen" in line).split()[-1]
    bindings = {row["_id"]: [one["person"] for one in row["bindings"]] for row in database.devices.find()}
    assert bindings == {"demo/cuff": [person], "demo/watch": [person]}


def test_moved_port_is_pointed_out(settings: Settings) -> None:
    lines = welcome.address_lines(dataclasses.replace(settings, http_port=40000), "http://127.0.0.1:40000")
    assert "  Pages    http://127.0.0.1:40000   (8080 is taken; PHR_HTTP_PORT names another)" in lines


def test_port_that_was_asked_for_needs_no_word(settings: Settings) -> None:
    asked = dataclasses.replace(settings, http_port=40000, origins={"http_port": "PHR_HTTP_PORT"})
    assert "  Pages    http://127.0.0.1:40000" in welcome.address_lines(asked, "http://127.0.0.1:40000")


@pytest.mark.parametrize(
    ("changes", "warns"),
    [
        ({}, False),
        ({"bind": "0.0.0.0"}, True),
        ({"bind": "0.0.0.0", "issuer": "https://record.example"}, False),
        ({"bind": "192.0.2.7", "tls_certificate": "c.pem"}, False),
    ],
)
def test_open_to_a_network_without_tls_is_said(settings: Settings, changes: dict[str, str], warns: bool) -> None:
    lines = welcome.address_lines(dataclasses.replace(settings, **changes), URL)
    assert any("In the clear" in line for line in lines) is warns


def test_passwords_of_external_servers_are_not_shown(settings: Settings) -> None:
    origins = {"mqtt_url": "PHR_MQTT_URL", "mongodb_uri": "PHR_MONGODB_URI"}
    asked = dataclasses.replace(settings, mqtt_url="mqtt://u:pw@h", mongodb_uri="mongodb://u:pw@h", origins=origins)
    assert "pw@" not in "".join(welcome.address_lines(asked, URL))
