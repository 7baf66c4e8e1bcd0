"""Things in versions: one writer wins, nothing that was said is lost, and none of it is in the clear."""

from __future__ import annotations

from typing import Any

import pytest

from phr.database import Database
from phr.errors import InputInvalid, VersionConflict
from phr.plans import versions
from phr.plans.versions import MOST_VERSIONS, New
from tests.cast import T0

WHAT = "targets"


def put(database: Database, ana: str, said: Any, expected: int) -> Any:
    new = New(person=ana, name="thing", by="d" * 20, at_ms=T0 + expected, body={"said": said})
    return versions.put(database, WHAT, new, expected)


def test_every_version_stays_and_the_last_one_counts(database: Database, ana: str) -> None:
    for number, said in enumerate(("a", "b", "c")):
        assert put(database, ana, said, number).version == number + 1
    assert [(one.version, one.body["said"]) for one in versions.history(database, WHAT, ana, "thing")] == [
        *((3, "c"), (2, "b"), (1, "a"))
    ]
    assert [one.body["said"] for one in versions.all_of(database, WHAT, ana)] == ["a", "b", "c"]
    (last,) = versions.find_all(database, WHAT, [ana])
    assert (last.body["said"], last.at_ms) == ("c", T0 + 2)


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_who_did_not_read_the_last_version_changes_nothing(database: Database, ana: str, expected: int) -> None:
    put(database, ana, "a", 0)
    put(database, ana, "b", 1)
    with pytest.raises(VersionConflict):
        put(database, ana, "x", expected)
    assert [one.body["said"] for one in versions.history(database, WHAT, ana, "thing")] == ["b", "a"]


def test_thing_that_is_changed_without_end_is_refused(database: Database, ana: str) -> None:
    with pytest.raises(InputInvalid):
        put(database, ana, "x", MOST_VERSIONS)


def test_version_that_is_moved_to_another_place_does_not_open(database: Database, ana: str) -> None:
    put(database, ana, "a", 0)
    put(database, ana, "b", 1)
    row = database[WHAT].find_one({"_id": f"{ana}:thing"})
    assert row is not None
    database[WHAT].update_one({"_id": row["_id"]}, {"$set": {"sealed": row["earlier"][0]["sealed"]}})
    with pytest.raises(versions.seals.SealBroken):
        versions.find(database, WHAT, ana, "thing")


def test_things_of_several_sorts_come_with_one_question(database: Database, ana: str) -> None:
    put(database, ana, "a", 0)
    put(database, ana, "b", 1)
    versions.put(database, "known", New(person=ana, name="facts", by="d" * 20, at_ms=T0, body={"said": "k"}), 0)
    found = versions.find_all_in(database, ("known", WHAT, "plans"), [ana, "somebody-else"])
    alone = {name: versions.find_all(database, name, [ana]) for name in ("known", WHAT, "plans")}
    assert found == alone
    assert [[one.body["said"] for one in some] for some in found.values()] == [["k"], ["b"], []]
