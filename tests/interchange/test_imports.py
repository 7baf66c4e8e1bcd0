"""An import as a whole: done again, interrupted, broken, taken back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from phr.errors import AlreadyThere, NotFound
from phr.interchange import importing, imports
from phr.interchange.formats import apple_health
from phr.interchange.imports import ImportBusy
from phr.people import people
from phr.readings import batches, void
from phr.readings.store import write
from phr.readings.void import Act, Source, Wanted
from tests.cast import T0, a_person
from tests.conftest import MASTER_KEY
from tests.interchange.conftest import Desk
from tests.interchange.exports import BEAT, STEPS, beats, export, pressure, record
from tests.readings.builders import a_metric, a_run, arriving

pytestmark = pytest.mark.usefixtures("small_batches")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apple_health, "RECORDS_A_BATCH", 50)
    monkeypatch.setattr("phr.interchange.xml_stream.CHUNK_BYTES", 4_096)


def test_report_says_what_was_taken_and_what_was_refused(desk: Desk) -> None:
    one = desk.take(export(record(BEAT, 72), record(BEAT, 999, "07:31:00"), record("Unknown", 1)))
    assert one.counts.as_json() == {"records": 3, "stored": 1, "replaced": 0, "duplicate": 0, "refused": 2}
    assert [(r.code, r.path) for r in one.reasons] == [
        ("type-not-kept", "/HealthData/Record/3/type"),
        ("value-out-of-bounds", "/HealthData/Record/2/value"),
    ]
    assert (one.state, one.bytes_done) == ("done", one.bytes)


def test_same_file_again_is_all_duplicates(desk: Desk) -> None:
    content = export(*beats(200), *pressure(128, 82), record(STEPS, 5, "01:00:00", "01:05:00"))
    first = desk.take(content)
    before = desk.buckets()
    again = desk.take(content)
    assert (again.counts.stored, again.counts.duplicate) == (0, first.counts.stored)
    assert desk.buckets() == before


def test_an_import_never_alarms(desk: Desk) -> None:
    desk.now_ms = T0 + 60_000  # the reading is of just now
    assert desk.take(export(*pressure(212, 121))).counts.stored == 1
    assert desk.database["notices"].count_documents({}) == 0


def test_what_can_not_be_is_refused_and_not_held(desk: Desk) -> None:
    ahead = record(BEAT, 72, startDate="2031-01-01 00:00:00 +0800", endDate="2031-01-01 00:00:00 +0800")
    unborn = record(BEAT, 72, startDate="1931-01-01 00:00:00 +0800", endDate="1931-01-01 00:00:00 +0800")
    one = desk.take(export(ahead, unborn))
    assert sorted(r.code for r in one.reasons) == ["ahead-of-clock", "before-birth"]
    assert desk.database["held"].count_documents({}) == 0


def test_dry_run_tells_duplicates_and_stores_nothing(desk: Desk) -> None:
    desk.take(export(*beats(60)))
    before = desk.buckets()
    one = desk.take(export(*beats(200)), is_dry_run=True)
    assert (one.counts.stored, one.counts.duplicate) == (140, 60)
    assert desk.buckets() == before
    with pytest.raises(AlreadyThere):
        desk.take_back(one)


def test_progress_is_told_on_the_way(desk: Desk) -> None:
    desk.take(export(*beats(300)))
    done = [one.bytes_done for one in desk.told]
    assert len(done) > 3
    assert done == sorted(done)


def test_taken_back_import_leaves_nothing_and_can_be_taken_again(desk: Desk) -> None:
    content = export(*beats(300), *pressure(128, 82))
    one = desk.take(content)
    back = desk.take_back(one)
    assert (back.state, back.taken_back) == (
        "taken-back",
        {"gone": 301, "returned": 0, "by": "tester", "reason": "the wrong file"},
    )
    assert desk.stored("heart-rate") == desk.stored("blood-pressure") == {}
    assert desk.take(content).counts.stored == 301


def test_what_an_import_replaced_returns(desk: Desk) -> None:
    desk.take(export(*beats(100)))
    before = desk.buckets()
    wrong = desk.take(export(*beats(100, first_value=100)))
    assert wrong.counts.replaced == 100
    assert desk.take_back(wrong).taken_back["returned"] == 100  # type: ignore[index]
    assert desk.buckets() == before


def test_taking_back_spares_what_came_from_elsewhere(desk: Desk) -> None:
    first = desk.take(export(*beats(100)))
    later = desk.take(export(*beats(150)))
    assert (later.counts.stored, later.counts.duplicate) == (50, 100)
    desk.take_back(later)
    assert len(desk.stored("heart-rate")) == 100
    desk.take_back(first)
    assert desk.stored("heart-rate") == {}


def test_correction_that_came_after_an_import_stays_when_it_goes(desk: Desk) -> None:
    one = desk.take(export(record(BEAT, 72)))
    ((_, _, device, t, _),) = desk.stored("heart-rate")
    write(desk.database, [arriving(a_run(t, 650), person=desk.ana, device=device)])
    desk.take_back(one)
    (reading,) = desk.stored("heart-rate").values()
    assert reading.values == (("", 650),)
    write(
        desk.database, [arriving(a_run(t, 720), person=desk.ana, device=device)]
    )  # never held this, as far as is known
    assert [one.values for one in desk.stored("heart-rate").values()] == [(("", 720),)]


def test_voided_reading_of_an_import_goes_with_it(desk: Desk) -> None:
    one = desk.take(export(*beats(3)))
    device = next(iter(desk.stored("heart-rate")))[2]
    source = Source(desk.ana, a_metric("heart-rate"), device)
    void.void(desk.database, source, Wanted(None, (0, 10**14)), Act("ana", "not mine", T0))
    assert desk.take_back(one).taken_back["gone"] == 3  # type: ignore[index]
    assert desk.take(export(*beats(3))).counts.stored == 3


def test_import_does_not_take_over_a_reading_whose_offset_was_unknown(desk: Desk) -> None:
    probe = desk.take(export(record(BEAT, 72)))
    ((_, _, device, t, _),) = desk.stored("heart-rate")
    desk.take_back(probe)
    write(desk.database, [arriving(a_run(t, 720, offset_min=None), person=desk.ana, device=device)])
    one = desk.take(export(record(BEAT, 72)))
    assert one.counts.duplicate == 1
    desk.take_back(one)
    assert len(desk.stored("heart-rate")) == 1


@pytest.mark.parametrize("content", [export(*beats(200))[:-40], export(*beats(200), tail="<a></b>")])
def test_broken_file_leaves_nothing_half_imported(desk: Desk, content: bytes) -> None:
    one = desk.take(content)
    assert (one.state, one.problem and one.problem[0]) == ("taken-back", "file-broken")
    assert one.counts.stored > 0
    assert desk.stored("heart-rate") == {}


def test_taking_back_that_was_interrupted_is_finished_by_the_next_import(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(batches, "take_back", failing)
        with pytest.raises(AutoReconnect):
            desk.take(export(*beats(200))[:-40])
    assert desk.stored("heart-rate")
    desk.now_ms += imports.LEASE_MS + 1
    desk.take(export(record(STEPS, 5, "01:00:00", "01:05:00")))
    assert desk.stored("heart-rate") == {}


def failing(*_: Any, **__: Any) -> Any:
    raise AutoReconnect("gone")


@pytest.mark.parametrize("step", ["record", "save"])
def test_database_that_is_away_for_a_while_ends_as_if_nothing_had_happened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    content = export(*beats(300))
    calls = iter(range(100))
    target: Any = desk.into().recorder.__class__ if step == "record" else imports
    right = getattr(target, step)
    with monkeypatch.context() as patch:
        patch.setattr(target, step, lambda *a, **k: failing() if next(calls) == 2 else right(*a, **k))
        with pytest.raises(AutoReconnect):
            desk.take(content)
    desk.now_ms += imports.LEASE_MS + 1
    one = desk.take(content)
    assert one.counts.as_json() == {"records": 300, "stored": 300, "replaced": 0, "duplicate": 0, "refused": 0}
    assert (one.attempts, len(desk.stored("heart-rate"))) == (2, 300)


def test_two_at_once_on_one_import_are_told_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(imports, "save", failing)
        with pytest.raises(AutoReconnect):
            desk.take(export(*beats(100)))
    with pytest.raises(ImportBusy):
        desk.take(export(*beats(100)))


def test_other_persons_import_is_not_found(desk: Desk) -> None:
    one = desk.take(export(*beats(3)))
    ben = people.create(desk.database, a_person(name="ben")).id
    other = Desk(desk.database, ben)
    with pytest.raises(NotFound):
        other.take_back(one)
    assert len(desk.stored("heart-rate")) == 3


KILLED = """
import os, signal, sys
from phr.care.rules import rules
from phr.config import Settings
from phr.database import connect
from phr.interchange import formats, importing, imports, xml_stream
from phr.interchange.formats import Wish, apple_health
from phr.people import keyring, master_keys
from phr.recording import Recorder
keyring.use(master_keys.load(Settings(master_key=os.environ["MASTER_KEY"])))
uri, name, person, path, now_ms, die_at = sys.argv[1:]
xml_stream.CHUNK_BYTES, apple_health.RECORDS_A_BATCH = 4_096, 50
database = connect(uri, name)
save, steps = imports.save, iter(range(100))
def dying(*arguments, **options):
    step = next(steps)
    if die_at == "before" and step == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    saved = save(*arguments, **options)
    if die_at == "after" and step == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return saved
