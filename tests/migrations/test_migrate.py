"""Migrations: each step runs once and in order, may be cut off anywhere; a database that is ahead is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from phr.clock import now_ms
from phr.database import Database
from phr.errors import ServerUnavailable
from phr.migrations import migrate
from phr.migrations.migrate import Step, pending, run_pending, steps


class PlugPulledError(Exception):
    """The plug was pulled."""


def doubling(database: Database, *, dies_after: int = 100) -> Step:
    """A step that doubles each number and leaves the mark by which it knows what it has done."""

    def run(database: Database) -> Iterator[int]:
        for batch in range(100):
            row = database.numbers_.find_one({"doubled": {"$exists": False}})
            if row is None:
                return
            if batch == dies_after:
                raise PlugPulledError
            change = {"$set": {"value": 2 * row["value"], "doubled": True}}
            database.numbers_.update_one({"_id": row["_id"], "doubled": {"$exists": False}}, change)
            yield 1

    return Step(1, "double", run)


@pytest.fixture
def numbers(database: Database) -> Iterator[Database]:
    """Five of them, in a database that has had no step yet."""
    database.migrations.delete_many({})
    database.numbers_.insert_many([{"_id": number, "value": number} for number in range(5)])
    yield database
    database.numbers_.drop()
    database.migrations.delete_many({})
    run_pending(database)


def values(database: Database) -> list[int]:
    return [row["value"] for row in database.numbers_.find(sort=[("_id", 1)])]


def test_steps_run_once_and_in_order(numbers: Database) -> None:
    ran: list[int] = []

    def noted(number: int) -> Step:
        return Step(number, f"step-{number}", lambda _: iter(ran.append(number) or [3]))  # type: ignore[func-returns-value]

    known = (noted(1), noted(2))
    assert run_pending(numbers, known=known[:1]) == 3
    assert run_pending(numbers, known=known) == 3
    assert run_pending(numbers, known=known) == 0
    assert (ran, pending(numbers, known)) == ([1, 2], [])


@pytest.mark.parametrize("dies_after", range(5))
def test_step_that_was_cut_off_is_taken_up_again(numbers: Database, dies_after: int) -> None:
    with pytest.raises(PlugPulledError):
        run_pending(numbers, known=(doubling(numbers, dies_after=dies_after),))
    assert len(pending(numbers, (doubling(numbers),))) == 1
    assert run_pending(numbers, known=(doubling(numbers),)) == 5 - dies_after
    assert values(numbers) == [0, 2, 4, 6, 8]


def test_lease_of_a_process_that_died_runs_out(numbers: Database) -> None:
    numbers.migrations.insert_one({"_id": "lease", "holder": "dead", "until_ms": now_ms() + 300})
    began = now_ms()
    assert run_pending(numbers, known=(doubling(numbers),)) == 5
    assert now_ms() - began >= 250
    assert numbers.migrations.find_one({"_id": "lease"}) is None


def test_process_whose_lease_was_taken_over_stops(numbers: Database) -> None:
    def robbed(_step: Step, _count: int) -> None:
        numbers.migrations.update_one({"_id": "lease"}, {"$set": {"holder": "another"}})

    with pytest.raises(ServerUnavailable, match="another process"):
        run_pending(numbers, robbed, (doubling(numbers),))
    assert len(pending(numbers, (doubling(numbers),))) == 1


def test_data_that_is_newer_than_the_code_is_not_touched(numbers: Database) -> None:
    numbers.migrations.insert_one({"_id": 9_999, "name": "from-later", "finished_ms": 1})
    with pytest.raises(ServerUnavailable, match="9999"):
        run_pending(numbers, known=(doubling(numbers),))
    assert values(numbers) == [0, 1, 2, 3, 4]


def test_numbers_of_the_steps_are_one_to_n() -> None:
    assert [step.number for step in steps()] == list(range(1, len(steps()) + 1))
    assert all(migrate.import_module(f"phr.migrations.m{s.number:04}_{s.name}").__doc__ for s in steps())
