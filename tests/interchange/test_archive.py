"""The whole record as one archive: out, into an empty record, and out again the same."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from phr.intake import bindings, devices
from phr.intake.device import Binding
from phr.intake.devices import NewDevice
from phr.interchange import archive, formats, importing
from phr.interchange.exporters import Asked
from phr.interchange.formats import Wish, phr_archive
from phr.interchange.imports import Import
from phr.people import access, grants, people
from phr.people.access import Ask, Caller
from phr.people.people import Change, NewPerson, ZonePeriod
from phr.readings import folding, priorities, void
from phr.readings.store import write
from phr.readings.summaries import days
from phr.readings.void import Act, Source, Wanted
from phr.timeline import entries, files, history
from phr.timeline.effective import Effective, instant
from phr.timeline.entries import Hand, NewEntry
from phr.timeline.entry import Author, Draft, Entry
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from tests.cast import T0, a_grant
from tests.interchange.conftest import LATER, Desk
from tests.readings.builders import HOUR_MS, MINUTE_MS, a_lane, a_metric, a_run, arriving

PDF = b"%PDF-1.7 a picture of a letter" * 20_000


@pytest.fixture
def full(desk: Desk) -> Desk:
    """Ana's record with everything that a record can have."""
    _live(desk)
    _measure(desk)
    _remember(desk)
    return desk


def _live(desk: Desk) -> None:
    fields = {"sex": "female", "phone": "+8613800138000", "birth_on": date(1958, 3, 1)}
    people.patch(desk.database, desk.ana, Change(fields=fields, zone=ZonePeriod(T0, "Europe/Berlin")))
    priorities.put(desk.database, desk.ana, "heart-rate", ["acme/strap", "acme/watch"], 0)


def _measure(desk: Desk) -> None:
    ana = {"person": desk.ana}
    at = [T0 + n * 1_000 for n in range(5_000)]
    strip = {"context": {"position": "sitting"}, "value": {"values": [1, 2**40, -3], "period_us": 4000}}
    by_hand = {0: {"id": "phone-1", "context": {"meal": "fasting"}, "flag": "below-range"}}
    write(
        desk.database,
        [
            arriving(a_run(at, [700 + n % 9 for n in range(5_000)]), device="acme/watch", **ana),
            arriving(a_run(at[7], 999, offset_min=None), arrived_at_ms=T0 + HOUR_MS, sent_at_ms=T0 + HOUR_MS, **ana),
            arriving(a_run(at[7], 750), arrived_at_ms=T0 + HOUR_MS, sent_at_ms=T0 + 2 * HOUR_MS, batch="b7", **ana),
            arriving(a_run(T0, {"systolic": 1280, "diastolic": None}, "blood-pressure", seq=[3]), **ana),
            arriving(a_run(T0, {"systolic": 1290, "diastolic": 800, "pulse": 700}, "blood-pressure"), **ana),
            arriving(a_run(T0 - 40 * HOUR_MS, {"": 90, DURATION: MINUTE_MS}, "steps"), **ana),
            arriving(
                a_run(T0, {}, "ecg-strip", extras={0: strip}) if "ecg-strip" in vocabulary().metrics else a_run(T0),
                **ana,
            ),
            arriving(a_run(T0, 6100, "glucose-capillary", seq=[77], extras=by_hand), device="hand", **ana),
        ],
    )
    watch = Source(desk.ana, a_metric("heart-rate"), "acme/watch")
    some = Wanted(frozenset({(at[3], 0), (at[4_000], 0)}))
    void.void(desk.database, watch, some, Act(desk.ana, "not me", LATER))
    void.restore(desk.database, watch, Wanted(frozenset({(at[3], 0)})), Act("a doctor", "it was", LATER))


def _remember(desk: Desk) -> None:
    author, doctor = Author(desk.ana, "app", None), Author("doctor-7", "panel", "op")
    told = effective_of(T0)
    note = _entry(desk, "n1", "note", "头晕")
    changed = Draft(kind="note", content={"text": "不头晕"}, effective=told, sensitive=("mental",))
    entries.change(desk.database, note, changed, Hand(doctor, LATER))
    gone = _entry(desk, "n2", "note", "a mistake")
    entries.delete(desk.database, gone, Hand(author, LATER))
    letter = _entry(desk, "d1", "document", "letter")
    file = files.keep(desk.database, desk.ana, "d1", PDF)
    said = {"id": file, "media_type": "application/pdf", "bytes": len(PDF), "sha256": hashlib.sha256(PDF).hexdigest()}
    with_file = Draft(kind="document", content={"text": "letter", "file": said}, effective=told)
    entries.change(desk.database, letter, with_file, Hand(author, LATER))


def effective_of(t_ms: int) -> Effective:
    return Effective(instant(t_ms, 480))


def _entry(desk: Desk, name: str, kind: str, text: str) -> Entry:
    author, told = Author(desk.ana, "app", None), effective_of(T0)
    draft = Draft(kind=kind, content={"text": text}, effective=told, provenance={"how": "self-reported"})
    return entries.create(desk.database, NewEntry(person=desk.ana, draft=draft, author=author, id=name), T0)


