"""Somebody with a record, and entries as a doctor writes them."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.people import people
from tests.cast import a_person


@pytest.fixture
def ana(database: Database) -> str:
    return people.create(database, a_person(sex="female")).id
