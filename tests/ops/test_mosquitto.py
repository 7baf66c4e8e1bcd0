"""The embedded broker: what it keeps over a restart, and what it says when it can't start."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import broker as files
from ops import mosquitto, ports
from phr.errors import ServerUnavailable
from tests.conftest import Broker
from tests.ingest.mqtt_client import Client


def test_taken_port_is_named(broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match=f"port {broker.port} is taken; set PHR_MQTT_PORT"):
        mosquitto.start(tmp_path, "127.0.0.1", broker.port)


def test_second_broker_on_the_same_files_is_refused(broker: Broker) -> None:
    with pytest.raises(ServerUnavailable, match="another mosquitto"):
        mosquitto.start(broker.data_dir, "127.0.0.1", ports.free_port())


def test_store_that_a_full_disk_cut_off_is_set_aside_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = files.folder(tmp_path) / files.STORE
    store.mkdir(parents=True)
    cut_off = b"\x00\xb5\x00mosquitto db"
    (store / "mosquitto.db").write_bytes(cut_off)
    mosquitto.stop(mosquitto.start(tmp_path, "127.0.0.1", ports.free_port()))
    (kept,) = store.glob("*.unreadable-*")
    assert kept.read_bytes() == cut_off
    assert (store / "mosquitto.db").read_bytes() != cut_off
    assert str(kept) in caplog.text
    mosquitto.stop(mosquitto.start(tmp_path, "127.0.0.1", ports.free_port()))
    assert list(store.glob("*.unreadable-*")) == [kept]


def test_retained_status_survives_a_restart(tmp_path: Path) -> None:
    files.write_password_file(tmp_path, {"acme/cuff": files.password_hash("secret")})
    server = mosquitto.start(tmp_path, "127.0.0.1", ports.free_port())
    with Client(server.host, server.port, "acme/cuff", "secret") as device:
        device.publish("phr/v1/acme/cuff/status", b"online", retain=True)
    mosquitto.stop(server)
    server = mosquitto.start(tmp_path, "127.0.0.1", ports.free_port())
    with Client(server.host, server.port, files.SERVER_USER, files.server_password(tmp_path)) as reader:
        reader.subscribe("phr/v1/+/+/status")
        assert reader.wait_for(1) == [("phr/v1/acme/cuff/status", b"online")]
    mosquitto.stop(server)
