"""`app.py care explain`: one sentence, under the person's support grant, in the access log."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ops import administration, care
from phr.care.evaluate import evaluate
from phr.care.rules import rules
from phr.config import Settings
from phr.database import Database
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import access, grants, people
from phr.people.grants import SUPPORT
from tests.care.builders import NOW_MS, pressure
from tests.cast import T0, a_grant, a_person
from tests.notices.builders import raise_notices
from tests.ops.running import ROOT
from tests.telling import tells


@pytest.fixture
def ana(database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(administration, "open_record", lambda _settings: database)
    monkeypatch.setattr(type(database.client), "__exit__", lambda *_: None)  # the tests' client stays open
    return people.create(database, a_person()).id


@pytest.fixture
def alert(database: Database, ana: str) -> str:
    found = evaluate(rules(), [pressure(182, 96, person=ana)], {}, NOW_MS)
    raise_notices(database, found)
    return found[0].key


def test_nobody_learns_of_an_alert_without_the_persons_grant(
    alert: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert care.main(["explain", alert], settings) == 1
    assert not tells("".join(capsys.readouterr()), "182")


def test_an_alert_is_explained_in_one_sentence_and_the_log_says_so(
    database: Database, ana: str, alert: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    grants.create(database, a_grant(ana, SUPPORT, kind=SUPPORT, purpose="a question"))
    assert care.main(["explain", alert], settings) == 0
    told = json.loads(capsys.readouterr().out)
    assert "systolic 182 mmHg is at or above 180 mmHg" in told["en"]
    assert "blood-pressure-very-high 第 1 版" in told["zh"]
    assert access.log_of(database, ana, 1)[0].about == f"why alert {alert}"


def test_what_no_rule_raised_has_nothing_to_explain(
    database: Database, ana: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox.tell(database, Telling("told", ana, "device-clock", "钟", "clock"), T0)
    assert [care.main(["explain", key], settings) for key in ("told", "never")] == [1, 1]
    assert "no rule has raised an alert never" in capsys.readouterr().err


def test_rules_are_listed_with_what_is_silent(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert care.main(["rules"], settings) == 0
    rows = {row["rule"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert set(rows) == {rule.id for rule in rules().all}
    assert {row["reviewed_by"] for row in rows.values()} == {"not reviewed by a clinician"}
    assert [rows[one]["is_active"] for one in ("potassium-out-of-range", "glucose-low")] == [False, True]


def test_who_reads_nothing_and_goes_is_no_error() -> None:
    argv = [sys.executable, "app.py", "care", "rules"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()  # before anything is written
        assert (process.stderr.read(), process.wait(60)) == (b"", 0)
