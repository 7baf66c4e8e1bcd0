"""What a device may say of itself, and what is kept of it."""

import json

import pytest

from phr.database import Database
from phr.errors import PayloadUnreadable
from phr.intake import devices, sightings, status
from phr.intake.status import Heard, Status, parse_status
from tests.cast import T0


@pytest.fixture
def device(database: Database) -> str:
    devices.create_vendor(database, "acme", T0)
    return devices.create_device(database, devices.NewDevice(vendor="acme", name="d1"), T0).device.ref


@pytest.mark.parametrize("battery", [0, 100, 81.5])
def test_a_battery_is_a_share(battery: float) -> None:
    assert parse_status(json.dumps({"state": "online", "battery": battery}).encode()).battery == battery


@pytest.mark.parametrize(
    "payload",
    [
        {"state": "online", "battery": -1},
        {"state": "online", "battery": 101},
        {"state": "asleep"},
        {},
        {"state": "online", "firmware": "x" * 65},
        {"state": "online", "firmware": "a\nb"},
        {"state": "online", "pad": "x" * 1024},
    ],
)
def test_what_is_no_status_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(PayloadUnreadable):
        parse_status(json.dumps(payload).encode())


def test_a_firmware_has_64_characters_and_a_will_one_word() -> None:
    assert parse_status(json.dumps({"state": "online", "firmware": "x" * 64}).encode()).firmware == "x" * 64
    assert parse_status(b"offline") == Status("offline")


def test_a_state_that_stays_keeps_its_beginning(database: Database, device: str) -> None:
    for at_ms in (T0, T0 + 5):
        status.put(database, {device: Heard(Status("online"), is_replay=False)}, at_ms)
    known = status.of_devices(database, [device])[device]
    assert known.since_ms == T0
    assert sightings.last_seen(database, [device]) == {device: T0 + 5}


def test_a_will_ends_the_state_and_is_no_sign_of_life(database: Database, device: str) -> None:
    status.put(database, {device: Heard(Status("online", 80, "1.0"), is_replay=False)}, T0)
    status.put(database, {device: Heard(Status("offline"), is_replay=False)}, T0 + 9)
    assert status.of_devices(database, [device])[device] == status.Known("offline", T0 + 9, 80, "1.0")
    assert sightings.last_seen(database, [device]) == {device: T0}


def test_what_the_broker_remembered_is_no_sign_of_life(database: Database, device: str) -> None:
    status.put(database, {device: Heard(Status("online"), is_replay=True)}, T0)
    assert sightings.last_seen(database, [device]) == {}


@pytest.mark.parametrize(
    ("words", "since_ms"),
    [
        (["online"], None),  # when it began the broker does not say
        (["online live", "online"], T0),
        (["offline live", "online"], None),
        (["online", "online live"], None),
        (["online", "offline live"], T0 + 1),
        (["online live", "offline", "offline", "online live"], T0 + 3),
    ],
)
def test_a_state_began_when_it_was_said_and_not_when_it_was_remembered(
    database: Database, device: str, words: list[str], since_ms: int | None
) -> None:
    for number, word in enumerate(words):
        state, _, live = word.partition(" ")
        heard = Heard(parse_status(state.encode()), is_replay=not live)
        status.put(database, {device: heard}, T0 + number)
    assert status.of_devices(database, [device])[device].since_ms == since_ms


def test_a_stranger_leaves_nothing(database: Database, device: str) -> None:
    assert status.put(database, {"acme/ghost": Heard(Status("online"), is_replay=False)}, T0) == 0
