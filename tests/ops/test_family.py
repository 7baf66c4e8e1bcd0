"""The family as its operator meets it: start, stop, what dies, what is refused."""

from __future__ import annotations

import os
import resource
import signal
import socket
import ssl
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import credentials
from ingest.login import can_log_in
from ops import administration, family
from ops.administration import Operator
from phr.clock import now_ms
from phr.config import load
from phr.errors import ServerUnavailable, SettingInvalid
from phr.intake.devices import NewDevice
from tests.ops.running import WAIT_S, Family, command, processes_of, wait_until

PARTS = ("mongod", "mosquitto", "gunicorn", "app.py ingest", "app.py scheduler")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    """A first start, ended by SIGTERM."""
    with Family(tmp_path_factory.mktemp("family") / "phr") as one:
        yield one.wait_until_up()
        assert (one.stop(signal.SIGTERM), processes_of(one.data_dir)) == (0, {})
        assert not (one.data_dir / "family.json").exists()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def is_healthy(one: Family) -> bool:
    try:
        with urllib.request.urlopen(f"{one.http_url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_every_part_runs(running: Family) -> None:
    for part in PARTS:  # the test before may have killed one
        assert running.one(part)


def test_tls_listener_answers_with_a_certificate_of_the_installation(running: Family) -> None:
    port = running.addresses["mqtts_port"]
    assert f"mqtts://127.0.0.1:{port}" in running.said
    context = ssl.create_default_context(cafile=running.data_dir / "mosquitto" / "ca.crt")
    plain = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_family_file_is_for_its_owner_only(running: Family) -> None:
    assert stat.S_IMODE((running.data_dir / "family.json").stat().st_mode) == 0o600


def test_commands_from_another_shell_find_the_family(running: Family) -> None:
    settings = load({"PHR_DATA_DIR": str(running.data_dir)})
    assert (settings.mongodb_uri, settings.origins["mongodb_uri"]) == (running.addresses["mongodb_uri"], "family")


def test_second_family_on_the_same_directory_is_refused_in_one_line(running: Family) -> None:
    refused = command(running.data_dir, "dev")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"already runs on {running.data_dir} (process {running.process.pid})" in refused.stderr


@pytest.mark.parametrize("part", PARTS)
def test_killed_part_is_started_again_and_the_reason_logged(running: Family, part: str) -> None:
    before, said = running.one(part), len(running.said)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: "SIGKILL" in running.said[said:], "no reason")
    wait_until(lambda: _other(running, part, before), f"{part} was not started again")
    wait_until(lambda: is_healthy(running), "not healthy again")


def test_broker_that_has_to_be_restarted_for_a_login_comes_back_and_has_not_failed(running: Family) -> None:
    settings = load({"PHR_DATA_DIR": str(running.data_dir)})
    operator = Operator(settings, administration.open_record(settings), now_ms())
    with operator.database.client:
        administration.create_vendor(operator, "famed")
        made = administration.create_device(operator, NewDevice(vendor="famed", name="d1"))
        login = ("127.0.0.1", running.addresses["mqtt_port"], made["mqtt_username"], made["mqtt_password"])
        before, said = running.one("mosquitto"), len(running.said)
        assert can_log_in(*login)
        credentials.disable_credential(operator.database, made["mqtt_username"])
        credentials.sync(operator.database, settings.data_dir)
    assert not can_log_in(*login)
    assert running.one("mosquitto") != before
    assert "mosquitto ended as it was told" in running.said[said:]


def test_secrets_are_not_in_what_it_says(running: Family) -> None:
    assert running.addresses["mqtt_group"] not in running.said
    assert running.addresses["mqtt_url"] not in running.said


def test_killed_supervisor_leaves_nobody_and_the_next_start_shows_no_logins(running: Family) -> None:
    assert "these logins are shown once" in running.said
    said = len(running.said)
    running.process.kill()
    running.process.wait()
    wait_until(lambda: not processes_of(running.data_dir), "orphans after SIGKILL of the supervisor")
    assert "Traceback" not in running.said[said:]
    running.start().wait_until_up()
    assert "shown once" not in running.said[said:]


@pytest.mark.parametrize("variable", ["PHR_HTTP_PORT", "PHR_MQTT_PORT", "PHR_MONGODB_PORT"])
def test_port_that_was_asked_for_and_is_taken_is_one_line(tmp_path: Path, taken_port: int, variable: str) -> None:
    refused = command(tmp_path / "phr", "dev", **{variable: str(taken_port)})
    assert refused.returncode == 1
    assert refused.stderr == (
        f"dev: port {taken_port} is taken on 127.0.0.1; set {variable} to another one, or unset it\n"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PHR_MONGODB_URI": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"}, "Check PHR_MONGODB_URI"),
        ({"PHR_MONGODB_URI": "mongodb://"}, "PHR_MONGODB_URI is not a MongoDB address"),
        ({"PHR_DATA_DIR": "/proc/nowhere"}, "set PHR_DATA_DIR"),
        ({"PHR_HTTP_PORT": "eighty"}, "is not a whole number"),
        ({"PHR_ERASURE_DAYS": "-1"}, "must not be less than 0"),
        ({"PHR_LOG_LEVEL": "LOUD"}, "PHR_LOG_LEVEL=LOUD"),
    ],
)
def test_what_an_operator_can_mend_is_one_line(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    refused = command(tmp_path / "phr", "dev", **settings)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_file_that_may_not_grow_is_one_sentence_without_a_trace(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    try:
        refused = command(tmp_path / "phr", "dev")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused.returncode == 1
    assert "mongod ended" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match=r"MiB free and .* MiB are needed; make room"):
        family.check_room(tmp_path, 2**60)


def test_enough_room_says_nothing(tmp_path: Path) -> None:
    family.check_room(tmp_path / "new", 1)
    assert (tmp_path / "new").is_dir()


def test_roles_get_the_family_s_settings_and_no_stale_ones(tmp_path: Path) -> None:
    settings = load({"PHR_DATA_DIR": str(tmp_path), "PHR_MQTT_GROUP": "g"})
    given = family.environment(settings, {"PATH": "/bin", "PHR_MONGODB_URI_FILE": "/x", "PHR_HTTP_PORT": "1"})
    assert given["PATH"] == "/bin"
    assert (given["PHR_MQTT_GROUP"], given["PHR_HTTP_PORT"]) == ("g", "8080")
    assert "PHR_MONGODB_URI_FILE" not in given
    assert load(given).mqtt_group == "g"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "mqtt://", "mqtt://127.0.0.1:99999999"])
def test_broker_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(SettingInvalid, match="PHR_MQTT_URL"):
        family.check_broker(url)


def test_broker_that_is_away_is_named() -> None:
    with pytest.raises(ServerUnavailable, match="check PHR_MQTT_URL"):
        family.check_broker("mqtt://u:p@127.0.0.1:1")


def _other(running: Family, part: str, before: int) -> bool:
    found = [pid for pid, line in processes_of(running.data_dir).items() if part in line]
    return bool(found) and before not in found
