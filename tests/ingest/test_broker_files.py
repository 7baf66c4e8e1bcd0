"""What stands in the broker's files, and who may read them."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from ingest import broker as files
from phr.errors import ServerUnavailable
from tests.conftest import Broker

LISTENER = files.Listener(bind="127.0.0.1", port=21883, tls_port=28883, memory_bytes=4 * 1024**3)
MIB = 1024 * 1024


@pytest.fixture
def written(tmp_path: Path) -> Path:
    files.write_config(tmp_path, LISTENER)
    files.write_password_file(tmp_path, {"acme": files.password_hash("secret")})
    return tmp_path


def test_files_are_for_their_owner_only(written: Path) -> None:
    home = files.folder(written)
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
    assert modes == {"mosquitto.conf": 0o600, "acl": 0o600, "passwords": 0o600, "store": 0o700}
    assert home.stat().st_mode & 0o777 == 0o700
    assert (written / "mqtt-server-password").stat().st_mode & 0o777 == 0o600


def test_no_half_written_file_is_left(written: Path) -> None:
    files.write_password_file(written, {})
    assert not [path for path in files.folder(written).iterdir() if path.name.startswith(".")]


def test_password_file_holds_hashes_and_the_server(written: Path) -> None:
    lines = (files.folder(written) / files.PASSWORD_FILE).read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == ["acme", files.SERVER_USER]
    assert "secret" not in "".join(lines)


def test_password_hash_is_the_one_mosquitto_checks() -> None:
    kind, rounds, salt, digest = files.password_hash("secret").split("$")[1:]
    expected = hashlib.pbkdf2_hmac("sha512", b"secret", base64.b64decode(salt), int(rounds))
    assert (kind, rounds, base64.b64decode(digest)) == ("7", "101", expected)


def test_same_password_hashes_differently_each_time() -> None:
    assert files.password_hash("secret") != files.password_hash("secret")


@pytest.mark.parametrize(
    ("vendor", "device", "username"),
    [
        ("acme", None, "acme"),
        ("acme", "cuff-7", "acme/cuff-7"),
        ("acme", "AA:BB", "acme/AA%3ABB"),
        ("a", "x.y_z", "a/x.y_z"),
    ],
)
def test_mqtt_username(vendor: str, device: str | None, username: str) -> None:
    assert files.mqtt_username(vendor, device) == username


@pytest.mark.parametrize(
    ("memory", "limit"),
    [(639 * MIB, 64 * MIB), (640 * MIB, 64 * MIB), (650 * MIB, 65 * MIB), (20_000 * MIB, 2_000 * MIB)],
)
def test_queue_may_hold_a_tenth_of_the_memory(memory: int, limit: int) -> None:
    assert files.queue_limit_bytes(memory) == limit


def test_plain_listener_alone_without_a_certificate(written: Path) -> None:
    assert "28883" not in (files.folder(written) / files.CONFIG_FILE).read_text()


def test_tls_listener_where_a_certificate_lies(written: Path) -> None:
    for name in files.TLS_FILES:
        (files.folder(written) / name).touch()
    assert "listener 28883 127.0.0.1" in files.write_config(written, LISTENER).read_text()
    assert files.address(written) == ("127.0.0.1", 21883)


def test_address_without_a_broker_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="no broker has been set up"):
        files.address(tmp_path)


def test_secret_is_made_once(tmp_path: Path) -> None:
    assert files.kept_secret(tmp_path / "x") == files.kept_secret(tmp_path / "x")


def test_pid_of_another_program_is_not_signalled(written: Path) -> None:
    (files.folder(written) / files.PID_FILE).write_text(str(os.getpid()))
    assert files.running_pid(written) is None


def test_running_broker_is_recognised(broker: Broker) -> None:
    pid = files.running_pid(broker.data_dir)
    assert pid
    assert str(broker.data_dir) in Path(f"/proc/{pid}/cmdline").read_text()
