"""What is said in entries lies in the database sealed, and is found by tokens alone."""

from typing import Any

import bson
import pytest

from phr.database import Database
from phr.people import seals
from phr.people.keyring import KeyDestroyed
from phr.timeline import entries, history, imported, listing
from phr.timeline.entries import Hand
from phr.timeline.entry import SAID
from phr.timeline.imported import Found, Import
from phr.timeline.listing import Filter
from tests.cast import T0
from tests.timeline.test_entries import AUTHOR, PERSON, a_draft, changed, made


def raw(database: Database) -> bytes:
    """Everything that a dump of the entries holds."""
    names = ("entries", "entry_history", "entry_imports", "feed")
    return b"".join(bson.encode(row) for name in names for row in database[name].find())


def test_no_word_stands_in_the_clear(database: Database) -> None:
    entry = changed(database, made(database, "早期 secret-one"), "后来 secret-two")
    imported.take_in(database, Import(PERSON, "i1", AUTHOR), [Found("key-of-source", a_draft("导入 secret-three"))], T0)
    entries.delete(database, entry, Hand(AUTHOR, T0))
    dump = raw(database)
    for word in ("secret", "早期", "后来", "导入", "key-of-source"):
        assert word.encode() not in dump
    assert b"n1" in dump


def test_content_does_not_open_in_another_place(database: Database) -> None:
    made(database, "a")
    made(database, "b", id="n2")
    body = database["entries"].find_one({"id": "n1"}, {"body": 1})
    assert body
    database["entries"].update_one({"id": "n2"}, {"$set": {"body": body["body"]}})
    with pytest.raises(seals.SealBroken):
        entries.find(database, PERSON, "n2")


def test_without_the_key_nothing_opens(database: Database) -> None:
    made(database)
    seals.destroy(database, PERSON, T0)
    with pytest.raises(KeyDestroyed):
        entries.find(database, PERSON, "n1")


def test_equal_texts_of_two_people_share_no_token(database: Database) -> None:
    made(database)
    made(database, person="q" * 20)
    one, other = (set(map(bytes, row["words"])) for row in database["entries"].find())
    assert one
    assert not one & other


def test_tombstone_is_found_by_nothing(database: Database) -> None:
    entries.delete(database, made(database), Hand(AUTHOR, T0))
    row = database["entries"].find_one({})
    assert row
    assert (row["body"], row["words"], row["said_as"]) == (None, [], None)
    assert listing.page(database, PERSON, Filter(text="头晕")).entries == []


def test_restored_entry_is_found_again(database: Database) -> None:
    entries.delete(database, made(database), Hand(AUTHOR, T0))
    entries.restore(database, history.latest(database, PERSON, "n1"), 1, Hand(AUTHOR, T0))
    assert len(listing.page(database, PERSON, Filter(text="头晕")).entries) == 1


def test_a_version_is_stored_with_all_that_it_says(database: Database) -> None:
    made(database)
    row: Any = database["entries"].find_one({})
    assert set(SAID) <= set(row)
