"""Who may publish and read what, tried on a real mosquitto."""

from __future__ import annotations

from typing import Protocol

import pytest

from ingest import broker as files
from tests.conftest import Broker
from tests.ingest.mqtt_client import NOT_AUTHORISED, Client

TAKEN = (0, 16)  # 16: taken, and nobody listens


class Login(Protocol):
    def __call__(self, username: str) -> Client: ...


@pytest.fixture(scope="module")
def login(broker: Broker) -> Login:
    """A client of this user, who gets a login if need be."""
    passwords = {files.SERVER_USER: files.server_password(broker.data_dir)}

    def client(username: str) -> Client:
        if username not in passwords:
            passwords[username] = broker.add(username)
        return Client(broker.host, broker.port, username, passwords[username])

    return client


@pytest.mark.parametrize(
    ("username", "topic"),
    [
        ("acme/cuff", "phr/v1/acme/cuff/readings"),
        ("acme/cuff", "phr/v1/acme/cuff/status"),
        ("acme/AA%3ABB", "phr/v1/acme/AA:BB/readings"),
        ("acme/AA%3ABB", "phr/v1/acme/AA:BB/status"),
        ("acme", "phr/v1/acme/cuff/readings"),
        ("acme", "phr/v1/acme/AA:BB/status"),
        (files.SERVER_USER, "phr/v1/acme/cuff/feedback"),
        (files.SERVER_USER, "phr/v1/acme/cuff/commands"),
    ],
)
def test_publishing_is_allowed(login: Login, username: str, topic: str) -> None:
    with login(username) as client:
        assert client.publish(topic) in TAKEN


@pytest.mark.parametrize(
    ("username", "topic"),
    [
        ("acme/cuff", "phr/v1/acme/cuff/feedback"),
        ("acme/cuff", "phr/v1/acme/cuff/feedback/r1"),
        ("acme/cuff", "phr/v1/acme/cuff/commands"),
        ("acme/cuff", "phr/v1/acme/watch/readings"),
        ("acme/cuff", "phr/v1/other/cuff/readings"),
        ("acme/AA%3ABB", "phr/v1/acme/AA:BC/readings"),
        ("acme/AA%3ABB", "phr/v1/acme/AA:BB/feedback"),
        ("acme", "phr/v1/acme/cuff/feedback"),
        ("acme", "phr/v1/acme/cuff/commands"),
        ("acme", "phr/v1/acme-2/cuff/readings"),
        ("other", "phr/v1/acme/cuff/readings"),
        (files.SERVER_USER, "phr/v1/acme/cuff/readings"),
        ("acme/cuff", "anything/else"),
    ],
)
def test_publishing_is_refused(login: Login, username: str, topic: str) -> None:
    with login(username) as client:
        assert client.publish(topic) == NOT_AUTHORISED


@pytest.mark.parametrize(
    ("writer", "reader", "topic"),
    [
        (files.SERVER_USER, "acme/watch", "phr/v1/acme/watch/feedback"),
        (files.SERVER_USER, "acme/watch", "phr/v1/acme/watch/commands"),
        (files.SERVER_USER, "acme/CC%3ADD", "phr/v1/acme/CC:DD/feedback"),
        (files.SERVER_USER, "acme/CC%3ADD", "phr/v1/acme/CC:DD/commands"),
        (files.SERVER_USER, "acme", "phr/v1/acme/watch/feedback"),
        (files.SERVER_USER, "acme", "phr/v1/acme/watch/feedback/r1"),
        (files.SERVER_USER, "acme/watch", "phr/v1/acme/watch/feedback/r1"),
        (files.SERVER_USER, "acme/CC%3ADD", "phr/v1/acme/CC:DD/feedback/r1"),
        ("acme/watch", files.SERVER_USER, "phr/v1/acme/watch/readings"),
        ("acme/watch", files.SERVER_USER, "phr/v1/acme/watch/status"),
    ],
)
def test_reading_is_allowed(login: Login, writer: str, reader: str, topic: str) -> None:
    with login(writer) as one, login(reader) as other:
        other.subscribe(topic)
        one.publish(topic, b"for you")
        assert other.wait_for(1) == [(topic, b"for you")]


@pytest.mark.parametrize(
    ("writer", "reader", "topic"),
    [
        (files.SERVER_USER, "acme", "phr/v1/acme/scale/commands"),
        (files.SERVER_USER, "acme/other", "phr/v1/acme/scale/feedback"),
        (files.SERVER_USER, "acme/other", "phr/v1/acme/scale/feedback/r1"),
        (files.SERVER_USER, "other", "phr/v1/acme/scale/feedback"),
        ("acme/scale", "acme/other", "phr/v1/acme/scale/readings"),
        ("acme/scale", "acme/scale", "phr/v1/acme/scale/readings"),
        ("acme/scale", "other", "phr/v1/acme/scale/status"),
    ],
)
def test_reading_is_refused(login: Login, writer: str, reader: str, topic: str) -> None:
    with login(writer) as one, login(reader) as other, login(files.SERVER_USER) as server:
        other.subscribe("#")  # granted without a look at the rights, like every SUBSCRIBE under an access file
        other.subscribe(topic)
        one.publish(topic, b"not for you")
        server.publish(own_topic := _allowed_for(reader), b"the end")
        assert other.wait_for(1)[0] == (own_topic, b"the end")


@pytest.mark.parametrize(
    ("username", "password"), [(None, None), ("acme", "wrong"), ("nobody", "nothing"), ("acme/unknown", "")]
)
def test_stranger_is_turned_away(broker: Broker, username: str | None, password: str | None) -> None:
    with pytest.raises(ConnectionRefusedError), Client(broker.host, broker.port, username, password):
        pass


def test_device_cannot_log_in_with_the_password_of_another(broker: Broker) -> None:
    password = broker.add("acme/one")
    broker.add("acme/two")
    with pytest.raises(ConnectionRefusedError), Client(broker.host, broker.port, "acme/two", password):
        pass


def test_connected_clients_stay_when_users_are_read_again(broker: Broker, login: Login) -> None:
    with login("acme/steady") as client:
        broker.add("acme/newcomer")
        assert client.publish("phr/v1/acme/steady/readings") in TAKEN


def _allowed_for(username: str) -> str:
    name = username if "/" in username else f"{username}/any"
    return f"phr/v1/{name}/feedback"
