"""A vendor with a device and workers; the cast for what is asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest import worker
from phr.database import Database
from tests.cast import cast
from tests.conftest import Broker
from tests.ingest.running import Plant, built

__all__ = ["cast"]


@pytest.fixture
def plant(broker: Broker, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    monkeypatch.setattr(worker, "IDLE_WAIT_S", 0.05)
    with built(broker, database) as one:
        yield one
