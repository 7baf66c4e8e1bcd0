"""The example devices run as they are, against a real broker and a real worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ingest.running import Plant

ROOT = Path(__file__).parents[2]
PRESSURE = ("--systolic", "128", "--diastolic", "82")


def cuff(plant: Plant, outbox: Path, password: str, *more: str) -> tuple[int, str]:
    given = ["--broker", f"{plant.broker.host}:{plant.broker.port}", "--user", f"{plant.vendor}/d1"]
    command = [sys.executable, str(ROOT / "examples" / "python_device.py"), *given, "--password", password]
    return _run([*command, "--outbox", str(outbox), *more])


def _run(command: list[str], **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )
    return done.returncode, done.stdout


def verdicts(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_python_device_gets_its_verdict_and_lets_the_payload_go(plant: Plant, tmp_path: Path) -> None:
    password = plant.broker.add(f"{plant.vendor}/d1")
    with plant.working():
        status, said = cuff(plant, tmp_path, password, *PRESSURE)
    assert (status, [one["stored"] for one in verdicts(said)]) == (0, [1])
    assert list(tmp_path.iterdir()) == []
    assert len(plant.stored("blood-pressure")) == 1


def test_python_device_keeps_what_has_no_verdict_and_sends_it_the_next_time(plant: Plant, tmp_path: Path) -> None:
    password = plant.broker.add(f"{plant.vendor}/d1")
    assert cuff(plant, tmp_path, password, *PRESSURE, "--patience", "0.5")[0] == 1
    assert len(list(tmp_path.glob("*.json"))) == 1
    with plant.working():
        status, said = cuff(plant, tmp_path, password)
    assert (status, verdicts(said)[-1]["rejected_count"]) == (0, 0)
    assert (len(plant.stored("blood-pressure")), list(tmp_path.iterdir())) == (1, [])


def test_python_device_sets_aside_what_the_broker_would_hang_up_on(plant: Plant, tmp_path: Path) -> None:
    password = plant.broker.add(f"{plant.vendor}/d1")
    (tmp_path / "big.json").write_text('{"id": "big"' + " " * 2**20 + "}")
    with plant.working():
        status, said = cuff(plant, tmp_path, password, *PRESSURE)
    assert (status, "big.json is over" in said) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["big.too-large"]
    assert len(plant.stored("blood-pressure")) == 1


def test_python_device_without_a_broker_keeps_its_payload(tmp_path: Path) -> None:
    given = ["--broker", "127.0.0.1:1", "--user", "acme/d1", "--password", "x", "--outbox", str(tmp_path)]
    status, _ = _run([sys.executable, str(ROOT / "examples" / "python_device.py"), *given, *PRESSURE])
    assert (status, len(list(tmp_path.glob("*.json")))) == (1, 1)


def test_shell_device_prints_its_verdict(plant: Plant) -> None:
    password = plant.broker.add(f"{plant.vendor}/d1")
    place = [plant.broker.host, str(plant.broker.port), f"{plant.vendor}/d1"]
    with plant.working():
        status, said = _run([str(ROOT / "examples" / "shell_device.sh"), *place, "128", "82"], PASSWORD=password)
    assert (status, [one["stored"] for one in verdicts(said)]) == (0, [1])
    assert len(plant.stored("blood-pressure")) == 1
