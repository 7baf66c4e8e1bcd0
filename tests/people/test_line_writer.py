"""Lines that come together are written together, and none costs another anything."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from phr.audit import chaining, days, verifying
from phr.config import Settings
from phr.database import Database
from phr.people import access_lines, line_writer
from phr.people.access_lines import LOG, Line
from tests.cast import T0

WAIT_S = 30


def a_line(number: int, about: str = "GET x") -> Line:
    return Line(T0 + number, "d" * 20, "app", None, "owner", None, "a" * 20, "read", ("readings",), about, "allowed")


@pytest.fixture
def gathering(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, list[int]]:
    """The disk waits for the event; how many lines each write had."""
    write, may_go, sizes = access_lines.append, threading.Event(), list[int]()

    def slowly(database: Database, *lines: Line) -> None:
        sizes.append(len(lines))
        may_go.wait(WAIT_S)
        write(database, *lines)

    monkeypatch.setattr(access_lines, "append", slowly)
    return may_go, sizes


def test_lines_that_come_while_the_disk_is_waited_for_make_one_write(
    database: Database, settings: Settings, gathering: tuple[threading.Event, list[int]]
) -> None:
    may_go, sizes = gathering
    written = [line_writer.submit(database, a_line(1))]
    while not sizes:
        pass
    written += [line_writer.submit(database, a_line(10 + number)) for number in range(20)]
    may_go.set()
    for one in written:
        one.result(WAIT_S)
    assert (sum(sizes), max(sizes) > 1, len(sizes) < 21) == (21, True, True)
    while chaining.link_some(database, T0):
        pass
    report = verifying.verify(database, days.house(settings), T0)
    assert (report.lines, report.faults) == (21, [])


def test_lines_of_requests_under_way_wait_until_one_of_them_is_waited_for(
    database: Database, gathering: tuple[threading.Event, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go, sizes = gathering
    may_go.set()
    monkeypatch.setattr(line_writer, "GATHERED_S", WAIT_S)
    writer = line_writer._Writer()  # with nothing under way but these
    alone = writer.submit(database, (a_line(1),))
    while not alone.done():  # at once, and nobody waits for it
        pass
    others = [writer.submit(database, (a_line(number),)) for number in range(2, 5)]  # ``alone`` is under way still
    others[0].result(WAIT_S)
    assert (sizes, [one.done() for one in others]) == ([1, 3], [True] * 3)


def test_a_line_is_not_kept_waiting_for_who_never_comes_for_theirs(
    database: Database, gathering: tuple[threading.Event, list[int]]
) -> None:
    may_go, _ = gathering
    may_go.set()
    writer = line_writer._Writer()
    forgotten = [writer.submit(database, (a_line(number),)) for number in range(3)]
    until = time.monotonic() + WAIT_S
    while not all(one.done() for one in forgotten) and time.monotonic() < until:
        time.sleep(0.001)
    assert all(one.done() for one in forgotten)


def test_a_line_that_cannot_be_stored_fails_alone(
    database: Database, gathering: tuple[threading.Event, list[int]]
) -> None:
    may_go, sizes = gathering
    busy = line_writer.submit(database, a_line(1))
    while not sizes:
        pass
    good, bad, also_good = (line_writer.submit(database, a_line(5, about)) for about in ("GET y", "\udc00", "GET z"))
    may_go.set()
    for one in (busy, good, also_good):
        one.result(WAIT_S)
    with pytest.raises(UnicodeError):
        bad.result(WAIT_S)
    assert sorted(row["about"] for row in database[LOG].find({"at_ms": T0 + 5})) == ["GET y", "GET z"]


def test_a_write_that_failed_is_told_to_each_and_its_numbers_are_known_to_be_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise OSError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(type(database[LOG]), "insert_many", failing)
        with pytest.raises(OSError, match="gone"):
            line_writer.submit(database, a_line(1)).result(WAIT_S)
    line_writer.submit(database, a_line(2)).result(WAIT_S)
    (row,) = database[LOG].find()
    assert row["lost"] == [row["n"] - 1]
