"""Questions to the database that wait at the same time, asked as one.

A question costs its asker and the server about the same whether it is about one thing or about ten. Who comes alone
asks at once and for nobody else. Who comes while another asks waits for that answer, and then one of those who wait
asks for all of them: no answer is older than its question.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from pymongo.errors import PyMongoError

from phr.database import Database

Question = TypeVar("Question")
Given = TypeVar("Given")
MOST_TOGETHER = 32


class _Waiting(Generic[Question, Given]):
    """A question, and what becomes of it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.given: Given
        self.error: BaseException | None = None
        self.leads = False  # its asker is the next to ask
        self.woken = threading.Lock()  # held until there is something to wake up for
        self.woken.acquire()


class Together(Generic[Question, Given]):
    """Asks for threads of one process. A database that fails fails for all that were asked for, all else for each."""

    def __init__(self, ask: Callable[[Sequence[Question]], Sequence[Given]]) -> None:
        """``ask``: gives an answer for each question, in their order."""
        self._ask = ask
        self._waiting: list[_Waiting[Question, Given]] = []
        self._is_asking = False
        self._lock = threading.Lock()

    def of(self, question: Question) -> Given:
        """The answer. Raises what ``ask`` raises."""
        mine = _Waiting[Question, Given](question)
        with self._lock:
            self._waiting.append(mine)
            leads, self._is_asking = not self._is_asking, True
        if not leads:
            mine.woken.acquire()
            leads = mine.leads
        if leads:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        return mine.given

    def _lead(self, mine: _Waiting[Question, Given]) -> None:
        """Asks for those who wait, of whom this is the first, and leaves the next round to one who came meanwhile."""
        with self._lock:
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        self._answer(batch)
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._is_asking = following is not None
        if following is not None:
            following.leads = True
            following.woken.release()
        for one in batch:
            if one is not mine:
                one.woken.release()

    def _answer(self, some: Sequence[_Waiting[Question, Given]]) -> None:
        try:
            answers = self._ask([one.question for one in some])
            for one, given in zip(some, answers, strict=True):
                one.given = given
        except PyMongoError as error:
            for one in some:
                one.error = error
        except BaseException as error:
            if len(some) == 1:
                some[0].error = error
            else:
                for one in some:
                    self._answer([one])


def of(database: Database, question: Question, ask: Callable[[Sequence[Question]], Sequence[Given]]) -> Given:
    """The answer, by the one who asks this database for all threads of this process that read as certainly.

    ``ask``: a function of a module, and always the same one.
    """
    found: Given = _one(ask, os.getpid(), id(database.client), database.name, database.read_concern.level).of(question)
    return found


@lru_cache(maxsize=64)
def _one(ask: Callable[[Sequence[Any]], Sequence[Any]], *of: object) -> Together[Any, Any]:  # noqa: ARG001 - the key
    return Together(ask)
