"""That a worker's memory never outlives a change."""

import threading

from phr.database import Database
from phr.intake import bindings, devices
from phr.intake.devices import NewDevice
from phr.intake.registry import Registry
from phr.people import people
from tests.cast import T0, a_person

REF = "acme/cuff-1"


def a_cuff(database: Database, name: str = "cuff-1") -> None:
    if not devices.vendor_exists(database, "acme"):
        devices.create_vendor(database, "acme", T0)
    devices.create_device(database, NewDevice(vendor="acme", name=name), T0)


def test_device_that_did_not_exist_is_seen_after_its_creation(database: Database) -> None:
    registry = Registry(database)
    assert registry.device(REF) is None
    a_cuff(database)
    registry.refresh()
    assert registry.device(REF) is not None


def test_changed_binding_is_seen_after_the_next_refresh(database: Database) -> None:
    a_cuff(database)
    person = people.create(database, a_person()).id
    registry = Registry(database)
    assert registry.load([REF])[REF].owner_at("", T0) is None
    bindings.bind_from_now(database, REF, "", person, T0)
    registry.refresh()
    assert registry.load([REF])[REF].owner_at("", T0) == person


def test_withdrawn_consent_is_seen_after_the_next_refresh(database: Database) -> None:
    person = people.create(database, a_person()).id
    registry = Registry(database)
    assert not registry.person(person).consent_withdrawn
    people.set_consent(database, person, is_withdrawn=True)
    registry.refresh()
    assert registry.person(person).consent_withdrawn


def test_known_things_are_not_read_again(database: Database) -> None:
    a_cuff(database)
    registry = Registry(database)
    known = registry.device(REF)
    registry.refresh()
    assert registry.device(REF) is known


def test_memory_is_bounded(database: Database) -> None:
    registry = Registry(database, capacity=3)
    found = registry.load([f"acme/{n}" for n in range(10)])
    assert len(found) == 10
    assert len(registry._devices._things) == 3


def test_no_change_of_concurrent_transactions_is_missed(database: Database) -> None:
    ids = [person.id for person in people.create_many(database, [a_person() for _ in range(8)])]
    registry = Registry(database)
    registry.people(ids)

    def move(person: str) -> None:
        for n in range(8):
            people.change_zone(database, person, "Asia/Tokyo", T0 + n)

    threads = [threading.Thread(target=move, args=(person,)) for person in ids]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        registry.refresh()
        registry.people(ids)
    registry.refresh()
    assert registry.people(ids) == people.find_many(database, ids)


def test_numbers_are_given_once_each(database: Database) -> None:
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(people.create(database, a_person()).seq for _ in range(5)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(seen) == list(range(1, 31))
