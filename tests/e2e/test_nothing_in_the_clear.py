"""What identifies people or tells of them is in no file of a stopped installation: database, journal, broker, logs.

Then one of them is erased: no document names them any more, and no file of ours but the register.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from datetime import date
from typing import Any

import pytest

from ops import administration, mongod
from phr import clock
from phr.erasure import asking, erasing
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people import directory, logins
from phr.people.people import NewPerson
from phr.timeline.kinds import kinds
from tests.erasure.lives import naming
from tests.real.installation import VENDOR, Installation, installed
from tests.timeline.papers import a_docx
from tests.timeline.test_kinds import EXAMPLES

NAME, NEW_NAME, PINYIN = "欧阳暗记", "诸葛暗记", "ouyang"
PHONE, NUMBER, LOGIN = "13987654321", "11010519491231002X", "marked.login"
TEXT, NEW_TEXT, TYPED, FILE_NAME, IN_FILE = "暗记甲头晕", "暗记乙头痛", "暗记丙", "暗记丁.docx", "暗记戊血糖"
MARKS = ("暗记", "欧阳", "诸葛", PINYIN, PHONE, NUMBER, LOGIN, "1949-12-31", "marked")
CONTROL, FIRMWARE = "unsealed-control", "firmware-control"  # that the search would find what is in the clear


PERSON, NAMING = "the erased one's id", "collections that hold it"
Found = dict[str, set[str]]  # what was looked for -> files that hold it, when everything had stopped


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    with pytest.MonkeyPatch.context() as patch:
        compressed = mongod._command
        patch.setattr(mongod, "_command", lambda *args: _uncompressed(compressed(*args)))
        directory = tmp_path_factory.mktemp("left")
        with installed(directory) as running:
            person = _lived(running)
            named = _erased(running, person)
    master = (directory / "keys" / "master.key").read_text().strip()
    searched = {mark: mark for mark in (*MARKS, CONTROL, FIRMWARE)} | {"master": master, PERSON: person}
    files: Found = {name: set() for name in searched} | {NAMING: named}
    for one in directory.rglob("*"):
        content = one.read_bytes() if one.is_file() else b""
        for name, text in searched.items():
            if text.encode() in content:
                files[name].add(str(one.relative_to(directory)))
    return files


def test_no_mark_is_in_any_file(found: Found) -> None:
    assert {mark: found[mark] for mark in MARKS} == {mark: set[str]() for mark in MARKS}


def test_search_finds_what_is_in_the_clear_in_collections_oplog_and_journal(found: Found) -> None:
    files = found[CONTROL]
    assert sum(one.startswith("mongodb/collection-") for one in files) >= 2  # its own and local.oplog.rs
    assert any(one.startswith("mongodb/journal/") for one in files)


def test_search_finds_what_is_in_the_clear_in_the_brokers_store(found: Found) -> None:
    assert any(one.startswith("mosquitto/store/") for one in found[FIRMWARE])


def test_master_key_is_in_its_file_alone(found: Found) -> None:
    assert found["master"] == {"keys/master.key"}


def test_erased_person_is_named_by_the_marker_and_the_certificate_alone(found: Found) -> None:
    assert found[NAMING] == {"data_keys", "erasures"}


def test_erased_person_is_in_no_file_but_the_register_and_the_databases_own(found: Found) -> None:
    """The database writes over freed space, and its oplog turns round; what it held there was sealed."""
    assert {one for one in found[PERSON] if not one.startswith("mongodb/")} == {"registers/erasures.jsonl"}


def _erased(running: Installation, person: str) -> set[str]:
    """The collections that hold the id after an erasure."""
    database, now = running.operator.database, clock.now_ms()
    asking.ask(database, person, "owner", 0, now)
    while erasing.do_one(database, erasing.house(running.operator.settings), now):
        now += erasing.QUIET_MS
    return set(naming(database, person))


def _lived(running: Installation) -> str:
    """Everything that takes words in, used once, by the person whose id this gives."""
    database = running.operator.database
    database["control"].insert_one({"said": CONTROL})
    known = {"name": NAME, "phone": PHONE, "identity_number": NUMBER, "birth_on": date(1949, 12, 31)}
    draft = NewPerson(zone="Asia/Shanghai", is_demo=True, **known)  # type: ignore[arg-type]
    person = str(administration.create_person(running.operator, draft)["person_id"])
    administration.create_doctor(running.operator, NAME, "Clinic")
    logins.create(database, LOGIN, "marked password", person)
    assert len(directory.find_by_name(database, PINYIN)) == 2
    assert directory.find_by_phone(database, PHONE) == directory.find_by_identity_number(database, NUMBER) == [person]
    _measured(running, person)
    _told(running, person)
    version = _asked(running, person, "GET", "")[1]
    _asked(running, person, "PATCH", "", {"name": NEW_NAME}, version=version)
    return person


def _measured(running: Installation, person: str) -> None:
    """A blood pressure that raises a notice."""
    device = NewDevice(vendor=VENDOR, name="cuff", format="phr-v1", bindings=(("", person),))
    devices.create_device(running.operator.database, device, clock.now_ms())
    value = {"systolic": 185, "diastolic": 125}
    reading = {"metric": "blood-pressure", "t": clock.now_ms(), "unit": "mm[Hg]", "value": value}
    payload = json.dumps({"id": "m1", "readings": [reading]}).encode()
    verdict = running.gateway.send("cuff", payload, "application/vnd.phr.readings+json", "m1")
    assert verdict["stored"] == 1
    status = json.dumps({"state": "online", "firmware": FIRMWARE}).encode()
    topic = f"phr/v1/{VENDOR}/cuff/status"
    running.gateway._client.publish(topic, status, qos=1, retain=True).wait_for_publish(10)
    assert running.operator.database["notices"].count_documents({}) > 0


def _told(running: Installation, person: str) -> None:
    """An entry of each kind, one changed, one deleted, a document's file; found by their words."""
    for name, kind in kinds().items():
        if not kind.is_written_by_record:
            said = EXAMPLES[name] | ({"text": TEXT} if "text" in kind.schema().fields else {})
            body = said | {"kind": name, "id": name, "effective_at": "2020", "provenance": _by()}
            _asked(running, person, "POST", "/entries", body)
    _asked(running, person, "PATCH", "/entries/note", {"text": NEW_TEXT}, version='"1"')
    _asked(running, person, "DELETE", "/entries/condition", None, version='"1"')
    _asked(running, person, "PATCH", "/entries/document", {"words": TYPED}, version='"1"')
    daily = {"kind": "medication", "rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "times": ["08:00"]}
    _asked(running, person, "POST", "/reminders", daily | {"text": TEXT})
    name = urllib.parse.quote(FILE_NAME)
    _asked(running, person, "PUT", f"/entries/document/file?name={name}", a_docx(IN_FILE, "-"), version='"2"')
    for word, entry in (("头痛", "note"), ("血糖", "document")):
        found = _asked(running, person, "GET", f"/entries?text={urllib.parse.quote(word)}")[0]
        assert entry in {one["id"] for one in found["entries"]}


def _by() -> dict[str, str]:
    return {"how": "self-reported", "by": NAME}


def _asked(
    running: Installation, person: str, method: str, path: str, body: Any = None, *, version: str | None = None
) -> tuple[Any, str]:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {running._token(person)}"} | ({"If-Match": version} if version else {})
    if isinstance(body, dict):
        headers["Content-Type"] = "application/json"
    url = f"{running.url}/v1/people/{person}{path}"
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
        return json.loads(text) if text else None, answer.headers.get("ETag", "")


def _uncompressed(command: list[str]) -> list[str]:
    return [
        *("none" if one == "zstd" else one for one in command),
        *("--wiredTigerJournalCompressor", "none"),
        *("--wiredTigerIndexPrefixCompression", "false"),
    ]
