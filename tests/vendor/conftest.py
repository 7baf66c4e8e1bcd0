"""A vendor with a device and workers; the cast for what is asked over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ingest import worker
from phr.database import Database
from tests.cast import cast
from tests.conftest import Broker
from tests.ingest.running import Plant, built, wait_until
from vendor import command
from vendor.line import Line

__all__ = ["cast"]

Rounds = Callable[..., None]  # of what each round of a watch waits for: (Line) -> truth


@pytest.fixture
def plant(broker: Broker, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    monkeypatch.setattr(worker, "IDLE_WAIT_S", 0.05)
    with built(broker, database) as one:
        yield one


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    """Has a watch go as many rounds as conditions are given; a round ends once its condition is true of the line."""

    def set_up(*conditions: Callable[[Line], Any]) -> None:
        waited_for, left = iter(conditions), iter([1.0] * len(conditions))

        def listen(one: Line, _seconds: float) -> list[Any]:
            is_over = next(waited_for)
            wait_until(lambda: is_over(one))
            return list(one.heard)

        monkeypatch.setattr(Line, "listen", listen)
        monkeypatch.setattr(command, "_left_s", lambda _until: next(left, 0.0))

    return set_up
