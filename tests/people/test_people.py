"""Who people are and where they have lived."""

import re
from datetime import date

import pytest

from phr.database import Database
from phr.errors import InputInvalid, NotFound, VersionConflict
from phr.people import people
from phr.people.people import Change
from tests.cast import T0, a_person


def test_id_is_twenty_characters_of_lower_case_base32() -> None:
    assert re.fullmatch(r"[a-z2-7]{20}", people.new_id())


def test_created_person_is_found_as_created(database: Database) -> None:
    made = people.create(database, a_person(sex="female", roles=("doctor",), organisation="Clinic"))
    assert people.find(database, made.id) == made


@pytest.mark.parametrize("bad", [{"zone": "Mars/Base"}, {"zone": "../etc"}, {"sex": "x"}, {"name": "n" * 201}])
def test_bad_field_is_refused_and_nobody_is_created(database: Database, bad: dict[str, str]) -> None:
    with pytest.raises(InputInvalid):
        people.create(database, a_person(**bad))
    assert database["people"].count_documents({}) == 0


def test_new_zone_holds_from_its_instant_on(database: Database) -> None:
    person = people.create(database, a_person())
    moved = people.change_zone(database, person.id, "Europe/Berlin", T0)
    assert [moved.zone_at(T0 - 1), moved.zone_at(T0)] == ["Asia/Shanghai", "Europe/Berlin"]


def test_zone_of_the_past_leaves_later_zones_as_they_are(database: Database) -> None:
    person = people.create(database, a_person())
    people.change_zone(database, person.id, "Europe/Berlin", T0)
    moved = people.change_zone(database, person.id, "Asia/Tokyo", T0 - 1000)
    assert [moved.zone_at(t) for t in (T0 - 1001, T0 - 1000, T0)] == ["Asia/Shanghai", "Asia/Tokyo", "Europe/Berlin"]


def test_patch_changes_only_what_it_names(database: Database) -> None:
    person = people.create(database, a_person(sex="male"))
    patched = people.patch(database, person.id, Change(fields={"birth_on": date(1960, 1, 2), "name": None}))
    assert (patched.birth_on, patched.name, patched.sex) == (date(1960, 1, 2), None, "male")


def test_patch_of_an_older_version_is_refused(database: Database) -> None:
    person = people.create(database, a_person())
    people.set_consent(database, person.id, is_withdrawn=True)
    with pytest.raises(VersionConflict):
        people.patch(database, person.id, Change(fields={"name": "x"}), person.seq)


def test_nobody_can_not_be_changed(database: Database) -> None:
    with pytest.raises(NotFound):
        people.set_consent(database, people.new_id(), is_withdrawn=True)


def test_every_change_raises_the_registry_number(database: Database) -> None:
    person = people.create(database, a_person())
    changed = people.change_zone(database, person.id, "Asia/Tokyo", T0)
    withdrawn = people.set_consent(database, person.id, is_withdrawn=True)
    assert person.seq < changed.seq < withdrawn.seq