imports.save = dying
into = importing.Into(database, Recorder(database, rules()), person, "tester", lambda: int(now_ms))
importing.run(into, formats.find_format("apple-health"), open(path, "rb"), Wish())
"""


@pytest.mark.parametrize("die_at", ["before", "after"])
def test_killed_in_the_middle_and_run_again_nothing_is_lost_or_doubled(
    desk: Desk, mongod: str, tmp_path: Path, die_at: str
) -> None:
    content = export(*beats(300), *pressure(128, 82))
    (path := tmp_path / "export.xml").write_bytes(content)
    arguments = [mongod, desk.database.name, desk.ana, str(path), str(desk.now_ms), die_at]
    env = os.environ | {"MASTER_KEY": MASTER_KEY}
    died = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, env=env, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    assert 0 < len(desk.stored("heart-rate")) < 300
    desk.now_ms += imports.LEASE_MS + 1
    one = desk.take(content)
    assert one.counts.as_json() == {"records": 302, "stored": 301, "replaced": 0, "duplicate": 0, "refused": 0}
    undisturbed(desk, content)


def undisturbed(desk: Desk, content: bytes) -> None:
    before = [{**row, "_id": row["_id"].partition(":")[2]} for row in desk.buckets()]
    other = Desk(desk.database, people.create(desk.database, a_person(name="ben")).id)
    other.take(content)
    after = other.buckets()
    assert [row["c"] for row in before] == [row["c"] for row in after]


def test_every_salted_source_is_under_its_format(desk: Desk) -> None:
    desk.take(export(record(BEAT, 72)))
    assert {key[2].partition("/")[0] for key in desk.stored("heart-rate")} == {f"{importing.SOURCE_PREFIX}apple-health"}
