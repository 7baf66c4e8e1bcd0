"""Lines of the access log written together: those that come while the disk is waited for make the next write.

A line costs the database a journaled write whether it comes alone or with ten others, and who asked for it waits for
it anyway. Whoever fails alone fails alone: what can't be encoded is written line by line.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache
from queue import Empty, SimpleQueue
from typing import NamedTuple

from bson.errors import BSONError

from phr.database import Database
from phr.people import access_lines
from phr.people.access_lines import Line

MOST_TOGETHER = 64
WRITERS = 2  # so that one gathers while another waits for the disk


class _Asked(NamedTuple):
    database: Database
    lines: tuple[Line, ...]
    written: Future[None]


def submit(database: Database, *lines: Line) -> Future[None]:
    """Done when all of the lines are majority-journaled; or its exception is what kept any of them from being so."""
    written: Future[None] = Future()
    _queue(os.getpid()).put(_Asked(database, lines, written))
    return written


@cache
def _queue(process_id: int) -> SimpleQueue[_Asked]:  # noqa: ARG001 - threads don't survive a fork: they are a process's
    queue: SimpleQueue[_Asked] = SimpleQueue()
    for number in range(WRITERS):
        threading.Thread(target=_write, args=(queue,), name=f"access-log-{number}", daemon=True).start()
    return queue


def _write(queue: SimpleQueue[_Asked]) -> None:
    while True:
        asked = [queue.get()]
        try:
            while len(asked) < MOST_TOGETHER:
                asked.append(queue.get_nowait())
        except Empty:
            pass
        by_database: dict[tuple[int, str], list[_Asked]] = {}
        for one in asked:
            by_database.setdefault((id(one.database.client), one.database.name), []).append(one)
        for some in by_database.values():
            _write_some(some)


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
