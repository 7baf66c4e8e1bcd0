"""Client certificates on the broker's TLS listener, tried on a real mosquitto."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest import broker as files
from ingest import credentials
from ops import ports
from phr.clock import now_ms
from phr.database import Database
from phr.intake import authority, certificates, devices
from phr.intake.authority import Issued
from phr.intake.devices import NewDevice
from tests.cast import T0
from tests.conftest import Broker
from tests.ingest.mqtt_client import NOT_AUTHORISED, Client

TAKEN = (0, 16)


@dataclass
class Installed:
    database: Database
    data_dir: Path
    port: int

    def issued(self, name: str) -> Issued:
        devices.create_device(self.database, NewDevice(vendor="acme", name=name), T0)
        return self.again(name)

    def again(self, name: str) -> Issued:
        device = devices.find(self.database, f"acme/{name}")
        assert device
        return certificates.issue(self.database, self.data_dir, device, None, now_ms())

    def client(self, issued: Issued) -> Client:
        by = authority.authority(self.data_dir, now_ms())
        file = self.data_dir / f"{issued.serial:x}.pem"
        file.write_text((issued.key_pem or "") + issued.certificate_pem)
        context = ssl.create_default_context(cadata=by.pem)
        context.load_cert_chain(file)
        client = Client("127.0.0.1", self.port, None, None)
        client.use_tls(context)
        return client

    def sync(self) -> None:
        credentials.sync(self.database, self.data_dir)

    def is_welcome(self, issued: Issued) -> bool:
        try:
            with self.client(issued) as client:
                return client.is_connected
        except (ConnectionError, ssl.SSLError):
            return False


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A broker with a TLS listener; it has seen the lists of revoked ones of every test before."""
    data_dir, tls_port = tmp_path_factory.mktemp("tls"), ports.free_port()
    by = authority.authority(data_dir, now_ms())
    made = authority.server_certificate(by, ["localhost", "127.0.0.1"], now_ms())
    listed = authority.revocation_list(by, [], None, now_ms())
    assert made.key_pem
    assert listed
    for name, text in zip(files.TLS_FILES, (made.certificate_pem, made.key_pem, by.pem, listed.decode()), strict=True):
        files.write_tls_file(data_dir, name, text)
    with Broker(data_dir, ports.free_port(), tls_port).kept_alive():
        yield data_dir, tls_port


@pytest.fixture
def house(database: Database, running: tuple[Path, int]) -> Installed:
    devices.create_vendor(database, "acme", T0)
    one = Installed(database, *running)
    one.sync()
    return one


def test_certificate_speaks_for_its_device_and_no_other(house: Installed) -> None:
    with house.client(house.issued("c1")) as client:
        assert client.publish("phr/v1/acme/c1/readings") in TAKEN
        assert client.publish("phr/v1/acme/c2/readings") == NOT_AUTHORISED


def test_name_with_a_colon_has_its_own_topics(house: Installed) -> None:
    devices.create_device(house.database, NewDevice(vendor="acme", name="AA:BB"), T0)
    name = files.mqtt_username("acme", "AA:BB")
    credentials.put_credential(house.database, name, files.password_hash("x"), "acme", "AA:BB")
    house.sync()
    one = house.again("AA:BB")
    house.sync()
    with house.client(one) as client:
        assert client.publish("phr/v1/acme/AA:BB/readings") in TAKEN


def test_certificate_of_another_authority_is_refused(house: Installed, tmp_path: Path) -> None:
    forged = authority.issue(authority.authority(tmp_path, now_ms()), "acme/c3", now_ms())
    assert not house.is_welcome(forged)


def test_certificate_of_the_broker_itself_is_no_login(house: Installed) -> None:
    by = authority.authority(house.data_dir, now_ms())
    assert not house.is_welcome(authority.server_certificate(by, ["localhost"], now_ms()))


def test_each_revocation_is_heard_at_once_and_only_of_that_certificate(house: Installed) -> None:
    """Three in one second: of lists with one date the broker would take the first."""
    made = [house.issued(f"r{number}") for number in range(3)]
    kept = house.again("r0")
    for number, one in enumerate(made):
        certificates.revoke(house.database, f"acme/r{number}", f"{one.serial:x}", now_ms())
        house.sync()
        assert not house.is_welcome(one)
    assert house.is_welcome(kept)


def test_suspended_device_is_refused_until_it_is_resumed(house: Installed) -> None:
    one = house.issued("s1")
    for is_suspended in (True, False):
        devices.suspend(house.database, "acme/s1", is_suspended=is_suspended)
        house.sync()
        assert house.is_welcome(one) is not is_suspended


def test_connected_device_is_cut_off_once_it_is_suspended(house: Installed) -> None:
    with house.client(house.issued("s2")) as client:
        assert client.publish("phr/v1/acme/s2/readings") in TAKEN
        devices.suspend(house.database, "acme/s2", is_suspended=True)
        house.sync()
        client.wait_until_disconnected()


def test_password_is_not_asked_for_on_the_tls_listener_and_does_not_do_there(house: Installed) -> None:
    context = ssl.create_default_context(cadata=authority.authority(house.data_dir, now_ms()).pem)
    client = Client("127.0.0.1", house.port, files.SERVER_USER, files.server_password(house.data_dir))
    client.use_tls(context)
    with pytest.raises((ConnectionError, ssl.SSLError)), client:
        pass


def test_connection_that_stands_ends_with_its_certificate_and_the_next_one_speaks(house: Installed) -> None:
    stolen = house.issued("k1")
    with house.client(stolen) as client:
        certificates.revoke(house.database, "acme/k1", None, now_ms())
        house.sync()
        client.wait_until_disconnected()
    assert not house.is_welcome(stolen)
    new = house.again("k1")
    house.sync()
    with house.client(new) as other:
        assert other.publish("phr/v1/acme/k1/readings") in TAKEN


def test_connection_ends_with_its_certificate_though_a_password_has_its_name(house: Installed) -> None:
    old = house.issued("k4")
    credentials.put_credential(house.database, "acme/k4", files.password_hash("x"), "acme", "k4")
    house.sync()
    with house.client(old) as client:
        certificates.revoke(house.database, "acme/k4", None, now_ms())
        house.sync()
        client.wait_until_disconnected()
    assert not house.is_welcome(old)


def test_name_that_has_a_password_too_is_not_denied(database: Database) -> None:
    """For a broker that asks by name alone: its password's connections would be silenced along."""
    row = {"device": "acme/k5", "username": "acme/k5", "revoked_at_ms": T0, "ends_at_ms": T0}
    database[certificates.COLLECTION].insert_one(row)
    credentials.put_credential(database, "acme/k5", files.password_hash("x"), "acme", "k5")
    assert not certificates.is_denied(database, "acme/k5")
    credentials.disable_credential(database, "acme/k5")
    assert certificates.is_denied(database, "acme/k5")


def test_other_certificate_of_the_device_speaks_on(house: Installed) -> None:
    old, new = house.issued("k3"), house.again("k3")
    certificates.revoke(house.database, "acme/k3", f"{old.serial:x}", now_ms())
    house.sync()
    with house.client(new) as kept:
        assert kept.publish("phr/v1/acme/k3/readings") in TAKEN
