"""Lines of an earlier version are numbered, sealed and linked, and say what they said."""

from __future__ import annotations

import pytest

from phr.audit import chaining, days, verifying
from phr.config import Settings
from phr.database import Database
from phr.migrations import m0006_seal_access_log
from phr.people import access
from phr.people.access_lines import LOG, Line
from tests.cast import T0

WANG = "a" * 20


def a_line(number: int) -> Line:
    return Line(T0 + number, WANG, "app", None, "owner", None, WANG, "read", ("readings",), "GET x", "allowed")


@pytest.fixture
def plain(database: Database) -> list[Line]:
    lines = [a_line(number) for number in range(5)]
    rows = [{name: getattr(one, name) for name in Line.__slots__} for one in lines]
    database[LOG].insert_many([row | {"expires_at": None} for row in rows])
    return lines


@pytest.mark.parametrize("rounds", [1, 3])
def test_lines_are_sealed_batch_by_batch_though_it_is_cut_off(
    database: Database, settings: Settings, plain: list[Line], rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(m0006_seal_access_log, "BATCH", 2)
    begun = m0006_seal_access_log.run(database)
    assert [next(begun) for _ in range(rounds)] == [2, 2, 1][:rounds]
    list(m0006_seal_access_log.run(database))
    assert chaining.link_some(database, T0)
    assert verifying.verify(database, days.house(settings), T0).faults == []
    assert access.log_of(database, WANG, 9) == plain[::-1]
    assert database[LOG].count_documents({"expires_at": {"$exists": True}}) == 0
