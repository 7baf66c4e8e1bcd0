"""Lines of the access log written together: those that come before anybody waits for theirs make one write.

A line costs the database a journaled write whether it comes alone or with ten others. The line of a request that comes
alone is written at once, while its view reads; where others are under way, it waits for theirs until the first of them
has nothing left to do but to wait for the disk. Whoever fails alone fails alone: what can't be encoded is written line
by line.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache
from typing import NamedTuple

from bson.errors import BSONError

from phr.database import Database
from phr.people import access_lines
from phr.people.access_lines import Line

MOST_TOGETHER = 64
GATHERED_S = 0.01  # the longest that a line waits for others


class Written(Future[None]):
    """Done when lines are majority-journaled; or its exception is what kept any of them from being so."""

    def __init__(self, writer: _Writer) -> None:
        super().__init__()
        self._writer = writer
        self.is_awaited = False  # somebody has come for it
        self.is_taken = False  # it is with the database

    def result(self, timeout: float | None = None) -> None:
        if not self.is_awaited:
            self._writer.await_(self)
        return super().result(timeout)


class _Asked(NamedTuple):
    database: Database
    lines: tuple[Line, ...]
    written: Written


class _Writer:
    """What waits to be written in this process, and the thread that writes it."""

    def __init__(self) -> None:
        self._asked: deque[_Asked] = deque()
        self._under_way = 0  # whose line was asked for and who have not come for it yet
        self._is_hurried = False  # somebody waits for one that is not with the database yet
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="access-log", daemon=True).start()

    def submit(self, database: Database, lines: tuple[Line, ...]) -> Written:
        written = Written(self)
        with self._changed:
            self._asked.append(_Asked(database, lines, written))
            self._under_way += 1
            self._changed.notify()
        return written

    def await_(self, written: Written) -> None:
        """Somebody comes for this one; nothing more is gathered before it is written."""
        with self._changed:
            written.is_awaited = True
            self._under_way -= 1
            if not written.is_taken:
                self._is_hurried = True
                self._changed.notify()

    def _run(self) -> None:
        while True:
            asked = self._gathered()
            by_database: dict[tuple[int, str], list[_Asked]] = {}
            for one in asked:
                by_database.setdefault((id(one.database.client), one.database.name), []).append(one)
            for some in by_database.values():
                _write_some(some)

    def _gathered(self) -> list[_Asked]:
        with self._changed:
            self._changed.wait_for(lambda: self._asked)
            self._changed.wait_for(self._is_enough, GATHERED_S)
            taken = [self._asked.popleft() for _ in range(min(MOST_TOGETHER, len(self._asked)))]
            for one in taken:
                one.written.is_taken = True
            self._is_hurried = any(one.written.is_awaited for one in self._asked)
        return taken

    def _is_enough(self) -> bool:
        return self._is_hurried or self._under_way <= len(self._asked) or len(self._asked) >= MOST_TOGETHER


def submit(database: Database, *lines: Line) -> Written:
    """What is done when all of the lines are majority-journaled."""
    return _writer(os.getpid()).submit(database, lines)


@cache
def _writer(process_id: int) -> _Writer:  # noqa: ARG001 - threads don't survive a fork: they are a process's
    return _Writer()


def _write_some(asked: Sequence[_Asked]) -> None:
    try:
        access_lines.append(asked[0].database, *(line for one in asked for line in one.lines))
    except (BSONError, UnicodeError, OverflowError) as error:  # before anything was sent
        if len(asked) == 1:
            asked[0].written.set_exception(error)
        else:
            for one in asked:
                _write_some([one])
    except BaseException as error:
        for one in asked:
            one.written.set_exception(error)
    else:
        for one in asked:
            one.written.set_result(None)
