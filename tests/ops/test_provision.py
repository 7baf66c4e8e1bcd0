"""Simulated homes in the record: made once, with working logins each time."""

from __future__ import annotations

import dataclasses

import pytest

from ingest.credentials import COLLECTION
from ops import provision
from ops.administration import Operator
from phr.config import Settings
from phr.database import Database
from phr.intake import devices
from phr.people import people

NOW_MS = 1_795_390_200_000


@pytest.fixture
def operator(database: Database, settings: Settings) -> Operator:
    return Operator(settings, database, NOW_MS)


def test_every_device_belongs_to_the_person_of_its_home(operator: Operator) -> None:
    for home in provision.homes(operator, 3, 1):
        for device in home.devices:
            found = devices.find(operator.database, device.ref)
            assert found is not None
            assert found.owner_at("", NOW_MS) == home.person_id


def test_the_people_are_demo_people(operator: Operator) -> None:
    homes = provision.homes(operator, 2, 1)
    found = people.find_many(operator.database, [home.person_id for home in homes])
    assert [person.is_demo for person in found.values()] == [True, True]


def test_the_same_seed_meets_the_same_people(operator: Operator) -> None:
    first = provision.homes(operator, 2, 1)
    again = provision.homes(operator, 3, 1)
    assert [home.person_id for home in again[:2]] == [home.person_id for home in first]
    assert operator.database["people"].count_documents({}) == 3


def test_another_seed_has_people_of_its_own(operator: Operator) -> None:
    one, other = provision.homes(operator, 1, 1)[0], provision.homes(operator, 1, 2)[0]
    assert one.person_id != other.person_id


@pytest.mark.parametrize(("homes", "is_shared"), [(9, False), (10, False), (11, True)])
def test_many_homes_speak_through_one_cloud(operator: Operator, homes: int, is_shared: bool) -> None:
    made = provision.homes(operator, homes, 1)
    logins = {device.mqtt_username for home in made for device in home.devices}
    stored = {row["_id"] for row in operator.database[COLLECTION].find()}
    assert (logins == {"sim"}) is is_shared
    assert stored == logins


def test_passwords_are_new_each_time(operator: Operator) -> None:
    first, again = (provision.homes(operator, 1, 1)[0].devices[0] for _ in range(2))
    assert dataclasses.replace(first, mqtt_password=again.mqtt_password) == again
    assert first.mqtt_password != again.mqtt_password