@pytest.fixture
def bea(full: Desk) -> Desk:
    """An empty record of somebody who has said nothing yet."""
    return Desk(full.database, people.create(full.database, NewPerson(zone="UTC")).id)


def exported(desk: Desk, now_ms: int = T0) -> bytes:
    return b"".join(archive.write(Asked(desk.database, desk.ana, now_ms)))


def contents(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {name: found.read(name) for name in found.namelist()}


def changed(content: bytes, name: str, change: Callable[[bytes], bytes], *, is_noticed: bool = False) -> bytes:
    """An archive with another member; the manifest says what it should, or (is_noticed) what it said before."""
    found = contents(content)
    found[name] = change(found[name])
    manifest = json.loads(found["manifest.json"])
    for one in manifest["files"]:
        if one["name"] == name and not is_noticed:
            one |= {"bytes": len(found[name]), "sha256": hashlib.sha256(found[name]).hexdigest()}
    if name != "manifest.json":
        found["manifest.json"] = json.dumps(manifest).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for member, body in found.items():
            made.writestr(member, body)
    return out.getvalue()


def take(desk: Desk, content: bytes, **options: Any) -> Import:
    return desk.take(content, "phr-archive", **options)


def test_export_import_export_is_identical(full: Desk, bea: Desk) -> None:
    first = exported(full)
    one = take(bea, first)
    assert (one.state, one.problem, one.counts.refused, one.reasons) == ("done", None, 0, ())
    assert exported(bea) == first


def test_archive_tells_who_may_see_who_looked_and_which_devices_and_an_import_passes_it_over(
    full: Desk, bea: Desk
) -> None:
    _surround(full, bea.ana)
    told = contents(exported(full))
    lines = {name: [json.loads(line) for line in told[name].splitlines()] for name in told if "informative" in name}
    (grant,), (device,) = lines["informative/grants.jsonl"], lines["informative/devices.jsonl"]
    assert (grant["grantee"], grant["state"], grant["categories"]) == (bea.ana, "accepted", ["readings"])
    assert device == {"device": "acme/cuff-1", "had": [{"slot": "A", "since_ms": T0}]}
    assert [(one["who"], one["outcome"]) for one in lines["informative/access-log.jsonl"]] == [("self", "allowed")]
    take(bea, exported(full))
    again = contents(exported(bea))
    assert {name for name in told if told[name] != again.get(name)} == {"manifest.json", *lines}
    assert bea.database["grants"].count_documents({"person": bea.ana}) == 0


def _surround(desk: Desk, bea: str) -> None:
    """A grant to Bea, a look of Ana's own, and a cuff that is Ana's and Bea's."""
    grants.create(desk.database, a_grant(desk.ana, bea, categories=("readings",)))
    caller = Caller(desk.ana, "app", frozenset(), None, "person")
    access.may(desk.database, caller, Ask(desk.ana, "read", ("readings",), "GET series"), T0)
    devices.create_vendor(desk.database, "acme", T0)
    devices.create_device(desk.database, NewDevice(vendor="acme", name="cuff-1"), T0)
    for slot, person in (("A", desk.ana), ("B", bea)):
        bindings.bind(desk.database, "acme/cuff-1", Binding(slot, person, T0, None))


def test_archive_lists_all_that_it_holds_with_checksums(full: Desk) -> None:
    found = contents(exported(full))
    manifest = json.loads(found.pop("manifest.json"))
    told = {one["name"]: (one["bytes"], one["sha256"]) for one in manifest["files"]}
    assert told == {name: (len(body), hashlib.sha256(body).hexdigest()) for name, body in found.items()}
    assert f"documents/d1/{hashlib.sha256(PDF).hexdigest()}" in told
    assert manifest["metrics"]["heart-rate"] == {"unit": "/min", "scale": 10}


def test_archives_of_one_record_differ_in_their_time_alone(full: Desk) -> None:
    early, late = contents(exported(full)), contents(exported(full, LATER))
    assert {name for name in early if early[name] != late[name]} == {"manifest.json"}


def test_readings_come_back_with_their_summaries_history_and_voids(full: Desk, bea: Desk) -> None:
    take(bea, exported(full))
    metrics = {"heart-rate": a_metric("heart-rate"), "steps": a_metric("steps")}
    found = []
    for desk in (full, bea):
        while folding.fold_some(desk.database, vocabulary().metrics, lambda _: lambda _t: 480, LATER + 10**9):
            pass
        found += [_days(desk, key) for key in metrics]
    assert found[:2] == found[2:]
    assert found[0]


def _days(desk: Desk, metric: str) -> list[Any]:
    return [
        (line.day, line.device, line.stats.to_doc()) for line in days(a_lane(desk.database, metric, desk.ana), 0, 10**5)
    ]


def test_what_was_void_stays_void_when_it_is_sent_again(full: Desk, bea: Desk) -> None:
    take(bea, exported(full))
    again = arriving(a_run(T0 + 4_000_000, 700), device="acme/watch", person=bea.ana)
    assert write(bea.database, [again])[0].duplicate == 1


def test_file_and_every_version_come_back(full: Desk, bea: Desk) -> None:
    take(bea, exported(full))
    letter = entries.find(bea.database, bea.ana, "d1")
    assert b"".join(files.pieces(bea.database, bea.ana, "d1", letter.content["file"]["id"])) == PDF
    told = history.changes(bea.database, history.latest(bea.database, bea.ana, "n1"), 10)
    assert [(one.after.content["text"], one.after.author.subject) for one in told] == [
        ("不头晕", "doctor-7"),
        ("头晕", bea.ana),
    ]


def test_same_archive_again_changes_nothing(full: Desk, bea: Desk) -> None:
    first = exported(full)
    counts = take(bea, first).counts
    again = take(bea, first)
    assert (again.counts.stored, again.counts.refused) == (0, 0)
    assert again.counts.duplicate == counts.stored
    assert exported(bea) == first


def test_archive_that_is_taken_back_leaves_nothing(full: Desk, bea: Desk) -> None:
    before = exported(bea)
    one = take(bea, exported(full))
    assert bea.take_back(one).state == "taken-back"
    assert exported(bea) == before
    assert bea.database["documents.files"].count_documents({"metadata.person": bea.ana}) == 0


def test_archive_can_come_again_after_it_was_taken_back(full: Desk, bea: Desk) -> None:
    first = exported(full)
    bea.take_back(take(bea, first))
    take(bea, first)
    assert exported(bea) == first


def test_dry_run_tells_and_writes_nothing(full: Desk, bea: Desk) -> None:
    before = exported(bea)
    tried = take(bea, exported(full), is_dry_run=True)
    assert exported(bea) == before
    assert tried.counts == take(bea, exported(full)).counts


def test_what_the_record_holds_already_stays(full: Desk, bea: Desk) -> None:
    write(bea.database, [arriving(a_run(T0, 555), device="acme/watch", person=bea.ana)])
    one = take(bea, exported(full))
    assert [(r.code, r.path, r.count) for r in one.reasons] == [("place-taken", "/readings/heart-rate.jsonl/2", 1_800)]
    assert one.counts.refused == 1_800


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("readings/steps.jsonl", lambda body: body.replace(b'"t":[', b'"t":[1,'), "/readings/steps.jsonl/1/readings/t"),
        ("readings/steps.jsonl", lambda body: body.replace(b'"":', b'"up":'), "values/up"),
        ("readings/steps.jsonl", lambda body: body.replace(b'"origin"', b'"orgin"'), "/readings/steps.jsonl/1"),
        ("readings/steps.jsonl", lambda body: body.replace(b'"acme/', b'"acme\\u0000/'), "/device"),
        ("readings/steps.jsonl", lambda body: body[:-9], "/readings/steps.jsonl/1"),
        ("readings/steps.jsonl", lambda body: body + body, "twice"),
        ("entries.jsonl", lambda body: body.replace(b'"kind":"note"', b'"kind":"nothing"'), "/kind"),
        ("entries.jsonl", lambda body: body.replace(b'"text":', b'"txt":'), "/content"),
        ("entries.jsonl", lambda body: body.replace(b'"version":2', b'"version":4'), "/version"),
        ("profile.json", lambda body: body.replace(b"Asia/Shanghai", b"Asia/Nowhere"), "/profile.json/zone"),
        ("manifest.json", lambda body: body.replace(b'"scale":10}', b'"scale":11}'), "/metrics/"),
        ("manifest.json", lambda body: body.replace(b'"version":1', b'"version":9'), "says 9"),
        ("manifest.json", lambda body: body.replace(b"steps.jsonl", b"stops.jsonl"), "/manifest.json/files"),
    ],
)
def test_archive_with_a_fault_leaves_nothing_and_names_it(
    full: Desk, bea: Desk, name: str, change: Callable[[bytes], bytes], told: str
) -> None:
    before, broken = exported(bea), changed(exported(full), name, change)
    one = take(bea, broken)
    assert one.problem is not None
    assert told in one.problem[1]
    assert one.state == "taken-back"
    assert exported(bea) == before


def test_file_that_was_changed_on_its_way_is_noticed(full: Desk, bea: Desk) -> None:
    before = exported(bea)
    one = take(bea, changed(exported(full), "entries.jsonl", lambda body: body.replace(b"a", b"e", 1), is_noticed=True))
    assert one.problem is not None
    assert exported(bea) == before


def test_import_that_was_killed_goes_on(full: Desk, bea: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = exported(full)
    monkeypatch.setattr(phr_archive, "READINGS_A_BATCH", 1)

    def die(one: Import) -> None:
        if one.counts.stored > 4_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importing.run(bea.into(die), formats.find_format("phr-archive"), io.BytesIO(first), Wish())
    bea.now_ms += 60_000
    one = take(bea, first)
    assert (one.state, one.attempts) == ("done", 2)
    assert exported(bea) == first
