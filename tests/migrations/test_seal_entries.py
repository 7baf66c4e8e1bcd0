"""Notes that an earlier version wrote in the clear are sealed, and say what they said."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.migrations import m0004_seal_entries
from phr.people import people
from phr.timeline import entries, history
from tests.cast import T0, a_person

AUTHOR = {"subject": "ana", "client_id": "app", "act": None}


def a_plain_row(person: str, entry: str, version: int, text: str | None) -> dict[str, object]:
    """A note as an earlier version stored it; None: its tombstone."""
    return {
        "_id": f"{person}:{entry}",
        "id": entry,
        "person": person,
        "kind": "note",
        "content": {} if text is None else {"text": text},
        "effective_ms": T0,
        "offset_min": 480,
        "version": version,
        "author": AUTHOR,
        "source": "hand",
        "created_at_ms": T0,
        "changed_at_ms": T0 + version,
        "created_as": "x",
        "is_deleted": text is None,
    }


@pytest.fixture
def owner(database: Database) -> str:
    """Who wrote "headache", made it "migraine", and deleted another note."""
    person = people.create(database, a_person()).id
    rows = [a_plain_row(person, "kept", 2, "migraine"), a_plain_row(person, "gone", 2, None)]
    old = [a_plain_row(person, "kept", 1, "headache"), a_plain_row(person, "gone", 1, "secret")]
    database["entries"].insert_many(rows)
    database["entry_history"].insert_many([row | {"_id": f"{row['_id']}:1"} for row in old])
    return person


def test_notes_are_sealed_batch_by_batch(database: Database, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(m0004_seal_entries, "BATCH", 1)
    assert list(m0004_seal_entries.run(database)) == [1, 1, 1, 1]
    assert list(m0004_seal_entries.run(database)) == []
    stored = str(list(database["entries"].find()) + list(database["entry_history"].find()))
    assert not any(word in stored for word in ("migraine", "headache", "secret"))
    kept = entries.find(database, owner, "kept")
    assert (kept.content, kept.effective_ms, kept.offset_min, kept.version) == ({"text": "migraine"}, T0, 480, 2)
    (second, first) = history.changes(database, kept, 10)
    assert (first.after.content, second.action) == ({"text": "headache"}, "changed")


def test_deleted_note_stays_deleted_and_can_be_restored(database: Database, owner: str) -> None:
    list(m0004_seal_entries.run(database))
    gone = history.latest(database, owner, "gone")
    assert gone.is_deleted
    assert history.version(database, gone, None).content == {"text": "secret"}
