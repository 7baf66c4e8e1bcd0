"""`app.py export`: under the person's support grant, in the access log, into a file for its owner alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops import administration, export_command
from phr.config import Settings
from phr.database import Database
from phr.people import access, grants, people
from phr.people.grants import SUPPORT
from tests.cast import a_grant, a_person


@pytest.fixture
def ana(database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(administration, "open_record", lambda _settings: database)
    monkeypatch.setattr(type(database.client), "__exit__", lambda *_: None)  # the tests' client stays open
    return people.create(database, a_person()).id


def test_nobody_exports_without_the_persons_grant(ana: str, settings: Settings, tmp_path: Path) -> None:
    assert export_command.main([ana, str(tmp_path / "a.phr.zip")], settings) == 1
    assert list(tmp_path.glob("*.zip*")) == []


def test_export_is_whole_private_and_in_the_access_log(
    database: Database, ana: str, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grants.create(database, a_grant(ana, SUPPORT, kind=SUPPORT, purpose="an export"))
    path = tmp_path / "a.phr.zip"
    assert export_command.main([ana, str(path)], settings) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["bytes"], told["readings"]) == (path.stat().st_size, 0)
    assert path.stat().st_mode & 0o077 == 0
    line = access.log_of(database, ana, 1)[0]
    assert (line.about, line.act, line.outcome) == ("export phr-archive", "tester", "allowed")
    assert "profile" in line.categories


def test_file_that_is_there_stays(database: Database, ana: str, settings: Settings, tmp_path: Path) -> None:
    grants.create(database, a_grant(ana, SUPPORT, kind=SUPPORT, purpose="an export"))
    path = tmp_path / "a.phr.zip"
    path.write_bytes(b"mine")
    assert export_command.main([ana, str(path)], settings) == 1
    assert path.read_bytes() == b"mine"
