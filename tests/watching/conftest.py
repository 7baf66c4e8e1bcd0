"""Somebody with hypertension, and readings of their cuff."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.people import people
from tests.cast import a_person
from tests.plans.builders import coded


@pytest.fixture
def ana(database: Database) -> str:
    person = people.create(database, a_person(sex="female")).id
    coded(database, person, "I10", days=30)
    return person
