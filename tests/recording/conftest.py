"""A house in an empty record."""

from __future__ import annotations

import pytest

from phr.database import Database
from tests.recording.builders import House, a_house


@pytest.fixture
def house(database: Database) -> House:
    return a_house(database)
