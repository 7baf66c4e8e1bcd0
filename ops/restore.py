"""``app.py restore BACKUP``: a backup into an empty database, compared document by document.

``--check`` restores into a server of its own that is thrown away afterwards, which proves a backup and touches nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bson.raw_bson import RawBSONDocument
from tqdm import tqdm

from ops import mongod, ports, snapshot
from ops.family import ROOM_BYTES, check_room, only_one, without_family
from ops.indexes import ensure_indexes
from ops.snapshot import Bar, Manifest
from phr.audit import days
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database, connect, ping
from phr.erasure import erasing, register
from phr.errors import ServerUnavailable
from phr.feed import feed
from phr.migrations import restores
from phr.migrations.migrate import run_pending
from phr.people import keyring, master_keys

_OWN = {"migrations", restores.COLLECTION}  # what an empty database may have


def main(argv: Sequence[str], settings: Settings) -> int:
    """Exit status 0 only where everything came back as it was."""
    parser = argparse.ArgumentParser(prog="app.py restore", description="A backup, back into an empty database.")
    parser.add_argument("backup", type=Path, help="the directory that `app.py backup` made")
    parser.add_argument("--check", action="store_true", help="into a server of its own, which is thrown away")
    asked = parser.parse_args(argv)
    with _target(settings, is_check=asked.check) as database, tqdm(unit=" documents") as bar:
        # What is thrown away needs no keys; what is served must not bring anybody back.
        erase_again = (lambda: None) if asked.check else lambda: _set_right(database, settings)
        manifest = put_back(database, asked.backup, bar, erase_again)
    total = sum(one.documents for one in manifest.collections.values())
    done = "can be restored" if asked.check else "is restored"
    print(f"{asked.backup} {done}: {total:,} documents as of {manifest.made_at}, each as it was.")
    return 0


def put_back(database: Database, backup: Path, bar: Bar, erase_again: Callable[[], None]) -> Manifest:
    """Loads, compares, makes indexes, runs what migrations the backup has not had, and erases who was erased since.

    Begun again after it was cut off, it starts from the beginning. Raises InputInvalid for a damaged backup before
    anything is written, ServerUnavailable for a database that has something in it or does not hold what it was given.
    """
    manifest = snapshot.check(backup, bar.set_description)
    _empty(database)
    restores.begin(database, str(backup))
    bar.reset(sum(one.documents for one in manifest.collections.values()))
    # A record that was restored once has this collection, empty; here it holds the mark of what we are doing.
    wanted = {name: one for name, one in manifest.collections.items() if name != restores.COLLECTION}
    for name in wanted:
        bar.set_description(name)
        _load(database, name, backup / snapshot.file_name(name), bar)
    for name, expected in wanted.items():
        bar.set_description(f"comparing {name}")
        if snapshot.contents(database, name) != expected:
            raise ServerUnavailable(f"{name} did not come back as it was; look at the disk, then run the restore again")
    ensure_indexes(database)
    run_pending(database)
    feed.begin_anew(database)  # phones may have heard of changes that the backup has not
    bar.set_description("erasing who was erased")
    erase_again()  # before anybody is served: until ``end`` the house is not ready
    restores.end(database)
    return manifest


def _set_right(database: Database, settings: Settings) -> None:
    """What the registers know and the backup does not."""
    keyring.use(master_keys.load(settings))
    days.note_restore(database, settings.data_dir, now_ms())
    _erase_again(database, settings)


def _erase_again(database: Database, settings: Settings) -> None:
    """Says how many were, on standard error. Raises SettingInvalid where the keys or the register can't be read."""
    path = settings.data_dir / register.FILE
    if not path.exists():
        tqdm.write(f"There is no register of erasures at {path}: nobody was erased again.", sys.stderr)
        return
    count = erasing.replay(database, erasing.house(settings), now_ms())
    tqdm.write(f"{count:,} people of the register {path} are erased in what was restored, too.", sys.stderr)


def _empty(database: Database) -> None:
    """Raises ServerUnavailable for a database with documents, unless they are those of a restore that was cut off."""
    present = set(snapshot.names(database))
    if restores.under_way(database) is None:
        full = sorted(name for name in present - _OWN if database[name].find_one({}, {"_id": 1}) is not None)
        if full:
            raise ServerUnavailable(
                f"the database {database.name} has something in {', '.join(full[:3])}; restore into an empty one: "
                "an empty PHR_DATA_DIR, or another PHR_MONGODB_DATABASE"
            )
    for name in sorted(present - {restores.COLLECTION}):
        database.drop_collection(name)


def _load(database: Database, name: str, path: Path, bar: Bar) -> None:
    collection, batch, size = snapshot.raw(database, name), list[RawBSONDocument](), 0
    for document in snapshot.documents(path):
        batch.append(RawBSONDocument(document))
        size += len(document)
        if len(batch) >= snapshot.BATCH_DOCUMENTS or size >= snapshot.BATCH_BYTES:
            collection.insert_many(batch, ordered=False)
            bar.update(len(batch))
            batch, size = [], 0
    if batch:
        collection.insert_many(batch, ordered=False)
        bar.update(len(batch))


@contextmanager
def _target(settings: Settings, *, is_check: bool) -> Iterator[Database]:
    """The database to restore into: a throw-away server's, the one that PHR_MONGODB_URI names, or the embedded one."""
    if is_check:
        with (
            tempfile.TemporaryDirectory(prefix="phr-restore-") as directory,
            _embedded(Path(directory), settings) as one,
        ):
            yield one
        return
    settings = without_family(settings)
    check_room(settings.data_dir, ROOM_BYTES)
    with only_one(settings.data_dir):  # raises where a family runs on it
        if settings.mongodb_uri is not None:
            with _opened(settings.mongodb_uri, settings) as database:
                yield database
            return
        with _embedded(settings.data_dir / "mongodb", settings) as database:
            yield database


@contextmanager
def _opened(uri: str, settings: Settings) -> Iterator[Database]:
    database = connect(uri, settings.mongodb_database)
    with database.client:
        ping(database)
        yield database


@contextmanager
def _embedded(directory: Path, settings: Settings) -> Iterator[Database]:
    server = mongod.start(directory, ports.free_port())
    try:
        with _opened(server.uri, settings) as database:
            yield database
    finally:
        mongod.stop(server)
