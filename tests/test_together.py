"""Questions that wait at the same time are one question, and no answer is older than its question."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from pymongo.errors import AutoReconnect

from phr import together
from phr.database import Database
from phr.together import MOST_TOGETHER, Together

WAIT_S = 30


class Asked:
    """Answers twice the number, when it may; knows what was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.has_begun, self.may_answer = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.has_begun.release()
        self.may_answer.acquire(timeout=WAIT_S)
        if 1313 in numbers:
            raise AutoReconnect("gone")
        if 666 in numbers:
            raise ValueError("no number to double")
        return [2 * one for one in numbers]


def coming(one: Together[int, int], numbers: Sequence[int], threads: ThreadPoolExecutor) -> list[Future[int]]:
    """Each of them asked by a thread of its own, all of which wait when this returns."""
    there = len(one._waiting) + len(numbers)
    asked = [threads.submit(one.of, number) for number in numbers]
    while len(one._waiting) < there:
        pass
    return asked


@pytest.fixture
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2 * MOST_TOGETHER)


def test_who_comes_alone_is_asked_for_alone() -> None:
    ask = Asked()
    ask.may_answer.release(2)
    one = Together(ask)
    assert (one.of(1), one.of(2), ask.batches) == (2, 4, [[1], [2]])


def test_who_comes_meanwhile_waits_for_a_question_of_their_own_and_is_asked_for_together(
    threads: ThreadPoolExecutor,
) -> None:
    ask = Asked()
    one = Together(ask)
    first = threads.submit(one.of, 1)
    assert ask.has_begun.acquire(timeout=WAIT_S)
    others = coming(one, [2, 3, 4], threads)
    ask.may_answer.release(2)
    assert [future.result(WAIT_S) for future in (first, *others)] == [2, 4, 6, 8]
    assert (ask.batches[0], sorted(ask.batches[1]), len(ask.batches)) == ([1], [2, 3, 4], 2)


def test_who_waits_in_great_number_is_asked_for_in_turns(threads: ThreadPoolExecutor) -> None:
    ask = Asked()
    one = Together(ask)
    first = threads.submit(one.of, 0)
    assert ask.has_begun.acquire(timeout=WAIT_S)
    others = coming(one, range(1, MOST_TOGETHER + 6), threads)
    ask.may_answer.release(3)
    assert sum(future.result(WAIT_S) for future in (first, *others)) == sum(range(MOST_TOGETHER + 6)) * 2
    assert [len(batch) for batch in ask.batches] == [1, MOST_TOGETHER, 5]


def test_question_that_has_no_answer_costs_nobody_else_theirs(threads: ThreadPoolExecutor) -> None:
    ask = Asked()
    one = Together(ask)
    first = threads.submit(one.of, 1)
    assert ask.has_begun.acquire(timeout=WAIT_S)
    good, bad, also_good = coming(one, [2, 666, 3], threads)
    ask.may_answer.release(5)
    assert [future.result(WAIT_S) for future in (first, good, also_good)] == [2, 4, 6]
    with pytest.raises(ValueError, match="no number"):
        bad.result(WAIT_S)


def test_database_that_is_away_is_away_for_all_and_asked_again_by_the_next(threads: ThreadPoolExecutor) -> None:
    ask = Asked()
    one = Together(ask)
    first = threads.submit(one.of, 1313)
    assert ask.has_begun.acquire(timeout=WAIT_S)
    others = coming(one, [1313, 14], threads)
    ask.may_answer.release()
    with pytest.raises(AutoReconnect, match="gone"):
        first.result(WAIT_S)
    assert ask.has_begun.acquire(timeout=WAIT_S)
    last = coming(one, [7], threads)
    ask.may_answer.release(2)
    for future in others:
        with pytest.raises(AutoReconnect, match="gone"):
            future.result(WAIT_S)
    assert last[0].result(WAIT_S) == 14


def both(numbers: Sequence[int]) -> list[int]:
    return [one + 1 for one in numbers]


def test_each_database_and_certainty_has_its_own(database: Database) -> None:
    other = database.client.get_database(database.name + "-x")
    assert together.of(database, 1, both) == 2
    ones = {together._one(both, id(one.client), one.name) for one in (database, other)}
    assert len(ones) == 2
