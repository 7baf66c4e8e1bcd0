"""`app.py education effect`: totals as JSON, or in one line why not; `check` needs no database."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ops import education
from phr.config import Settings
from phr.database import Database
from phr.education.matching import Table, table


def test_effect_prints_a_quarter_or_says_why_not(
    database: Database, mongod: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    own = dataclasses.replace(settings, mongodb_uri=mongod, mongodb_database=database.name)
    assert education.main(["effect", "2020-Q1"], own) == 0
    assert education.main(["effect", "2020-Q7"], own) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["cells"] == []
    assert "2026-Q3" in told.err


def test_check_needs_no_database(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert education.main(["check"], dataclasses.replace(settings, mongodb_uri=None)) == 0
    assert " 0 refused" in capsys.readouterr().out


def test_check_names_what_is_suggested_to_nobody(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = table()
    fewer = {name: one for name, one in shipped.topics.items() if name != "children"}
    monkeypatch.setattr(education, "table", lambda: Table(fewer, shipped.matches))
    education.main(["check"], settings)
    assert "childrens-vaccines: is of no topic" in capsys.readouterr().out
