"""`app.py audit verify` names what was changed and ends with 1."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ops import audit
from phr.audit import chaining
from phr.config import Settings
from phr.database import Database
from phr.people import access_lines
from phr.people.access_lines import LOG
from tests.audit.test_verifying import WANG, a_line
from tests.cast import T0


def test_verify_prints_what_it_found(
    database: Database, mongod: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    own = dataclasses.replace(settings, mongodb_uri=mongod, mongodb_database=database.name)
    access_lines.append(database, a_line(0))
    chaining.link_some(database, T0)
    assert audit.main(["verify"], own) == 0
    database[LOG].update_one({}, {"$set": {"about": "nothing"}})
    assert audit.main(["verify", "--person", WANG], own) == 1
    whole, changed = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert whole == {"lines": 1, "unlinked": 0, "chains": 1, "days": 0, "faults": []}
    assert [(one["what"], one["person"], one["seq"]) for one in changed["faults"]] == [("changed", WANG, 1)]
