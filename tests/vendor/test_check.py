"""`vendor check` against a real broker and a real worker, with a vendor's login and nothing else."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from phr.errors import InputInvalid, ServerUnavailable
from tests.ingest.running import Plant, wait_until
from tests.vendor.conftest import Rounds
from vendor import command, line, main
from vendor.login import login_of


def arguments(plant: Plant, username: str, *more: str) -> list[str]:
    credentials = f"{username}:{plant.broker.add(username)}"
    return ["check", "--broker", f"mqtt://{plant.broker.host}:{plant.broker.port}", "--credentials", credentials, *more]


def failures(printed: str) -> list[str]:
    return [one for one in printed.splitlines() if not one.startswith(("ok  ", "--  "))]


def test_a_good_installation_passes_with_a_vendors_login(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(plant, plant.vendor, "--device", "d1")
    with plant.working():
        status = main(given)
    printed = capsys.readouterr().out
    assert (failures(printed), status) == ([], 0)
    assert printed.count("ok  ") == 21
    assert "--   status and Will" in printed


def test_a_good_installation_passes_with_a_devices_login(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(plant, f"{plant.vendor}/d1")
    with plant.working():
        status = main(given)
    assert (failures(capsys.readouterr().out), status) == ([], 0)


def test_a_device_that_nobody_registered_is_told_how(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(plant, plant.vendor)
    with plant.working():
        status = main(given)
    assert status == 1
    assert f"admin device create {plant.vendor} conformance" in failures(capsys.readouterr().out)[0]


def test_a_device_that_is_nobodys_is_told_so(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    plant.add_device("d2", bindings=())
    given = arguments(plant, plant.vendor, "--device", "d2")
    with plant.working():
        assert main(given) == 1
    assert "bind the device to a test person" in failures(capsys.readouterr().out)[0]


def test_an_installation_without_a_worker_fails(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "VERDICT_WITHIN_S", 0.05)
    assert main(arguments(plant, plant.vendor, "--device", "d1")) == 1


def test_a_wrong_password_is_one_sentence(plant: Plant) -> None:
    broker = f"mqtt://{plant.broker.host}:{plant.broker.port}"
    with pytest.raises(ServerUnavailable, match="does not take this login"):
        main(["check", "--broker", broker, "--credentials", f"{plant.vendor}:wrong"])


def test_watching_hears_what_a_device_does_wrong(
    plant: Plant, capsys: pytest.CaptureFixture[str], rounds: Rounds
) -> None:
    given = arguments(plant, f"{plant.vendor}/d1", "--watch", "600")
    rounds(lambda one: one.heard)
    bad = json.dumps({"readings": [{"metric": "heart-rate", "t": "2026-11-23T07:30:00", "value": 72}]}).encode()
    status: list[int] = []
    with plant.working():
        thread = threading.Thread(target=lambda: status.append(main(given)))
        thread.start()
        _send_until(plant, bad, thread)
    said = failures(capsys.readouterr().out)
    assert status == [1]
    assert any("every payload carries an id" in one for one in said)
    assert any("time-invalid" in one and "offset" in one for one in said)


def test_watching_a_silent_vendor_fails(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(plant, plant.vendor, "--watch", "0.1")) == 1
    assert "something was sent" in failures(capsys.readouterr().out)[0]


def test_credentials_come_from_what_admin_printed(tmp_path: Path) -> None:
    path = tmp_path / "acme.json"
    path.write_text(json.dumps({"mqtt_username": "acme/AA%3ABB", "mqtt_password": "p", "client_id": "c"}))
    login = login_of(str(path))
    assert (login.vendor, login.device, login.password, login.client_id) == ("acme", "AA:BB", "p", "c")


@pytest.mark.parametrize("given", ["", "acme", "acme:", ":secret"])
def test_credentials_that_are_none_are_refused(given: str) -> None:
    with pytest.raises(InputInvalid):
        login_of(given)


def test_the_api_needs_its_own_credentials(plant: Plant) -> None:
    with pytest.raises(InputInvalid, match="client-id"):
        command.main(arguments(plant, plant.vendor, "--api", "http://127.0.0.1:1"))


def _send_until(plant: Plant, payload: bytes, thread: threading.Thread) -> None:
    def is_over() -> bool:
        plant.send(payload)
        return not thread.is_alive()

    wait_until(is_over)
