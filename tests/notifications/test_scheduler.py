"""The scheduler ticks, survives a database that is away, and leaves when asked."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect

from notifications import scheduler
from phr.clock import DAY_MS, now_ms, to_datetime
from phr.config import Settings
from phr.database import Database
from phr.erasure import asking, erasing, erasures
from phr.errors import SettingInvalid
from phr.notices import outbox
from phr.people import deaths, grants, guardians, people, seals
from phr.people.guardians import Appointment
from phr.people.keyring import KeyDestroyed
from phr.people.people import Person
from phr.reminders import schedules
from tests.cast import T0, a_grant, a_person
from tests.conftest import MASTER_KEY
from tests.notices.builders import raise_notices
from tests.notices.test_outbox import ALERT
from tests.ops.running import ROOT, WAIT_S, command, environment, wait_until
from tests.reminders.builders import a_schedule


def listens(pid: int) -> bool:
    """True once its signal handlers are set; it may not have started its ticks by then."""
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


def test_reminders_are_told_and_settled(database: Database) -> None:
    person, due_ms = people.create(database, a_person(zone="UTC")).id, now_ms() - 60_000
    clock = f"{to_datetime(due_ms):%H:%M}"
    schedules.put(
        database, a_schedule(person, times=(clock,), zone="UTC", starts_on=to_datetime(due_ms).date()), due_ms - 60_000
    )
    assert scheduler.tick_one(scheduler.tell_due_one, database)
    key = database["notices"].find_one({"person": person})
    assert key is not None
    write = {"$set": {"open_until": due_ms}}
    assert database["reminder_occurrences"].update_one({"person": person}, write).matched_count
    assert scheduler.tick_one(scheduler.follow_up_one, database)
    assert scheduler.tick_one(scheduler.sweep_one, database) is False
    assert database["entries"].count_documents({"person": person, "kind": "reminder"}) == 1


def test_alerts_come_into_the_timeline(database: Database) -> None:
    person = people.create(database, a_person()).id
    raise_notices(database, [replace(ALERT, person=person)])
    assert scheduler.tick_one(scheduler.enter_one, database)
    assert database["entries"].count_documents({"person": person, "kind": "alert"}) == 1


def test_due_erasures_are_carried_out(database: Database, settings: Settings) -> None:
    person = people.create(database, a_person()).id
    asking.ask(database, person, "owner", 0, T0)
    assert scheduler.tick_one(scheduler.eraser(erasing.house(settings)), database)
    assert erasures.find(database, person).state == "closed"
    with pytest.raises(KeyDestroyed):
        people.find(database, person)


def test_days_of_one_whose_key_is_gone_keep_nobody_elses_from_being_folded(database: Database) -> None:
    person = people.create(database, a_person(zone="Asia/Tokyo")).id
    assert scheduler._offsets(database)(person)(T0) == 540
    seals.destroy(database, person, T0)
    assert scheduler._offsets(database)(person)(T0) == 0


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
        wait_until(lambda: listens(process.pid), "not started")
        process.terminate()
        assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize(("days", "is_told"), [(29, True), (31, False)])
def test_who_has_a_proxy_is_told_once_a_month_before_it_ends(database: Database, days: int, is_told: bool) -> None:
    owner, proxy = (one.id for one in people.create_many(database, [a_person(), a_person()]))
    until_ms = now_ms() + days * 86_400_000
    grants.create(database, a_grant(owner, proxy, kind="proxy", until_ms=until_ms))
    assert scheduler.tick_one(scheduler.remind_one, database) is is_told
    assert not scheduler.remind_one(database)
    assert [one.rule for one in outbox.pending(database, owner, 9)] == ["grant-ending"] * is_told


@pytest.fixture
def child(database: Database) -> Person:
    """With a guardian, appointed long before the 14th birthday."""
    one, guardian = people.create_many(database, [a_person(birth_on=date(2020, 6, 1)), a_person()])
    guardians.appoint(database, Appointment(one.id, guardian.id, "户口本", ("readings",)), at_14(one) - 400 * DAY_MS)
    return one


def at_14(child: Person) -> int:
    found = guardians.birthday_ms(child, 14)
    assert found is not None
    return found


@pytest.mark.parametrize(("days_after", "is_asked"), [(-1, False), (0, True), (29, True), (31, False)])
def test_who_is_14_is_asked_once_for_consents_of_their_own(
    database: Database, child: Person, monkeypatch: pytest.MonkeyPatch, days_after: int, is_asked: bool
) -> None:
    monkeypatch.setattr("phr.clock.now_ms", lambda: at_14(child) + days_after * DAY_MS)
    assert scheduler.tick_one(scheduler.ask_anew_one, database) is is_asked
    assert not scheduler.ask_anew_one(database)
    assert [one.rule for one in outbox.pending(database, child.id, 9)] == ["consents-asked-anew"] * is_asked


def test_a_child_who_died_is_asked_nothing(database: Database, child: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    deaths.report(database, child.id, date(2034, 5, 1), at_14(child) - DAY_MS)
    monkeypatch.setattr("phr.clock.now_ms", lambda: at_14(child))
    assert not scheduler.ask_anew_one(database)
    deaths.take_back(database, child.id)
    assert scheduler.ask_anew_one(database)
