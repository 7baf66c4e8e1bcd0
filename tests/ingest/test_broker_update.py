"""New logins reach a broker that runs, and no session of one who is away is its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import broker as files
from ingest import broker_update
from ingest.broker_update import Logins, State, is_harmless
from ingest.login import can_log_in
from ops import mosquitto, ports
from phr.errors import ServerUnavailable
from tests.conftest import Broker
from tests.ingest.mqtt_client import Client

SESSIONS = 12  # from here on a reload ended it each time
OLD, NEW = files.password_hash("old"), files.password_hash("new")
KNOWN, RESTORED, RELOADED = State(), State(has_old_sessions=True), State(has_old_sessions=True, reloads=1)


@pytest.mark.parametrize(
    ("after", "state", "has_certificates", "is_right"),
    [
        ({"a": OLD}, KNOWN, False, True),
        ({"a": OLD, "b": NEW}, State(reloads=9), False, True),
        ({"a": NEW}, KNOWN, False, False),
        ({}, KNOWN, False, False),
        ({"a": OLD}, RESTORED, False, True),
        ({"a": OLD}, RELOADED, False, False),
        ({"a": OLD}, KNOWN, True, False),
        ({"a": OLD}, State(is_pending=True), False, False),
    ],
)
def test_what_a_reload_may_meet(after: dict[str, str], state: State, has_certificates: bool, is_right: bool) -> None:
    assert is_harmless({"a": OLD}, after, state, has_certificates=has_certificates) is is_right


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Of its own, its sessions kept over a restart."""

    class Keeping(Broker):
        def spawn(self) -> mosquitto.processes.Process:
            return mosquitto.spawn(self.data_dir, self.host, self.port, self.tls_port)

    with Keeping(tmp_path, ports.free_port(), ports.free_port()).kept_alive() as one:
        yield one


def names() -> list[str]:
    return [f"acme/d{number}" for number in range(SESSIONS)]


def gives(broker: Broker, logins: dict[str, str]) -> int | None:
    """The process that runs once the broker has taken these."""
    broker_update.update(broker.data_dir, lambda: Logins(logins), lambda: None)
    return files.running_pid(broker.data_dir)


def comes(broker: Broker, name: str, password: str) -> bool:
    """Connects and leaves; True where its session was kept."""
    with Client(broker.host, broker.port, name, password, session=name) as client:
        client.subscribe(f"phr/v1/{name}/feedback")
        return client.has_session


def test_passwords_of_devices_that_are_away_are_replaced(broker: Broker) -> None:
    before = gives(broker, dict.fromkeys(names(), OLD))
    assert not any(comes(broker, name, "old") for name in names())
    assert gives(broker, dict.fromkeys(names(), NEW)) != before
    assert all(comes(broker, name, "new") for name in names())
    assert not can_log_in(broker.host, broker.port, names()[0], "old")


def test_devices_that_were_away_over_a_restart_and_two_changes_come_back(broker: Broker) -> None:
    kept = dict.fromkeys(names(), OLD)
    first = gives(broker, kept)
    assert not any(comes(broker, name, "old") for name in names())
    second = gives(broker, kept | {"acme/x": NEW, names()[0]: NEW})
    assert gives(broker, kept | {"acme/x": NEW, "acme/y": NEW, names()[0]: NEW}) == second != first
    assert gives(broker, kept | {"acme/x": NEW, "acme/y": NEW, "acme/z": NEW, names()[0]: NEW}) != second
    assert all(comes(broker, name, "old") for name in names()[1:])


def test_what_changes_nothing_is_not_told(broker: Broker) -> None:
    """Not even where it would take a restart."""
    before = gives(broker, {"acme": OLD})
    broker_update.update(broker.data_dir, lambda: Logins({"acme": OLD}, has_certificates=True), lambda: None)
    assert files.running_pid(broker.data_dir) == before


def test_update_that_was_broken_off_is_made_good(broker: Broker) -> None:
    """Its files were written, and the broker was not told."""
    before = gives(broker, {"acme": OLD})

    def breaks() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broker_update.update(broker.data_dir, lambda: Logins({"acme": NEW}), breaks)
    assert gives(broker, {"acme": NEW}) != before
    assert can_log_in(broker.host, broker.port, "acme", "new")


def test_broker_that_nobody_starts_again_is_named(tmp_path: Path) -> None:
    files.write_password_file(tmp_path, {"acme": OLD})
    server = mosquitto.start(tmp_path, "127.0.0.1", ports.free_port())
    with pytest.raises(ServerUnavailable, match="has not taken the new logins; restart it"):
        broker_update.update(tmp_path, lambda: Logins({"acme": NEW}), lambda: None, timeout_s=0.5)
    mosquitto.stop(server)
