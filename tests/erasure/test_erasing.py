"""After an erasure nothing of a person is left but what must stay; cut off anywhere, it comes to the same end."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws

from ops import snapshot
from phr.audit import chaining
from phr.care.rules import rules
from phr.clock import now_ms, to_ms
from phr.database import Database
from phr.erasure import archive, asking, certificate, erasing, erasures, register, theirs, traces
from phr.erasure.erasures import TooLate
from phr.erasure.places import STAYING, TAKEN, Stay, Whose
from phr.errors import NotFound
from phr.formats.phr_v1 import decode
from phr.intake import bindings
from phr.people import people, seals
from phr.people.keyring import KeyDestroyed
from phr.recording import Delivery, Recorder
from phr.timeline import files
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0, Cast
from tests.erasure.lives import CLINIC, Life, erased, files_with, lived, naming

ROOT = Path(__file__).parents[2]
# Where the id of an erased person stands: that there is no key, and that it was erased.
LEFT = {"data_keys": 1, "erasures": 1}


@pytest.fixture
def life(cast: Cast) -> Life:
    made = lived(cast)
    asking.ask(cast.database, cast.owner, "owner", 7, T0)
    assert erasing.do_one(made.database, made.house, T0)  # noted
    return made


def test_every_collection_is_in_the_table(life: Life) -> None:
    """Those with rows in them: other tests leave empty ones of their own names in the same database."""
    erased(life)
    names = {name for name in snapshot.names(life.database) if life.database[name].find_one() is not None}
    assert "erasures" in names
    assert names <= TAKEN.keys() | STAYING.keys()
    assert not TAKEN.keys() & STAYING.keys()


def test_every_collection_that_the_code_names_is_in_the_table() -> None:
    """A store that no test has written to yet is found too. Say in phr/erasure/places.py how its rows are erased."""
    by_name = re.compile(r"""database\.([a-z_]+)\.(?:find|insert|update|replace|delete|bulk)""")
    by_key = re.compile(r"""(?:database|connection|self\._database)\[f?"([a-z_.]+)"\]""")
    named = set()
    for package in ("phr", "ingest", "notifications", "ops"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            constants = dict(re.findall(r'^([A-Z_]+) = "([a-z_]+)"', text, re.MULTILINE))
            named |= set(by_key.findall(text)) | set(by_name.findall(text))
            named |= {constants[name] for name in re.findall(r"atabase\[([A-Z_]+)\]", text) if name in constants}
    assert len(named) > 40
    assert named <= TAKEN.keys() | STAYING.keys()


def test_a_life_has_rows_in_every_place_that_is_emptied(life: Life) -> None:
    """So that the tests below look at each of them."""
    whose = Whose(life.person, (Stay("acme/cuff-1", None, 2**53, is_alone=True),))
    empty = {name for name, find in TAKEN.items() if not _count(life.database, name, find(life.database, whose))}
    assert empty == set()


def test_nothing_names_the_person_but_the_marker_and_the_certificate(life: Life) -> None:
    assert len(naming(life.database, life.person)) > 20
    erased(life)
    assert naming(life.database, life.person) == LEFT
    files = files_with(life.house.data_dir, life.person)
    assert files == {"registers/erasures.jsonl"}


def test_others_keep_all_of_theirs(life: Life) -> None:
    cast = life.cast
    erased(life)
    assert cast.send(cast.stranger, "GET", "/v1/people/me/entries/for-them").json["text"] == "头晕"  # type: ignore[index]
    log = life.database["access_log"].find_one({"person": cast.stranger, "outcome": "allowed", "verb": "write"})
    assert log is not None
    assert log["who"].startswith("erased-")
    assert "expires_at" not in log
    assert people.find(cast.database, cast.stranger) is not None


def test_nobody_gets_in_from_the_due_day_on(life: Life) -> None:
    cast = life.cast
    assert cast.send(cast.owner, "GET", "/v1/people/me").status_code == 200
    erasing.do_one(life.database, life.house, T0 + 7 * 86_400_000 - 1)
    assert cast.send(cast.owner, "GET", "/v1/people/me").status_code == 200
    erasing.do_one(life.database, life.house, T0 + 7 * 86_400_000)
    for who in (cast.owner, cast.relative, cast.doctor):
        assert cast.send(who, "GET", "/v1/people/{owner}/series/blood-pressure").status_code == 403
    with pytest.raises(KeyDestroyed):
        seals.seal(life.database, life.person, "x", "y")


def test_what_a_device_measured_then_is_refused_and_not_kept(life: Life) -> None:
    erased(life)
    row = life.database["devices"].find_one({"_id": "acme/cuff-1"})
    assert row is not None
    assert [(one["person"], one["until_ms"] is None) for one in row["bindings"]] == [("erased", False)]
    reading = {"metric": "weight", "t": T0, "value": 70.5, "unit": "kg"}
    payload = json.dumps({"readings": [reading]}).encode()
    delivery = Delivery(
        decode(payload, vocabulary()), "acme/cuff-1", "mqtt", T0, payload, topic="phr/v1/acme/cuff-1/readings"
    )
    (verdict,) = Recorder(life.database, rules()).record([delivery], T0)
    assert [one.code for one in verdict.rejected] == ["consent-withdrawn"]
    assert life.database["rejections"].distinct("payload") == [b""]
    assert not list(life.database["held"].find()) + list(life.database["readings"].find({"p": life.person}))


def test_who_claims_the_device_meanwhile_keeps_what_is_theirs(life: Life) -> None:
    assert erasing.do_one(life.database, life.house, T0 + 8 * 86_400_000)
    bindings.bind_from_now(life.database, "acme/cuff-1", "", life.cast.stranger, T0 + 8 * 86_400_000 + 1)
    life.database["rejections"].update_one({}, {"$set": {"received_at_ms": T0 + 8 * 86_400_000 + 2}})
    kept = {name: _count(life.database, name, {}) for name in ("commands", "rejections", "device_status")}
    erased(life)
    assert {name: _count(life.database, name, {}) for name in kept} == kept


def test_erased_person_has_no_part_in_others_records_from_the_due_day_on(life: Life) -> None:
    cast, path = life.cast, f"/v1/people/{life.cast.stranger}/entries"
    assert cast.send(cast.owner, "GET", path).status_code == 200
    erasing.do_one(life.database, life.house, T0 + 7 * 86_400_000)
    assert cast.send(cast.owner, "GET", path).status_code == 403


def test_certificate_is_signed_and_counts_what_went(life: Life) -> None:
    whose = Whose(life.person, (Stay("acme/cuff-1", None, 2**53, is_alone=True),))
    counts = {name: _count(life.database, name, find(life.database, whose)) for name, find in TAKEN.items()}
    erased(life)
    given = erasures.find(life.database, life.person).certificate
    assert given is not None
    signed = jws.deserialize_compact(given["jws"], life.house.ring.current)
    assert signed.headers()["typ"] == "erasure-certificate+json"
    statement = given["certificate"]
    assert statement["record"] == life.person
    # What an organisation keeps stands elsewhere; of the rest each row is counted once.
    moved = {"documents.files": 1, "documents.chunks": 2}
    assert statement["removed"] == {name: count - moved.get(name, 0) for name, count in counts.items()}
    at = statement["erased_at"]
    assert statement["last_backup_expires_on"] > at[:10]


def test_what_an_organisation_must_keep_opens_for_it_alone(life: Life) -> None:
    erased(life)
    given = erasures.find(life.database, life.person).certificate
    assert given is not None
    (kept,) = given["certificate"]["archives"]
    assert (kept["organisation"], kept["versions_of_entries"]) == (CLINIC, 1)
    whose, entries = archive.opened(life.database, kept["archive"])
    assert (whose["name"], whose["person"]) == ("owner", life.person)
    assert {one.content["text"] for one in entries} == {"出院小结"}
    (file_id,) = life.database["documents.files"].distinct("_id")
    assert b"".join(files.pieces(life.database, kept["archive"], "d2", file_id)) == b"x" * 300_000
    until = int(kept["until"][:4]) - 2026
    assert until in (15, 16)
    assert not archive.expire_one(life.database, T0)
    assert archive.expire_one(life.database, T0 + 17 * 366 * 86_400_000)
    assert not list(life.database["retained"].find()) + list(life.database["documents.chunks"].find())


def test_log_lines_stay_under_another_name_until_the_law_lets_them_go(life: Life) -> None:
    erased(life)
    log, now, days = life.database["access_log"], now_ms(), 184 * 86_400_000
    while chaining.link_some(life.database, now):
        pass
    lines = list(log.find({"person": re.compile("^erased-")}).sort("at_ms"))
    assert {one["about"] for one in lines} == {""}
    assert not chaining.prune_some(life.database, 1_096, lines[0]["at_ms"] + days)
    assert chaining.prune_some(life.database, 1_096, lines[-1]["at_ms"] + days + 1)
    assert log.count_documents({"person": re.compile("^erased-")}) == 0 < log.count_documents({})


def test_taken_back_in_time_nothing_happens(life: Life) -> None:
    before = naming(life.database, life.person)
    asking.cancel(life.database, life.person, T0)
    while erasing.do_one(life.database, life.house, T0 + 30 * 86_400_000):
        pass
    after = naming(life.database, life.person)
    assert after == {name: count for name, count in before.items() if name != "erasures"} | {
        "notices": before["notices"] + 1  # that it was taken back
    }
    with pytest.raises(NotFound):
        asking.cancel(life.database, life.person, T0)


def test_begun_it_can_not_be_taken_back_and_asking_again_changes_nothing(life: Life) -> None:
    erasing.do_one(life.database, life.house, T0 + 8 * 86_400_000)
    with pytest.raises(TooLate):
        asking.cancel(life.database, life.person, T0)
    before = life.database["erasures"].find_one({})
    with pytest.raises(TooLate):
        erasures.ask(life.database, life.person, "owner", 7, T0)
    assert life.database["erasures"].find_one({}) == before


def test_asked_again_it_is_due_when_it_was(life: Life) -> None:
    again, receipt = erasures.ask(life.database, life.person, "owner", 7, T0 + 86_400_000)
    assert again.due_at_ms == T0 + 7 * 86_400_000
    assert erasures.find_by_receipt(life.database, receipt) == again


def test_cancelled_and_asked_once_more_it_is_due_anew(life: Life) -> None:
    asking.cancel(life.database, life.person, T0)
    with pytest.raises(NotFound):
        erasures.find(life.database, life.person)
    again, _ = erasures.ask(life.database, life.person, "owner", 7, T0 + 86_400_000)
    assert again.due_at_ms == T0 + 8 * 86_400_000
    assert erasing.do_one(life.database, life.house, T0)
    assert [line["did"] for line in register.lines(life.house.data_dir)] == ["asked", "asked"]


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_restore_knows_what_was_asked_and_taken_back_since(life: Life, *, is_cancelled: bool) -> None:
    """The backup is from before the request, or from before it was taken back."""
    backed_up = list(life.database["erasures"].find())
    if is_cancelled:
        asking.cancel(life.database, life.person, T0)
        assert erasing.do_one(life.database, life.house, T0)
        life.database["erasures"].insert_many(backed_up)
    else:
        life.database["erasures"].delete_many({})
    assert erasing.replay(life.database, life.house, T0) == 0
    assert list(life.database["erasures"].find()) == ([] if is_cancelled else backed_up)


def test_one_that_can_not_be_ended_keeps_nobody_from_it(life: Life) -> None:
    asking.ask(life.database, life.cast.relative, "owner", 7, T0 + 1)
    life.database["people"].update_one({"_id": life.person}, {"$set": {"sealed": b"damaged"}})
    due_ms = T0 + 8 * 86_400_000
    assert erasing.do_one(life.database, life.house, due_ms)  # noted
    with pytest.raises(seals.SealBroken):
        erasing.do_one(life.database, life.house, due_ms)
    assert erasing.do_one(life.database, life.house, due_ms)
    assert erasures.find(life.database, life.cast.relative).state == "closed"


@pytest.mark.parametrize(
    ("last", "until"), [("2024-02-29", "2039-03-01"), ("2024-02-28", "2039-02-28"), ("2026-11-23", "2041-11-23")]
)
def test_years_of_an_archive_run_to_the_same_day(last: str, until: str) -> None:
    begun, end = (to_ms(datetime.fromisoformat(f"{day}T00:00:00+00:00")) for day in (last, until))
    assert archive._years_after(begun, 15) == end


class Killed(BaseException):
    """The process ends here."""


def test_cut_off_before_and_after_every_step_it_comes_to_the_same_end(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [(archive, "move"), (theirs, "let_go"), (people, "close"), (seals, "destroy"), (register, "append")]
    steps += [(traces, "rename"), (certificate, "issue"), (erasing, "_go_on"), (erasing, "_note")]
    steps += [(erasing, "_take_some")]
    pending = set[tuple[str, str]]()
    for module, name in steps:
        _make_deadly(monkeypatch, module, name, pending)
    at_ms, deaths = T0 + 8 * 86_400_000, len(pending)
    while True:
        try:
            if not erasing.do_one(life.database, life.house, at_ms):
                break
            at_ms += erasing.QUIET_MS
        except Killed:
            deaths -= 1
            at_ms += erasing.QUIET_MS
    assert (pending, deaths) == (set(), 0)
    assert naming(life.database, life.person) == LEFT
    assert [line["did"] for line in register.lines(life.house.data_dir)] == ["asked", "began", "finished"]


def _make_deadly(patch: pytest.MonkeyPatch, module: Any, name: str, pending: set[tuple[str, str]]) -> None:
    """Ends the process once before and once after the function did its work."""
    real = getattr(module, name)
    pending |= {(name, "before"), (name, "after")}

    def deadly(*args: Any, **kwargs: Any) -> Any:
        for moment in ("before", "after"):
            given = real(*args, **kwargs) if moment == "after" else None
            if (name, moment) in pending:
                pending.discard((name, moment))
                raise Killed
        return given

    patch.setattr(module, name, deadly)


def test_half_a_line_of_the_register_is_passed_over_and_written_again(tmp_path: Path) -> None:
    register.append(tmp_path, {"did": "began", "person": "a"})
    path = tmp_path / register.FILE
    path.write_bytes(path.read_bytes() + b'{"did":"began","pers')
    assert [line["person"] for line in register.lines(tmp_path)] == ["a"]
    register.append(tmp_path, {"did": "began", "person": "b"})
    assert [line["person"] for line in register.lines(tmp_path)] == ["a", "b"]
    assert path.stat().st_mode & 0o777 == 0o600


def _count(database: Database, name: str, wanted: dict[str, Any]) -> int:
    return database[name].count_documents(wanted)
