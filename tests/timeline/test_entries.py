"""Entries and their history: nothing is lost, whoever writes at the same time and wherever it breaks."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from phr.database import Database
from phr.errors import AlreadyThere, InputInvalid, NotFound, VersionConflict
from phr.timeline import effective, entries, history
from phr.timeline.effective import Effective
from phr.timeline.entries import Hand, NewEntry
from phr.timeline.entry import Author, Draft, Entry
from tests.cast import T0

PERSON = "p" * 20
AUTHOR = Author(PERSON, "app", None)


def a_draft(text: str = "头晕", **changes: Any) -> Draft:
    valid = {"kind": "note", "content": {"text": text}, "effective": Effective(effective.instant(T0, 480))}
    return Draft(**(valid | changes))


def made(database: Database, text: str = "头晕", **changes: Any) -> Entry:
    new = NewEntry(**({"person": PERSON, "draft": a_draft(text), "author": AUTHOR, "id": "n1"} | changes))
    return entries.create(database, new, T0)


def changed(database: Database, entry: Entry, text: str) -> Entry:
    return entries.change(database, entry, a_draft(text), Hand(AUTHOR, T0 + entry.version))


def texts(database: Database) -> list[tuple[Any, Any]]:
    current = history.latest(database, PERSON, "n1")
    return [
        (one.before and one.before.content.get("text"), one.after.content.get("text"))
        for one in history.changes(database, current, 100)
    ]


def test_history_tells_before_and_after_newest_first(database: Database) -> None:
    entry = made(database, "a")
    for text in "bc":
        entry = changed(database, entry, text)
    assert texts(database) == [("b", "c"), ("a", "b"), (None, "a")]


def test_history_tells_who_when_and_from_where(database: Database) -> None:
    other = Author("d" * 20, "clinic", "root")
    entries.change(database, made(database), a_draft("b"), Hand(other, T0 + 5, "import:i1"))
    (change, _) = history.changes(database, history.latest(database, PERSON, "n1"), 10)
    assert (change.after.author, change.after.changed_at_ms, change.after.source) == (other, T0 + 5, "import:i1")
    assert change.before
    assert (change.before.author, change.before.changed_at_ms, change.before.source) == (AUTHOR, T0, "hand")


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_history_give_each_change_once(database: Database, limit: int) -> None:
    entry = made(database)
    for number in range(4):
        entry = changed(database, entry, str(number))
    seen: list[int] = []
    below = None
    while below is None or below > 1:
        page = history.changes(database, entry, limit, below)
        seen += [one.after.version for one in page]
        assert all(one.before or one.after.version == 1 for one in page)
        below = page[-1].after.version
    assert seen == [5, 4, 3, 2, 1]


def test_deleted_entry_comes_back_as_it_was(database: Database) -> None:
    entry = changed(database, made(database, "a"), "b")
    entries.delete(database, entry, Hand(AUTHOR, T0 + 9))
    current = history.latest(database, PERSON, "n1")
    back = entries.restore(database, current, 2, Hand(AUTHOR, T0 + 10))
    assert (back.content, back.version, back.is_deleted) == ({"text": "b"}, 4, False)
    actions = [one.action for one in history.changes(database, back, 10)]
    assert actions == ["restored", "deleted", "changed", "created"]


def test_entry_goes_back_to_an_earlier_version(database: Database) -> None:
    current = changed(database, changed(database, made(database, "a"), "b"), "c")
    back = entries.restore(database, current, 1, Hand(AUTHOR, T0))
    assert (back.content["text"], back.version) == ("a", 4)


@pytest.mark.parametrize("number", [0, 2, 9])
def test_version_that_never_was_is_not_found(database: Database, number: int) -> None:
    with pytest.raises(NotFound):
        history.version(database, made(database), number)


def test_kind_stays(database: Database) -> None:
    with pytest.raises(InputInvalid) as refusal:
        entries.change(database, made(database), a_draft(kind="life-event"), Hand(AUTHOR, T0))
    assert refusal.value.pointer == "/kind"


def test_many_who_make_the_same_make_one(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: made(database), range(8)))
    assert {one.version for one in found} == {1}
    assert database["entries"].count_documents({}) == 1


def test_of_many_who_change_the_same_version_one_wins(database: Database) -> None:
    entry = made(database)

    def try_to(number: int) -> bool:
        try:
            changed(database, entry, str(number))
        except VersionConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(try_to, range(8)))
    assert won.count(True) == 1
    assert len(texts(database)) == 2


def test_write_that_breaks_leaves_all_as_it_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = made(database, "a")

    def breaks(*_: Any) -> None:
        keep(*_)
        raise RuntimeError("pulled plug")

    keep = history.keep
    monkeypatch.setattr(history, "keep", breaks)
    with pytest.raises(RuntimeError):
        changed(database, entry, "b")
    assert texts(database) == [(None, "a")]
    assert database["entry_history"].count_documents({}) == 0


def test_other_content_under_the_same_id_is_refused(database: Database) -> None:
    made(database, "a")
    with pytest.raises(AlreadyThere):
        made(database, "b")
