"""The scheduler ticks, survives a database that is away, and leaves when asked."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect

from notifications import scheduler
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from tests.conftest import MASTER_KEY
from tests.ops.running import ROOT, command, environment, wait_until


def is_idle(pid: int) -> bool:
    """True once it waits in APScheduler's loop, its signal handlers set."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
    return bool(caught & 1 << (signal.SIGTERM - 1))


def test_tick_works_until_nothing_is_left(database: Database) -> None:
    rounds = iter([True, True, False])
    assert scheduler.tick_one(lambda _: next(rounds), database)
    assert next(rounds, None) is None


def test_tick_outlives_a_database_that_is_away(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def away(_database: Database) -> bool:
        raise AutoReconnect("gone")

    assert scheduler.tick_one(away, database) is False
    assert caplog.messages == ["away: AutoReconnect; trying again at the next tick"]


def test_nothing_to_fold_in_an_empty_record(database: Database) -> None:
    assert scheduler.fold_one(database) is False


def test_without_a_database_it_says_what_to_start(settings: Settings) -> None:
    with pytest.raises(SettingInvalid, match="PHR_MONGODB_URI"):
        scheduler.main(settings)


def test_without_a_database_the_command_prints_one_line(tmp_path: Path) -> None:
    refused = command(tmp_path, "scheduler")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)


def test_it_leaves_when_asked(mongod: str, tmp_path: Path) -> None:
    argv = [sys.executable, str(ROOT / "app.py"), "scheduler"]
    with subprocess.Popen(
        argv, env=environment(tmp_path, PHR_MONGODB_URI=mongod, PHR_MASTER_KEY=MASTER_KEY)
    ) as process:
        wait_until(lambda: is_idle(process.pid), "not started", 10)
        process.terminate()
        assert process.wait(10) == 0
