"""A person, and the door that imports go through."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from phr.care.rules import rules
from phr.database import Database, Document
from phr.interchange import formats, importing
from phr.interchange.formats import Wish
from phr.interchange.importing import Into
from phr.interchange.imports import Import
from phr.people import people
from phr.recording import Recorder
from tests.cast import T0, a_person
from tests.readings.builders import a_lane, stored_in

LATER = T0 + 30 * 86_400_000


@dataclass
class Desk:
    """Takes files into Ana's record; the clock stands still unless it is moved."""

    database: Database
    ana: str
    now_ms: int = LATER
    told: list[Import] = field(default_factory=list)

    def into(self, tell: Callable[[Import], None] | None = None) -> Into:
        recorder = Recorder(self.database, rules())
        return Into(self.database, recorder, self.ana, "tester", lambda: self.now_ms, tell or self.told.append)

    def take(self, content: bytes, form: str = "apple-health", wish: Wish | None = None, **options: Any) -> Import:
        file = io.BytesIO(content)
        return importing.run(self.into(), formats.find_format(form), file, wish or Wish(), **options)

    def take_back(self, one: Import) -> Import:
        return importing.take_back(self.into(), one.id, "the wrong file")

    def stored(self, metric: str) -> dict[Any, Any]:
        """What stands of a metric: (metric, device, seq, t) and so on -> values."""
        return stored_in(a_lane(self.database, metric, self.ana))

    def buckets(self) -> list[Document]:
        names = ("c", "w", "h")
        found = self.database["readings"].find({"p": self.ana}, sort=[("_id", 1)])
        return [{"_id": row["_id"]} | {name: row[name] for name in names if row.get(name)} for row in found]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database, people.create(database, a_person(name="ana")).id)
