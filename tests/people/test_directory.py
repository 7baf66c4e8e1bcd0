"""People are found by name, pinyin, phone and identity number, and the database shows none of these."""

from datetime import date

import pytest
from bson import BSON

from phr.database import Database
from phr.errors import InputInvalid
from phr.people import directory, people, seals
from phr.people.keyring import KeyDestroyed
from phr.people.people import Change
from tests.cast import T0, a_person

NUMBER = "11010519491231002X"  # GB 11643-1999, annex A
KNOWN = {"name": "单雄信", "phone": "+86 138 0013 8000", "identity_number": NUMBER, "birth_on": date(1949, 12, 31)}


@pytest.mark.parametrize(
    "text",
    ["单雄信", "单", "雄", "雄信", "sxx", "shanxiongxin", "shanx", "dan", "xx", "SXX", "Shan Xiong", " 单 雄信 "],
)
def test_name_is_found_by_its_parts_its_pinyin_and_its_initials(database: Database, text: str) -> None:
    made = people.create(database, a_person(**KNOWN))
    assert directory.find_by_name(database, text) == [made.id]


@pytest.mark.parametrize("text", ["", "信雄", "ssx", "王", "an", "hanx", ".", "单雄信信", "$ne"])
def test_what_is_no_beginning_of_a_part_finds_nobody(database: Database, text: str) -> None:
    people.create(database, a_person(**KNOWN))
    assert directory.find_by_name(database, text) == []


@pytest.mark.parametrize("text", ["li na", "na", "ln", "LINA"])
def test_name_in_letters_is_found_alike(database: Database, text: str) -> None:
    made = people.create(database, a_person(name="Li Na"))
    assert directory.find_by_name(database, text) == [made.id]


def test_those_who_may_not_be_asked_for_are_not_found(database: Database) -> None:
    ours, _ = people.create_many(database, [a_person(name="王芳"), a_person(name="王芳")])
    assert directory.find_by_name(database, "wf", among=[ours.id]) == [ours.id]
    assert directory.find_by_name(database, "wf", among=[]) == []


@pytest.mark.parametrize("phone", ["13800138000", "0086 138-0013-8000", "+8613800138000", "１３８００１３８０００"])
def test_phone_is_found_however_it_is_written(database: Database, phone: str) -> None:
    made = people.create(database, a_person(**KNOWN))
    assert directory.find_by_phone(database, phone) == [made.id]


def test_phone_of_a_family_finds_each_of_it(database: Database) -> None:
    made = people.create_many(database, [a_person(phone="13800138000") for _ in range(3)])
    assert set(directory.find_by_phone(database, "13800138000")) == {one.id for one in made}


@pytest.mark.parametrize("number", [NUMBER, NUMBER.lower(), "110105 19491231 002x"])
def test_identity_number_is_found(database: Database, number: str) -> None:
    made = people.create(database, a_person(**KNOWN))
    assert directory.find_by_identity_number(database, number) == [made.id]
    assert directory.find_by_phone(database, "110105194912310") == []


@pytest.mark.parametrize("number", ["110105194912310021", "11010519491231001X", "1234", "1" * 21, "12345$", ""])
def test_mistyped_identity_number_is_refused(database: Database, number: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        people.create(database, a_person(identity_number=number))
    assert refused.value.pointer == "/identity_number"


@pytest.mark.parametrize("phone", ["", "1234", "1" * 16, "+", "one two three", "13800138000;"])
def test_what_is_no_phone_is_refused(database: Database, phone: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        people.create(database, a_person(phone=phone))
    assert refused.value.pointer == "/phone"


def test_changed_name_is_found_and_the_old_one_is_not(database: Database) -> None:
    made = people.create(database, a_person(**KNOWN))
    people.patch(database, made.id, Change(fields={"name": "李娜", "phone": None}))
    assert directory.find_by_name(database, "ln") == [made.id]
    assert directory.find_by_name(database, "sxx") == directory.find_by_phone(database, "13800138000") == []
    assert directory.find_by_identity_number(database, NUMBER) == [made.id]


def test_row_shows_nothing_of_what_identifies(database: Database) -> None:
    made = people.create(database, a_person(**KNOWN))
    raw = BSON.encode(database["people"].find_one({"_id": made.id}) or {})
    for mark in ("单雄信", "雄", "shan", "13800138000", NUMBER, "1949-12-31", "1949"):
        assert mark.encode() not in raw
    assert people.find(database, made.id) == made


def test_row_swapped_with_another_persons_does_not_open(database: Database) -> None:
    one, two = people.create_many(database, [a_person(name="王芳"), a_person(name="李娜")])
    other = database["people"].find_one({"_id": two.id}) or {}
    database["people"].update_one({"_id": one.id}, {"$set": {"sealed": other["sealed"]}})
    with pytest.raises(seals.SealBroken):
        people.find(database, one.id)


def test_person_whose_erasure_has_begun_stops_nobody_else(database: Database) -> None:
    gone, stays = people.create_many(database, [a_person(), a_person()])
    seals.destroy(database, gone.id, T0)
    assert people.find_many(database, [gone.id, stays.id]) == {stays.id: stays}
    with pytest.raises(KeyDestroyed):
        people.find(database, gone.id)


def test_row_from_before_names_were_sealed_is_read_and_sealed_by_its_next_change(database: Database) -> None:
    made = people.create(database, a_person(name="王芳"))
    plain = {"$set": {"name": "李娜"}, "$unset": {"sealed": "", "found_by": ""}}
    database["people"].update_one({"_id": made.id}, plain)
    assert (people.find(database, made.id) or made).name == "李娜"
    people.patch(database, made.id, Change(fields={"sex": "female"}))
    assert "李娜" not in str(database["people"].find_one({"_id": made.id}))
    assert directory.find_by_name(database, "ln") == [made.id]
