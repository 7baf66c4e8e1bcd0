"""Whoever can write into the database and has no key changes nothing in the access log unseen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from bson import ObjectId

from phr import private_files
from phr.audit import chaining, days, verifying
from phr.audit.chains import CHAINS
from phr.audit.days import DAYS, HEADS, House
from phr.audit.writers import PATIENCE_MS, WRITERS
from phr.config import Settings
from phr.database import Database, Document
from phr.errors import SettingInvalid
from phr.people import access, access_lines, people
from phr.people.access import Ask, Caller
from phr.people.access_lines import LOG, Line
from tests.cast import T0, a_person

DAY_MS = 86_400_000
WANG, LI = "a" * 20, "b" * 20


def a_line(number: int, person: str = WANG) -> Line:
    return Line(T0 + number, "d" * 20, "app", None, "owner", None, person, "read", ("readings",), "GET x", "allowed")


@pytest.fixture
def house(settings: Settings) -> House:
    return days.house(settings)


@pytest.fixture
def log(database: Database) -> Database:
    """Six linked lines, three of each of two people, and one that was just written."""
    for number in range(6):
        access_lines.append(database, a_line(number, (WANG, LI)[number % 2]))
    while chaining.link_some(database, T0):
        pass
    access_lines.append(database, a_line(6))
    return database


def found(database: Database, house: House, now_ms: int = T0) -> list[tuple[str, int | None]]:
    return [(one.what, one.seq) for one in verifying.verify(database, house, now_ms).faults]


def row(database: Database, number: int) -> Document:
    found = database[LOG].find_one({"at_ms": T0 + number})
    assert found is not None
    return found


def test_untouched_log_is_whole(log: Database, house: House) -> None:
    report = verifying.verify(log, house, T0)
    assert (report.lines, report.unlinked, report.chains, report.faults) == (6, 1, 2, [])


@pytest.mark.parametrize(
    "change",
    [{"about": "GET y"}, {"who": "e" * 20}, {"at_ms": T0}, {"outcome": "refused"}, {"n": 9}, {"categories": []},
     {"salt": b"x"}, {"mac": b"x"}, {"mac": 7}, {"person": LI}, {"role": None}],
)  # fmt: skip
@pytest.mark.parametrize("number", [2, 6])
def test_changed_line_is_named_linked_or_not(
    log: Database, house: House, change: Mapping[str, Any], number: int
) -> None:
    name = row(log, number)["_id"]
    log[LOG].update_one({"_id": name}, {"$set": dict(change)})
    assert str(name) in {one.line for one in verifying.verify(log, house, T0).faults}


@pytest.mark.parametrize("number", [0, 2, 4])
def test_removed_line_is_named_first_middle_or_last(log: Database, house: House, number: int) -> None:
    log[LOG].delete_one({"_id": row(log, number)["_id"]})
    assert ("removed", number // 2 + 1) in found(log, house)


def test_removed_line_that_was_not_linked_yet_leaves_a_hole(log: Database, house: House) -> None:
    log[LOG].delete_one({"_id": row(log, 6)["_id"]})
    access_lines.append(log, a_line(7))
    assert chaining.link_some(log, T0) is False
    assert chaining.link_some(log, T0 + 7 + PATIENCE_MS)
    (fault,) = verifying.verify(log, house, T0).faults
    assert (fault.what, "number 7" in fault.detail) == ("removed", True)


def test_lines_that_changed_places_are_named(log: Database, house: House) -> None:
    first, second = row(log, 0), row(log, 2)
    log[LOG].update_one({"_id": first["_id"]}, {"$set": {"seq": 99}})
    log[LOG].update_one({"_id": second["_id"]}, {"$set": {"seq": 1, "link": first["link"]}})
    log[LOG].update_one({"_id": first["_id"]}, {"$set": {"seq": 2, "link": second["link"]}})
    assert found(log, house) == [("moved", 1), ("moved", 2)]


def test_line_moved_into_another_chain_is_named(log: Database, house: House) -> None:
    log[LOG].update_one({"_id": row(log, 4)["_id"]}, {"$set": {"chain": row(log, 1)["chain"], "seq": 4}})
    assert ("removed", 3) in found(log, house)


def forged(log: Database, **changes: Any) -> None:
    log[LOG].insert_one(row(log, 6) | {"_id": ObjectId(), "about": "forged"} | changes)


@pytest.mark.parametrize("changes", [{}, {"w": "x", "n": 1}, {"mac": None}, {"open": False}, {"at_ms": None}])
def test_forged_line_is_named_and_never_linked(log: Database, house: House, changes: Mapping[str, Any]) -> None:
    forged(log, **changes)
    while chaining.link_some(log, T0):
        pass
    assert log[LOG].count_documents({"about": "forged", "chain": {"$exists": True}}) == 0
    assert "forged" in {what for what, _ in found(log, house)}


def test_line_written_twice_is_named(log: Database, house: House) -> None:
    log[LOG].insert_one({**row(log, 6), "_id": ObjectId()})
    while chaining.link_some(log, T0):
        pass
    assert found(log, house) == [("copied", None)]


def taken_back(log: Database) -> None:
    """Takes the database back to before the last line was linked, and that line with it."""
    kept = {name: list(log[name].find()) for name in (CHAINS, WRITERS)}
    assert chaining.link_some(log, T0)
    log[LOG].delete_one({"at_ms": T0 + 6})
    for name, rows in kept.items():
        log[name].delete_many({})
        log[name].insert_many(rows)


def test_whoever_takes_all_back_is_found_by_the_next_line(log: Database, house: House) -> None:
    taken_back(log)
    access_lines.append(log, a_line(8))
    assert chaining.link_some(log, T0 + 8 + PATIENCE_MS)
    assert [what for what, _ in found(log, house)] == ["removed"]


def tamper(collection: str, change: Mapping[str, Any]) -> Callable[[Database], Any]:
    return lambda log: log[collection].update_one({}, {"$set": dict(change)})


@pytest.mark.parametrize(
    "tampering",
    [tamper(CHAINS, {"seq": 2}), tamper(CHAINS, {"cut_seq": 1}), tamper(CHAINS, {"link": b"x"}),
     tamper(CHAINS, {"person": "c" * 20}), tamper(WRITERS, {"through": 5}), tamper(WRITERS, {"pruned": 1}),
     tamper(WRITERS, {"lost": [1]}), lambda log: log[CHAINS].delete_one({}), lambda log: log[WRITERS].delete_one({})],
)  # fmt: skip
def test_what_is_remembered_can_not_be_changed_and_going_on_hides_nothing(
    log: Database, house: House, tampering: Callable[[Database], Any]
) -> None:
    tampering(log)
    assert verifying.verify(log, house, T0).faults
    while chaining.link_some(log, T0 + 9 + PATIENCE_MS):
        pass
    assert verifying.verify(log, house, T0).faults


def test_line_that_could_not_be_written_is_no_fault(log: Database, house: House) -> None:
    log.command({"collMod": LOG, "validator": {"never": 1}})
    with pytest.raises(Exception, match="validation"):
        access_lines.append(log, a_line(7))
    log.command({"collMod": LOG, "validator": {}})
    access_lines.append(log, a_line(8))
    while chaining.link_some(log, T0):
        pass
    assert (found(log, house), log[LOG].count_documents({"chain": {"$exists": True}})) == ([], 8)


def test_signed_days_hold_and_are_registered(log: Database, house: House) -> None:
    assert days.sign_one(log, house, T0 + DAY_MS)
    assert not days.sign_one(log, house, T0 + DAY_MS)
    chaining.link_some(log, T0)
    assert days.sign_one(log, house, T0 + 2 * DAY_MS)
    assert not days.sign_one(log, house, T0 + 3 * DAY_MS)
    report = verifying.verify(log, house, T0)
    assert (report.days, report.faults) == (2, [])
    assert list(days.registered(house.data_dir)) == ["2026-11-22", "2026-11-23"]


@pytest.mark.parametrize(
    "tampering",
    [lambda log: log[DAYS].delete_many({}), lambda log: log[DAYS].update_one({}, {"$set": {"jws": "a.b.c"}}),
     lambda log: log[HEADS].delete_one({}), tamper(HEADS, {"seq": 2}), tamper(HEADS, {"link": b"x"}),
     lambda log: [log[name].delete_many({}) for name in (LOG, CHAINS, WRITERS, HEADS, DAYS)]],
)  # fmt: skip
def test_signed_day_can_not_be_changed_or_taken_away(
    log: Database, house: House, tampering: Callable[[Database], Any]
) -> None:
    days.sign_one(log, house, T0 + DAY_MS)
    tampering(log)
    assert "day" in {what for what, _ in found(log, house)}


def test_day_signed_by_another_key_is_none(log: Database, house: House, settings: Settings) -> None:
    other = days.house(dataclasses.replace(settings, data_dir=settings.data_dir / "other"))
    days.sign_one(log, other, T0 + DAY_MS)
    assert found(log, house) == [("day", None)]


def test_register_that_was_cut_off_is_made_up_for(log: Database, house: House) -> None:
    days.sign_one(log, house, T0 + DAY_MS)
    (house.data_dir / days.FILE).unlink()
    days.sign_one(log, house, T0 + DAY_MS)
    assert list(days.registered(house.data_dir)) == ["2026-11-22"]


def test_days_lost_by_a_restore_are_no_fault_once_it_is_noted(log: Database, house: House) -> None:
    days.sign_one(log, house, T0 + DAY_MS)
    for name in (HEADS, DAYS):
        log[name].delete_many({})
    days.note_restore(log, house.data_dir, T0 + DAY_MS)
    assert found(log, house) == []
    assert len(private_files.lines(house.data_dir / days.FILE)) == 2


def test_lines_go_when_their_time_is_over_and_what_is_left_is_whole(log: Database, house: House) -> None:
    while chaining.link_some(log, T0):
        pass
    kept_ms = house.kept_days * DAY_MS
    assert not chaining.prune_some(log, house.kept_days, T0 + kept_ms)
    while chaining.prune_some(log, house.kept_days, T0 + kept_ms + 3):
        pass
    assert log[LOG].count_documents({}) == 4
    assert found(log, house) == []
    access_lines.append(log, a_line(9))
    chaining.link_some(log, T0)
    assert found(log, house) == []


def test_changed_line_does_not_go(log: Database, house: House) -> None:
    log[LOG].update_one({"at_ms": T0}, {"$set": {"about": "GET y"}})
    while chaining.prune_some(log, house.kept_days, T0 + house.kept_days * DAY_MS + 9):
        pass
    assert ("changed", 1) in found(log, house)


def test_one_persons_chain_can_be_checked_alone(log: Database, house: House) -> None:
    log[LOG].update_one({"at_ms": T0}, {"$set": {"about": "GET y"}})
    assert [verifying.verify(log, house, T0, one).faults != [] for one in (WANG, LI)] == [True, False]


def test_logs_are_kept_as_long_as_the_law_wants(settings: Settings) -> None:
    assert days.house(dataclasses.replace(settings, access_log_days=184)).kept_days == 184
    with pytest.raises(SettingInvalid):
        days.house(dataclasses.replace(settings, access_log_days=183))


def test_decisions_are_numbered_lines(database: Database, house: House) -> None:
    owner = people.create(database, a_person()).id
    for _ in range(3):
        caller = Caller(owner, "app", frozenset(), None, "person")
        access.may(database, caller, Ask(owner, "read", ("readings",), "GET x"), T0)
    chaining.link_some(database, T0)
    assert [one["seq"] for one in database[LOG].find().sort("seq")] == [1, 2, 3]
    assert found(database, house) == []


def test_days_that_a_retired_key_signed_still_hold(log: Database, house: House) -> None:
    days.sign_one(log, house, T0 + DAY_MS)
    house.ring.rotate(T0 + DAY_MS)
    assert found(log, house) == []
    house.ring.rotate(T0 + DAY_MS)
    assert found(log, house) == []
