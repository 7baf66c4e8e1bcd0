"""A house with one person in Shanghai who takes a pill at eight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from phr.database import Database
from phr.people import people
from phr.reminders import schedules, ticking
from phr.reminders.reminder import Reminder
from tests.cast import a_person
from tests.reminders.builders import a_schedule, ms

MONDAY = "2026-11-23T07:00:00+08:00"


@dataclass(slots=True)
class House:
    database: Database
    ana: str

    def put(self, at: str = MONDAY, **changes: Any) -> Reminder:
        return schedules.put(self.database, a_schedule(self.ana, **changes), ms(at))

    def tick(self, at: str) -> None:
        """All that a scheduler does, at an instant."""
        while ticking.tell_some(self.database, ms(at)):
            pass
        while ticking.follow_up(self.database, ms(at)):
            pass
        ticking.sweep(self.database, ms(at))


@pytest.fixture
def house(database: Database) -> House:
    return House(database, people.create(database, a_person()).id)
