"""Readings that are kept and stand in nobody's timeline."""

from dataclasses import replace
from datetime import timedelta

from phr.clock import to_datetime
from phr.database import Database
from phr.intake import held
from phr.intake.held import HeldRow
from tests.cast import T0

ROW = HeldRow("acme/cuff-1", None, "unbound", "weight", "", T0, {"metric": "weight", "value": 70.5}, T0)
PERSON = "a" * 20


def test_same_item_is_held_once_whatever_the_order_of_its_keys(database: Database) -> None:
    again = replace(ROW, item={"value": 70.5, "metric": "weight"}, arrived_at_ms=T0 + 5)
    assert [held.hold(database, [ROW, ROW]), held.hold(database, [again])] == [1, 0]


def test_same_item_of_another_device_is_another_row(database: Database) -> None:
    assert held.hold(database, [ROW, replace(ROW, device="acme/cuff-2")]) == 2


def test_row_comes_back_as_it_was(database: Database) -> None:
    odd = replace(ROW, person=PERSON, reason="out-of-bounds", item={"$a.b": 2**70, "": None})
    held.hold(database, [odd])
    assert held.for_person(database, PERSON, 10) == [odd]


def test_unbound_row_expires_after_thirty_days_and_is_shown_to_nobody(database: Database) -> None:
    held.hold(database, [ROW])
    stored = database["held"].find_one()
    assert stored is not None
    assert stored["expires_at"] == to_datetime(T0) + timedelta(days=30)
    assert held.for_person(database, PERSON, 10) == []


def test_row_of_a_person_does_not_expire(database: Database) -> None:
    held.hold(database, [replace(ROW, person=PERSON, reason="before-birth")])
    assert database["held"].count_documents({"expires_at": {"$exists": True}}) == 0


def test_nothing_to_hold_is_no_error(database: Database) -> None:
    assert held.hold(database, []) == 0
