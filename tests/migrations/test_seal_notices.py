"""Notices that an earlier version wrote in the clear are sealed, and say what they said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from phr.database import Database
from phr.migrations import m0007_seal_notices
from phr.notices import outbox
from phr.people import people, seals
from tests.cast import T0, a_person
from tests.notices.builders import raise_notices
from tests.notices.test_outbox import ALERT
from tests.telling import tells

VALUES = {
    "values": [{"component": "systolic", "value": 182}],
    "unit": "mm[Hg]",
    "targets": [{"component": "systolic", "limit": 150}],
}


@pytest.fixture
def owner(database: Database) -> str:
    """Who has three notices as an earlier version stored them: a rule's, one of no rule, a reminder's."""
    person = people.create(database, a_person()).id
    raise_notices(database, [replace(ALERT, person=person)])
    outbox.tell_many(
        database,
        [
            outbox.Telling("t1", person, "link-reused", "x", "x"),
            outbox.Telling("r1", person, "reminder-visit", "x", "x"),
        ],
        T0,
    )
    gone = {"sealed": "", "to_plan": "", "urgency": ""}
    for key, said in (("k1", VALUES), ("t1", {}), ("r1", {})):
        words = {"zh": f"话 {key}", "en": f"word {key}"}
        database["notices"].update_one({"_id": key}, {"$set": words | said, "$unset": gone})
    return person


def test_notices_are_sealed_batch_by_batch(database: Database, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(m0007_seal_notices, "BATCH", 1)
    assert list(m0007_seal_notices.run(database)) == [1, 1]
    assert list(m0007_seal_notices.run(database)) == []
    stored = str(list(database["notices"].find()))
    assert not tells(stored, "word k1", "word t1", "182", "150")
    assert {one.key: one.message_en for one in outbox.pending(database, owner, 9)} == {
        "k1": "word k1",
        "t1": "word t1",
        "r1": "word r1",
    }
    found = outbox.found(database, "k1")
    assert found is not None
    assert (found.values, found.unit, found.targets) == ({"systolic": 182}, "mm[Hg]", {"systolic": 150})
    assert found.notice.urgency == ALERT.severity


def test_what_was_told_before_is_not_told_again(database: Database, owner: str) -> None:
    list(m0007_seal_notices.run(database))
    assert database["notices"].count_documents({"to_plan": True}) == 0


def test_a_notice_to_who_was_erased_goes(database: Database, owner: str) -> None:
    seals.destroy(database, owner, T0)
    list(m0007_seal_notices.run(database))
    assert [row["_id"] for row in database["notices"].find()] == ["r1"]
