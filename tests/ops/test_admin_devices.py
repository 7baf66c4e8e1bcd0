"""The operator's commands for devices, on a real broker and database."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.login import can_log_in
from ops import admin
from ops.login_keeper import RESTS_MS, Keeper
from phr.config import Settings
from phr.database import Database
from phr.intake import devices, enrolment, mqtt_logins
from phr.intake.device_clock import Period
from phr.intake.devices import NewDevice
from tests.cast import T0
from tests.conftest import Broker
from tests.ingest.mqtt_client import Client

Admin = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def home(settings: Settings, database: Database, broker: Broker, mongod: str) -> Settings:
    devices.create_vendor(database, "acme", T0)
    return replace(settings, mongodb_uri=mongod, mongodb_database=database.name, data_dir=broker.data_dir)


@pytest.fixture
def run(home: Settings, capsys: pytest.CaptureFixture[str]) -> Admin:
    def run_one(*argv: str) -> tuple[int, Any, str]:
        try:
            status = admin.main(list(argv), home)
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    return run_one


def lets_in(broker: Broker, made: dict[str, Any]) -> bool:
    return can_log_in(broker.host, broker.port, made["mqtt_username"], made["mqtt_password"])


def test_both_passwords_hold_until_the_overlap_is_over(run: Admin, home: Settings, broker: Broker) -> None:
    old = run("device", "create", "acme", "AA:B1")[1]
    with Client(broker.host, broker.port, old["mqtt_username"], old["mqtt_password"]) as client:
        new = run("device", "rotate", "acme", "AA:B1")[1]
        assert client.publish("phr/v1/acme/AA:B1/readings") in (0, 16)
    with Client(broker.host, broker.port, new["mqtt_username"], new["mqtt_password"]) as client:
        assert client.publish("phr/v1/acme/AA:B1/readings") in (0, 16)
    assert run("device", "rotate", "acme", "AA:B1")[0] == 1


def test_old_password_ends_at_its_time_and_not_before(
    run: Admin, home: Settings, database: Database, broker: Broker
) -> None:
    old = run("device", "create", "acme", "r2")[1]
    new = run("device", "rotate", "acme", "r2")[1]
    ends = database.mqtt_credentials.find_one({"_id": "acme/r2"})["ends_at_ms"]
    keeper = Keeper(database, home)
    said = [(keeper.keep_one(at), lets_in(broker, old), lets_in(broker, new)) for at in (ends - 1, ends, ends + 1)]
    assert said == [(True, True, True), (True, False, True), (False, False, True)]


@pytest.mark.parametrize(("passed_ms", "is_told"), [(RESTS_MS - 1, False), (RESTS_MS, True), (RESTS_MS + 1, True)])
def test_broker_that_was_restarted_is_given_a_rest(
    run: Admin, home: Settings, database: Database, passed_ms: int, is_told: bool
) -> None:
    run("device", "create", "acme", "r4")
    keeper = Keeper(database, home)
    keeper.keep_one(T0)
    mqtt_logins.set_disabled(database, "acme", "r4", is_disabled=True)
    assert keeper.keep_one(T0)
    mqtt_logins.set_disabled(database, "acme", "r4", is_disabled=False)
    assert keeper.keep_one(T0 + passed_ms) is is_told


def test_rotation_now_ends_the_old_password_and_its_connection(run: Admin, broker: Broker) -> None:
    old = run("device", "create", "acme", "r3")[1]
    with Client(broker.host, broker.port, "acme/r3", old["mqtt_password"]) as client:
        new = run("device", "rotate", "acme", "r3", "--now")[1]
        client.wait_until_disconnected()
    assert (new["mqtt_username"], lets_in(broker, new), lets_in(broker, old)) == ("acme/r3", True, False)


def test_suspended_device_is_disconnected_and_comes_back_with_resume(run: Admin, broker: Broker) -> None:
    made = run("device", "create", "acme", "s1")[1]
    with Client(broker.host, broker.port, "acme/s1", made["mqtt_password"]) as client:
        assert run("device", "suspend", "acme", "s1")[1]["is_suspended"] is True
        client.wait_until_disconnected()
    assert not lets_in(broker, made)
    run("device", "resume", "acme", "s1")
    assert lets_in(broker, made)


def test_retired_device_stays_out(run: Admin, broker: Broker) -> None:
    made = run("device", "create", "acme", "s2")[1]
    assert run("device", "retire", "acme", "s2")[1]["is_retired"] is True
    assert run("device", "resume", "acme", "s2")[0] == 1
    assert not lets_in(broker, made)


def test_login_that_the_api_gave_out_is_brought_to_the_broker(
    home: Settings, database: Database, broker: Broker
) -> None:
    keeper = Keeper(database, home)
    keeper.keep_one(T0)
    made, later = enrolment.enrol(database, [NewDevice(vendor="acme", name="k1")], T0)[0].as_json(), T0 + RESTS_MS
    assert (keeper.keep_one(later), lets_in(broker, made), keeper.keep_one(later)) == (True, True, False)


def test_certificate_is_given_and_taken_back(run: Admin) -> None:
    run("device", "create", "acme", "c1")
    made = run("device", "certificate", "acme", "c1")[1]
    assert run("device", "revoke-certificate", "acme", "c1")[1]["revoked"] == [made["serial"]]
    assert run("device", "revoke-certificate", "acme", "c1")[0] == 1


def test_import_gives_everybody_a_login_and_goes_on_where_it_was(run: Admin, broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("device,made_on\n" + "".join(f"i{n},2026-01-02\n" for n in range(1_001)))
    assert run("device", "import", str(file), "acme")[1]["created"] == 1_001
    rows = list(csv.DictReader((tmp_path / "d.credentials.csv").read_text().splitlines()))
    assert (len(rows), lets_in(broker, rows[1_000])) == (1_001, True)
    file.write_text(file.read_text() + "i1001,\n")
    again = run("device", "import", str(file), "acme")[1]
    assert (again["created"], again["existing"], lets_in(broker, rows[0])) == (1, 1_001, True)
    assert (tmp_path / "d.credentials.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("device\nok\na/b\n", "line 3, column device"),
        ("device\nok\n" + "x" * 65 + "\n", "line 3, column device"),
        ("device,made_on\nok,2026-02-30\n", "line 2, column made_on"),
        ("device,format\nok,phr-v1\nok2,nonsense\n", "line 3, column format"),
        ("device,model\nok,nonsense\n", "line 2, column model"),
        ("device,format\nok,map:acme/none\n", "no mapping acme/none"),
        ("device\nok\nok\n", "line 3, column device: ok stands in line 2"),
        ("device,made_on\nok\n", "line 2: 1 columns"),
        ("name\nok\n", "line 1, column name"),
        ("", "line 1, column device"),
        ('device\n"ok\n', "line"),
    ],
)
def test_bad_file_is_refused_whole_and_the_place_is_named(
    run: Admin, database: Database, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "d.csv").write_text(text)
    status, _, complaint = run("device", "import", str(tmp_path / "d.csv"), "acme")
    assert (status, said in complaint, devices.find(database, "acme/ok")) == (1, True, None)


@pytest.mark.parametrize("verb", ["suspend", "resume", "retire", "rotate", "certificate", "revoke-certificate"])
def test_unknown_device_is_one_sentence(run: Admin, verb: str) -> None:
    status, printed, said = run("device", verb, "acme", "none")
    assert (status, printed, said.count("\n")) == (1, None, 1)


def test_period_of_a_clock_is_shown_removed_once_and_told_to_its_owner(run: Admin, database: Database) -> None:
    ana = run("person", "create", "--name", "Ana")[1]["person_id"]
    run("device", "create", "acme", "AA:B1", "--person", ana)
    devices.set_clock(database, "acme/AA:B1", lambda clock: clock.opened(Period(T0, 17 * 60_000 + 1, T0)))
    removed = run("device", "remove-clock", "acme", "AA:B1", "1", "--reason", "it waits before it sends")[1]
    again = run("device", "remove-clock", "acme", "AA:B1", "1", "--reason", "another word")[1]
    (shown,) = run("device", "clock", "acme", "AA:B1")[1]["periods"]
    assert (shown["offset_s"], shown["removed"]["why"]) == (1020, "it waits before it sends")
    assert removed == again == {"device": "acme/AA:B1", "period": shown, "restamped": 0, "left": 0}
    assert [row["person"] for row in database["notices"].find()] == [ana]


@pytest.mark.parametrize(("number", "reason"), [("2", "why"), ("0", "why"), ("1", " "), ("1", "x" * 201)])
def test_period_is_not_removed_without_its_number_and_a_reason(
    run: Admin, database: Database, number: str, reason: str
) -> None:
    run("device", "create", "acme", "AA:B1")
    devices.set_clock(database, "acme/AA:B1", lambda clock: clock.opened(Period(T0, 17 * 60_000 + 1, T0)))
    assert run("device", "remove-clock", "acme", "AA:B1", number, "--reason", reason)[0] == 1
    assert run("device", "clock", "acme", "AA:B1")[1]["periods"][0]["removed"] is None
