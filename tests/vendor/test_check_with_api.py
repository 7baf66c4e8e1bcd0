"""`vendor check` with the API, against a whole installation: its processes, a new vendor, what `admin` printed."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.consumer import parse_url
from ops import administration
from phr.errors import ServerUnavailable
from phr.intake.devices import NewDevice
from phr.people.people import NewPerson
from tests.ingest.running import WAIT_S, wait_until
from tests.real.gateway import Gateway
from tests.real.installation import Installation, installed
from tests.vendor.conftest import Rounds
from vendor import main, presence
from vendor.api import Api
from vendor.line import Line
from vendor.login import Login, address_of


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("installation")) as running:
        yield running


@pytest.fixture
def printed(installation: Installation) -> dict[str, Any]:
    """What the operator hands a new vendor, who has a device bound to a test person."""
    slug = f"v{secrets.token_hex(4)}"
    vendor: dict[str, Any] = administration.create_vendor(installation.operator, slug)
    person = administration.create_person(installation.operator, NewPerson(zone="Asia/Shanghai"))["person_id"]
    administration.create_device(installation.operator, NewDevice(vendor=slug, name="d1", bindings=(("", person),)))
    return vendor


def arguments(installation: Installation, path: Path, printed: dict[str, Any], *more: str) -> list[str]:
    path.write_text(json.dumps(printed))
    broker = installation.operator.settings.mqtt_url
    assert broker
    return ["check", "--broker", broker, "--credentials", str(path), "--api", installation.url, *more]


def test_a_vendor_checks_broker_and_api(
    installation: Installation, printed: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(arguments(installation, tmp_path / "v.json", printed, "--device", "d1"))
    said = capsys.readouterr().out
    assert (status, "FAIL" in said) == (0, False)
    assert "the API counts the vendor's messages" in said
    assert f"ok   {presence.STATUS}\nok   {presence.WILL}" in said


def test_a_status_that_the_server_does_not_take_fails(
    installation: Installation,
    printed: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a device that is not registered: the broker takes it with a PUBACK, the server keeps nothing."""
    monkeypatch.setattr(presence, "TAKEN_WITHIN_S", 0.5)
    monkeypatch.setattr(presence, "status_of", lambda *_: {})
    given = arguments(installation, tmp_path / "v.json", printed, "--device", "d1")
    assert main(given) == 1
    assert f"FAIL {presence.STATUS}" in capsys.readouterr().out


def test_watching_sees_a_status_and_a_will(
    installation: Installation,
    printed: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rounds: Rounds,
) -> None:
    given = arguments(installation, tmp_path / "v.json", printed, "--watch", "600")
    login = Login(printed["mqtt_username"], printed["mqtt_password"])
    api = Api(installation.url, printed["client_id"], printed["client_secret"])
    looked = threading.Event()

    def shows(state: str) -> bool:
        return presence.status_of(api, "d1").get("state") == state

    def is_looked_at() -> bool:
        device.publish(f"phr/v1/{login.vendor}/d1/readings", b'{"id": "m", "readings": []}')
        return looked.is_set()

    rounds(lambda one: one.heard and shows("online"), lambda _: looked.set() or shows("offline"))
    watching = threading.Thread(target=lambda: main(given))
    watching.start()
    device = Line(address_of(given[2]), login, [f"phr/v1/{login.vendor}/d1/feedback"])
    device.set_will(f"phr/v1/{login.vendor}/d1/status", b"offline")
    with device:
        device.publish(f"phr/v1/{login.vendor}/d1/status", b"online", retain=True)
        wait_until(is_looked_at)
        device.break_off()
    watching.join(WAIT_S)
    said = capsys.readouterr().out
    assert "ok   devices say their status" in said
    assert "ok   a device that left was shown as offline" in said


def test_a_payload_without_an_id_is_seen_through_the_statistics(
    installation: Installation,
    printed: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rounds: Rounds,
) -> None:
    given = arguments(installation, tmp_path / "v.json", printed, "--watch", "600")
    api = Api(installation.url, printed["client_id"], printed["client_secret"])
    begun = threading.Event()
    rounds(lambda _: begun.set() or api.get("/v1/vendor/statistics")["total"]["messages"])
    address = parse_url(str(installation.operator.settings.mqtt_url))
    gateway = Gateway((address.host, address.port), printed["mqtt_username"], printed["mqtt_password"])
    statuses: list[int] = []
    watching = threading.Thread(target=lambda: statuses.append(main(given)))
    watching.start()
    assert begun.wait(WAIT_S)
    wait_until(lambda: gateway.publish("d1", b'{"readings": []}', "") or not watching.is_alive())
    gateway.close()
    assert "FAIL every payload carries an id" in capsys.readouterr().out
    assert statuses == [1]


def test_a_wrong_secret_is_one_sentence(installation: Installation, printed: dict[str, Any], tmp_path: Path) -> None:
    wrong = printed | {"client_secret": "wrong"}
    with pytest.raises(ServerUnavailable, match="the API answers 401"):
        main(arguments(installation, tmp_path / "v.json", wrong))
