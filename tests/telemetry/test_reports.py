"""Counts are kept over restarts, and what the house says of itself is judged."""

import pytest

from phr.database import Database
from phr.telemetry import readiness, reports
from phr.telemetry.readiness import BROKER_BYTES, BROKER_LIMIT
from phr.telemetry.tally import Tally
from tests.cast import T0
from tests.telemetry.builders import a_report, reported

ALL_WELL = [a_report("ingest", T0), a_report("scheduler", T0)]


def test_a_restarted_role_adds_to_its_totals(database: Database) -> None:
    for _ in range(2):
        reported(database, "ingest", count=lambda tally: tally.add("items", 3, "stored"))
    assert reports.sums(reports.all_reports(database), "counters") == {"items": {"stored": 6}}


def test_workers_are_summed(database: Database) -> None:
    for slot in ("0", "1"):
        reported(database, "ingest", slot, lambda tally: tally.observe("batch_messages", [1, 2]))
    assert reports.sums(reports.all_reports(database), "histograms") == {"batch_messages": {"1": 2, "3": 2, "sum": 6}}


def test_amounts_are_given_once_and_may_be_taken_back() -> None:
    tally = Tally()
    tally.add("items", 2, "stored")
    amounts = tally.drain()
    assert (amounts, tally.drain()) == ({"c.items.stored": 2}, {})
    tally.take_back(amounts)
    assert tally.drain() == amounts


@pytest.mark.parametrize(
    ("role", "silent_ms", "is_well"),
    [("ingest", 14_999, True), ("ingest", 15_000, False), ("scheduler", 59_999, True), ("scheduler", 60_000, False)],
)
def test_a_silent_role_is_named(role: str, silent_ms: int, is_well: bool) -> None:
    other = next(one for one in ALL_WELL if one.role != role)
    late = [a_report(other.role, T0 + silent_ms), a_report(role, T0)]
    assert set(readiness.faults(late, T0 + silent_ms)) == (set() if is_well else {role})


@pytest.mark.parametrize(("held", "is_well"), [(799, True), (800, True), (801, False)])
def test_a_broker_that_fills_up_is_named(held: float, is_well: bool) -> None:
    worker = a_report("ingest", T0, **{BROKER_BYTES: held, BROKER_LIMIT: 1000})
    assert ("mqtt" in readiness.faults([worker, ALL_WELL[1]], T0)) is not is_well


def test_the_worker_that_spoke_last_speaks_for_the_broker() -> None:
    both = [a_report("ingest", T0 + n, **{BROKER_BYTES: n, BROKER_LIMIT: 1}) for n in (5, 0)]
    assert readiness.broker_levels(both, T0 + 5)[BROKER_BYTES] == 5
