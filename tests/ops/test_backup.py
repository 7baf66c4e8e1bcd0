"""Backups: whole and of one instant while others write; what comes back is what was there, or an error says so."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import encode
from tqdm import tqdm

from ops import backup, restore, snapshot
from ops.indexes import ensure_indexes
from phr.config import Settings, load
from phr.database import Database
from phr.erasure import asking, erasing, erasures, register
from phr.errors import InputInvalid, ServerUnavailable, SettingInvalid
from phr.feed import feed
from phr.migrations import restores
from phr.migrations.migrate import pending
from phr.people import people, seals
from phr.people.keyring import KeyDestroyed
from phr.people.people import NewPerson
from tests.cast import T0
from tests.conftest import MASTER_KEY
from tests.erasure.lives import naming

QUIET: Any = {"disable": True}


@pytest.fixture
def record(database: Database) -> Database:
    """A record with a person, and documents of many forms and sizes."""
    ensure_indexes(database)  # which also sets up counters
    people.create(database, NewPerson(zone="Asia/Shanghai", name="李建国"))
    database.readings.insert_many({"_id": f"b{number}", "c": bytes(number * 100)} for number in range(300))
    database.entries.insert_one({"_id": "e", "text": "收缩压", "nested": [{"a": None}, 1.5, -(2**62)]})
    return database


@pytest.fixture
def empty(record: Database) -> Iterator[Database]:
    """Another database, with nothing in it."""
    database = record.client.get_database(f"{record.name}-back", record.codec_options, None, record.write_concern)
    yield database
    database.client.drop_database(database.name)


@pytest.fixture
def taken(record: Database, tmp_path: Path) -> Path:
    backup.take(record, tmp_path / "taken", tqdm(**QUIET))
    return tmp_path / "taken"


def back(database: Database, directory: Path) -> None:
    restore.put_back(database, directory, tqdm(**QUIET), lambda: None)


def holds(database: Database) -> dict[str, Any]:
    found = {name: snapshot.contents(database, name) for name in snapshot.names(database)}
    own = ("migrations", feed.EPOCHS)  # a restore has phones begin anew
    return {name: contents for name, contents in found.items() if contents.documents and name not in own}


def test_what_comes_back_is_what_was_there(record: Database, empty: Database, taken: Path) -> None:
    back(empty, taken)
    assert holds(empty) == holds(record)
    assert (pending(empty), restores.under_way(empty)) == ([], None)
    assert empty.readings.index_information().keys() == record.readings.index_information().keys()


def test_backup_of_a_record_that_was_restored_once_comes_back(
    record: Database, empty: Database, tmp_path: Path
) -> None:
    restores.begin(record, "of-monday")
    restores.end(record)
    backup.take(record, tmp_path / "taken", tqdm(**QUIET))
    back(empty, tmp_path / "taken")
    assert holds(empty) == holds(record)


def test_backup_is_of_one_instant(record: Database, tmp_path: Path) -> None:
    """A writer adds to two collections in one transaction, again and again: the backup has as many in both."""
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            with record.client.start_session() as session, session.start_transaction():
                record.zeal.insert_one({}, session=session)
                record.aims.insert_one({}, session=session)

    record.create_collection("aims")
    record.create_collection("zeal")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = []
        for number in range(5):
            manifest = backup.take(record, tmp_path / str(number), tqdm(**QUIET))
            counts.append([manifest.collections[name].documents for name in ("aims", "zeal")])
    finally:
        done.set()
        writer.join()
    assert all(aims == zeal for aims, zeal in counts)
    assert counts[0] < counts[-1]


def test_backup_that_was_cut_off_is_none(
    record: Database, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "taken"
    monkeypatch.setattr(snapshot.Manifest, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backup.take(record, target, tqdm(**QUIET))
    assert not target.exists()
    with pytest.raises(InputInvalid, match="cut off"):
        back(empty, tmp_path / "taken.part")
    monkeypatch.undo()
    backup.take(record, target, tqdm(**QUIET))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_backup_goes_over_nothing(record: Database, taken: Path) -> None:
    with pytest.raises(InputInvalid, match="there already"):
        backup.take(record, taken, tqdm(**QUIET))


def damage(path: Path, of: bytes = b"") -> None:
    """One bit: of the first of these bytes, else in the middle."""
    content = bytearray(path.read_bytes())
    content[content.index(of) if of else len(content) // 2] ^= 1
    path.write_bytes(content)


def forge(taken: Path, manifest: str) -> None:
    (taken / "manifest.json").write_text(manifest)
    lines = (taken / "SHA256SUMS").read_text().splitlines()
    kept = [line for line in lines if not line.endswith("manifest.json")]
    (taken / "SHA256SUMS").write_text("\n".join([*kept, f"{snapshot.sha256(taken / 'manifest.json')}  manifest.json"]))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda taken: damage(taken / "readings.bson.gz"), "readings.bson.gz is damaged"),
        (lambda taken: (taken / "people.bson.gz").unlink(), "people.bson.gz can't be read"),
        (lambda taken: damage(taken / "manifest.json"), "manifest.json is damaged"),
        (lambda taken: damage(taken / "SHA256SUMS"), "damaged|can't be read"),
        (lambda taken: damage(taken / "SHA256SUMS", b"\n"), "can't be read"),
        (lambda taken: damage(taken / "SHA256SUMS", b"  "), "SHA256SUMS is damaged"),
        (lambda taken: (taken / "SHA256SUMS").write_text("x"), "SHA256SUMS is damaged"),
        (lambda taken: forge(taken, "[]"), "manifest.json is damaged"),
        (lambda taken: forge(taken, '{"format": 99}'), "another format"),
    ],
)
def test_damaged_backup_is_named_and_nothing_is_written(empty: Database, taken: Path, spoil: Any, says: str) -> None:
    spoil(taken)
    with pytest.raises(InputInvalid, match=says):
        back(empty, taken)
    assert snapshot.names(empty) == []


@pytest.mark.parametrize(
    "content", [b"\x05\x00", encode({"a": 1})[:-1], (2**31 - 1).to_bytes(4, "little"), b"\x04\x00\x00\x00"]
)
def test_file_that_is_no_row_of_documents_is_refused(tmp_path: Path, content: bytes) -> None:
    with gzip.open(tmp_path / "x", "wb") as file:
        file.write(encode({"whole": True}) + content)
    with pytest.raises(InputInvalid, match="damaged"):
        list(snapshot.documents(tmp_path / "x"))


def test_database_with_something_in_it_is_left_alone(record: Database, taken: Path) -> None:
    before = holds(record)
    with pytest.raises(ServerUnavailable, match="into an empty one"):
        back(record, taken)
    assert holds(record) == before


def test_restore_that_was_cut_off_serves_nobody_and_is_begun_again(
    record: Database, empty: Database, taken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = iter(range(3))
    load = restore._load
    monkeypatch.setattr(restore, "_load", lambda *arguments: load(*arguments) if next(loads) < 2 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        back(empty, taken)
    reason = restores.under_way(empty)
    assert reason
    assert "run it again" in reason
    monkeypatch.undo()
    back(empty, taken)
    assert holds(empty) == holds(record)
    assert restores.under_way(empty) is None


def test_documents_that_did_not_come_back_are_found(
    empty: Database, taken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = restore._load

    def forgetful(database: Database, name: str, *rest: Any) -> None:
        load(database, name, *rest)
        if name == "readings":
            database.readings.update_one({"_id": "b7"}, {"$set": {"c": b"another"}})

    monkeypatch.setattr(restore, "_load", forgetful)
    with pytest.raises(ServerUnavailable, match="readings did not come back"):
        back(empty, taken)
    assert restores.under_way(empty)


def test_who_was_erased_since_the_backup_does_not_come_back(
    record: Database, empty: Database, taken: Path, settings: Settings
) -> None:
    (row,) = record.people.find({}, {"_id": 1})
    person, house, at_ms = str(row["_id"]), erasing.house(settings), T0
    _, receipt = asking.ask(record, person, "owner", 0, T0)
    while erasing.do_one(record, house, at_ms):
        at_ms += erasing.QUIET_MS
    served = []

    def erase_again() -> None:
        served.append(restores.under_way(empty))
        restore._erase_again(empty, settings)

    restore.put_back(empty, taken, tqdm(**QUIET), erase_again)
    assert served[0], "before the restore is through"
    assert restores.under_way(empty) is None
    assert naming(empty, person) == naming(record, person) == {"data_keys": 1, "erasures": 1}
    assert erasures.find_by_receipt(empty, receipt) == erasures.find_by_receipt(record, receipt)
    with pytest.raises(KeyDestroyed):
        seals.seal(empty, person, "x", "y")
    assert erasing.replay(empty, house, T0) == 1


def test_damaged_register_stops_the_restore(empty: Database, taken: Path, settings: Settings) -> None:
    path = settings.data_dir / register.FILE
    path.parent.mkdir(parents=True)
    path.write_text('{"did": nonsense}\n')
    with pytest.raises(SettingInvalid, match="line 1, is damaged"):
        restore.put_back(empty, taken, tqdm(**QUIET), lambda: restore._erase_again(empty, settings))
    assert restores.under_way(empty)


def test_commands_from_one_server_to_another(
    record: Database, mongod: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an operator runs them: a backup, its proof, and the restore into another data directory."""
    environment = {"PHR_MONGODB_URI": mongod, "PHR_MONGODB_DATABASE": record.name, "PHR_DATA_DIR": str(tmp_path / "a")}
    target = str(tmp_path / "taken")
    assert run(backup, environment, target) == 0
    assert run(restore, environment, "--check", target) == 0
    assert "each as it was" in capsys.readouterr().out
    with pytest.raises(ServerUnavailable, match="into an empty one"):
        run(restore, environment, target)
    elsewhere = {"PHR_DATA_DIR": str(tmp_path / "b"), "PHR_MONGODB_DATABASE": "phr"}
    assert run(restore, elsewhere, target) == 0
    assert (tmp_path / "b" / "mongodb" / "WiredTiger").exists()


def run(command: Any, environment: dict[str, str], *argv: str) -> int:
    status: int = command.main(argv, load(environment | {"PHR_MASTER_KEY": MASTER_KEY}))
    return status
