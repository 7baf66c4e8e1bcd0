"""Imports of entries: once however often they come, and taken back as a whole."""

import pytest

from phr.database import Database
from phr.timeline import entries, history, imported
from phr.timeline.entries import Hand
from phr.timeline.entry import Entry
from phr.timeline.imported import Back, Found, Import, ImportTakenBack
from tests.cast import T0
from tests.timeline.test_entries import AUTHOR, PERSON, a_draft

FIRST, SECOND = Import(PERSON, "i1", AUTHOR), Import(PERSON, "i2", AUTHOR)


def some(**texts: str) -> list[Found]:
    return [Found(key, a_draft(text)) for key, text in texts.items()]


def entry(database: Database, key: str) -> Entry:
    return history.latest(database, PERSON, imported.entry_id(key))


def said(database: Database, *keys: str) -> list[str | None]:
    return [entry(database, key).content.get("text") for key in keys]


def edited(database: Database, key: str, text: str) -> None:
    entries.change(database, entry(database, key), a_draft(text), Hand(AUTHOR, T0 + 1))


def test_import_is_taken_in_once(database: Database) -> None:
    assert imported.take_in(database, FIRST, some(a="1", b="2"), T0) == ["stored", "stored"]
    assert imported.take_in(database, FIRST, some(a="1", b="2"), T0) == ["duplicate", "duplicate"]
    assert imported.take_in(database, SECOND, some(b="2", c="3"), T0) == ["duplicate", "stored"]
    assert (entry(database, "b").source, entry(database, "b").version) == ("import:i1", 1)


def test_same_key_twice_in_one_import_is_a_correction(database: Database) -> None:
    found = [*some(a="1"), *some(a="2"), *some(a="2")]
    assert imported.take_in(database, FIRST, found, T0) == ["stored", "replaced", "duplicate"]
    assert imported.take_back(database, FIRST, T0) == Back(1, 0, 0)


def test_more_than_fit_into_one_transaction_are_taken(database: Database) -> None:
    found = some(**{str(number): str(number) for number in range(imported.TOGETHER + 1)})
    assert imported.take_in(database, FIRST, found, T0) == ["stored"] * len(found)
    assert imported.take_back(database, FIRST, T0).removed == len(found)


def test_import_that_broke_off_is_taken_up_again(database: Database) -> None:
    imported.take_in(database, FIRST, some(a="1"), T0)
    assert imported.take_in(database, FIRST, some(a="1", b="2"), T0) == ["duplicate", "stored"]


def test_taken_back_what_it_replaced_returns(database: Database) -> None:
    imported.take_in(database, FIRST, some(a="1", b="2"), T0)
    assert imported.take_in(database, SECOND, some(a="wrong", c="3"), T0) == ["replaced", "stored"]
    assert imported.take_back(database, SECOND, T0 + 1) == Back(removed=1, returned=1, kept=0)
    assert said(database, "a", "b", "c") == ["1", "2", None]
    assert entry(database, "a").source == "take-back:i2"
    assert imported.take_back(database, SECOND, T0 + 2) == Back(0, 0, 0)


def test_history_tells_of_the_import_and_of_its_taking_back(database: Database) -> None:
    imported.take_in(database, FIRST, some(a="1"), T0)
    imported.take_back(database, FIRST, T0 + 1)
    changes = history.changes(database, entry(database, "a"), 10)
    assert [(one.action, one.after.source) for one in changes] == [
        ("deleted", "take-back:i1"),
        ("created", "import:i1"),
    ]


def test_what_was_changed_since_stays(database: Database) -> None:
    imported.take_in(database, FIRST, some(a="1", b="2"), T0)
    edited(database, "a", "mine")
    assert imported.take_back(database, FIRST, T0 + 1) == Back(removed=1, returned=0, kept=1)
    assert said(database, "a", "b") == ["mine", None]


def test_what_an_earlier_wrong_import_said_does_not_return(database: Database) -> None:
    for number, one in enumerate((FIRST, SECOND)):
        imported.take_in(database, one, some(a=str(number)), T0)
    imported.take_back(database, FIRST, T0)
    assert said(database, "a") == ["1"]
    assert imported.take_back(database, SECOND, T0) == Back(1, 0, 0)


def test_old_export_does_not_undo_a_correction(database: Database) -> None:
    imported.take_in(database, FIRST, some(a="1"), T0)
    edited(database, "a", "mine")
    assert imported.take_in(database, SECOND, some(a="1"), T0) == ["duplicate"]
    assert said(database, "a") == ["mine"]


def test_what_the_person_deleted_stays_deleted(database: Database) -> None:
    imported.take_in(database, FIRST, some(a="1"), T0)
    entries.delete(database, entry(database, "a"), Hand(AUTHOR, T0))
    assert imported.take_in(database, SECOND, some(a="1"), T0) == ["deleted"]
    assert entry(database, "a").is_deleted


def test_right_file_comes_in_after_a_wrong_one_was_taken_back(database: Database) -> None:
    imported.take_in(database, FIRST, some(a="1"), T0)
    imported.take_back(database, FIRST, T0)
    assert imported.take_in(database, SECOND, some(a="1"), T0) == ["stored"]
    assert said(database, "a") == ["1"]


def test_nothing_more_comes_in_under_a_name_that_was_taken_back(database: Database) -> None:
    imported.take_back(database, FIRST, T0)
    with pytest.raises(ImportTakenBack):
        imported.take_in(database, FIRST, some(a="1"), T0)


def test_import_of_another_person_is_left_alone(database: Database) -> None:
    other = Import("q" * 20, "i1", AUTHOR)
    imported.take_in(database, other, some(a="1"), T0)
    assert imported.take_back(database, FIRST, T0) == Back(0, 0, 0)
    assert not history.latest(database, other.person, imported.entry_id("a")).is_deleted


def test_taking_back_that_broke_off_is_finished(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    imported.take_in(database, FIRST, some(a="1", b="2", c="3"), T0)
    monkeypatch.setattr(imported, "TOGETHER", 2)
    write, done = entries.write, []

    def breaks(*of: object) -> None:
        write(*of)  # type: ignore[arg-type]
        done.append(of)
        if len(done) == 3:
            raise RuntimeError("pulled plug")

    monkeypatch.setattr(entries, "write", breaks)
    with pytest.raises(RuntimeError):
        imported.take_back(database, FIRST, T0)
    assert imported.take_back(database, FIRST, T0) == Back(1, 0, 0)
    assert said(database, "a", "b", "c") == [None] * 3
