"""Whose a device was at an instant."""

import pytest

from phr.database import Database
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.intake import bindings, devices
from phr.intake.device import Binding
from phr.intake.devices import NewDevice
from phr.people import people
from tests.cast import T0, a_person

REF = "acme/cuff-1"


def two_people(database: Database) -> tuple[str, str]:
    one, other = people.create_many(database, [a_person(), a_person()])
    return one.id, other.id


def a_cuff(database: Database, *bindings: tuple[str, str]) -> None:
    devices.create_vendor(database, "acme", T0)
    devices.create_device(database, NewDevice(vendor="acme", name="cuff-1", bindings=bindings), T0)


@pytest.mark.parametrize("slug", ["", "A", "a" * 33, "a/b", "a\n", "a_b"])
def test_vendor_slug_that_is_none_is_refused(database: Database, slug: str) -> None:
    with pytest.raises(InputInvalid):
        devices.create_vendor(database, slug, T0)


def test_longest_slugs_are_taken(database: Database) -> None:
    devices.create_vendor(database, "a" * 32, T0)
    made = devices.create_device(database, NewDevice(vendor="a" * 32, name="A.b_c:d-" * 8), T0)
    assert devices.find(database, made.device.ref) == made.device


@pytest.mark.parametrize("name", ["", "a" * 65, "a/b", "a+b", "a#", "a b", "a\n"])
def test_device_slug_that_is_none_is_refused(database: Database, name: str) -> None:
    devices.create_vendor(database, "acme", T0)
    with pytest.raises(InputInvalid):
        devices.create_device(database, NewDevice(vendor="acme", name=name), T0)


def test_device_of_no_vendor_or_for_nobody_is_refused(database: Database) -> None:
    with pytest.raises(NotFound):
        devices.create_device(database, NewDevice(vendor="acme", name="x"), T0)
    devices.create_vendor(database, "acme", T0)
    with pytest.raises(NotFound):
        devices.create_device(database, NewDevice(vendor="acme", name="x", bindings=(("", people.new_id()),)), T0)


def test_vendor_and_device_exist_once(database: Database) -> None:
    a_cuff(database)
    with pytest.raises(AlreadyThere):
        devices.create_vendor(database, "acme", T0)
    with pytest.raises(AlreadyThere):
        devices.create_device(database, NewDevice(vendor="acme", name="cuff-1"), T0)


def test_claim_code_is_not_stored(database: Database) -> None:
    devices.create_vendor(database, "acme", T0)
    made = devices.create_device(database, NewDevice(vendor="acme", name="cuff-1"), T0)
    assert made.claim_code not in str(database["devices"].find_one())


def test_first_binding_holds_since_ever(database: Database) -> None:
    one, _ = two_people(database)
    a_cuff(database)
    device = bindings.bind_from_now(database, REF, "", one, T0)
    assert device.owner_at("", -(10**12)) == one


def test_cuff_that_changes_hands_is_nobodys_in_between(database: Database) -> None:
    one, other = two_people(database)
    a_cuff(database, ("", one))
    bindings.unbind(database, REF, "", T0)
    device = bindings.bind_from_now(database, REF, "", other, T0 + 10)
    assert [device.owner_at("", t) for t in (T0 - 1, T0, T0 + 9, T0 + 10)] == [one, None, None, other]


def test_binding_without_slot_covers_only_readings_without_slot(database: Database) -> None:
    one, other = two_people(database)
    a_cuff(database, ("", one), ("B", other))
    device = devices.find(database, REF)
    assert device is not None
    assert [device.owner_at(slot, T0) for slot in ("", "A", "B")] == [one, None, other]


@pytest.mark.parametrize(
    ("since_ms", "until_ms", "is_refused"),
    [(T0 - 1, T0 + 1, True), (None, T0, False), (None, T0 + 1, True), (T0 + 100, None, False), (T0 + 99, None, True)],
)
def test_periods_of_a_slot_touch_and_never_overlap(
    database: Database, since_ms: int | None, until_ms: int | None, is_refused: bool
) -> None:
    one, other = two_people(database)
    a_cuff(database)
    bindings.bind(database, REF, Binding("A", one, T0, T0 + 100))
    if is_refused:
        with pytest.raises(AlreadyThere):
            bindings.bind(database, REF, Binding("A", other, since_ms, until_ms))
    else:
        assert len(bindings.bind(database, REF, Binding("A", other, since_ms, until_ms)).bindings) == 2


def test_other_slots_do_not_overlap(database: Database) -> None:
    one, other = two_people(database)
    a_cuff(database, ("A", one))
    assert bindings.bind(database, REF, Binding("B", other, None, None)).owner_at("B", T0) == other


def test_nothing_bound_can_not_be_ended(database: Database) -> None:
    a_cuff(database)
    with pytest.raises(NotFound):
        bindings.unbind(database, REF, "", T0)
