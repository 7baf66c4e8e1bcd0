"""``app.py backup DIRECTORY``: the whole record as it was at one instant, taken while everything goes on running.

All collections are read at one snapshot of the database. MongoDB keeps the history that this needs for five minutes
unless told otherwise; where this login may, it is told to keep an hour's for as long as the backup takes.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure
from tqdm import tqdm

from ops import snapshot
from ops.administration import open_record
from ops.snapshot import Bar, Contents, Manifest, Summing
from phr.config import Settings
from phr.database import Database
from phr.errors import InputInvalid, ServerUnavailable

HISTORY_S = 3_600
_HISTORY = "minSnapshotHistoryWindowInSeconds"
_GONE = (239, 246)  # SnapshotTooOld, SnapshotUnavailable


def main(argv: Sequence[str], settings: Settings) -> int:
    """Prints where the backup is and what it holds. Exit status 0 only for a whole one."""
    parser = argparse.ArgumentParser(prog="app.py backup", description="The whole record as it is now.")
    parser.add_argument("directory", type=Path, help="where to; must not be there yet")
    target: Path = parser.parse_args(argv).directory
    database = open_record(settings)
    with database.client, tqdm(unit=" documents") as bar:
        manifest = take(database, target, bar)
    total = sum(one.documents for one in manifest.collections.values())
    print(f"{target}: {total:,} documents as of {manifest.made_at}.")
    print("Keep `keys` and `registers` of the data directory elsewhere: without the keys nobody can read it,")
    print("and without the register of erasures a restore would bring back who was erased since.")
    return 0


def take(database: Database, target: Path, bar: Bar) -> Manifest:
    """A backup in ``target``, which appears only when it is whole and on the disk.

    Raises InputInvalid where the target is there, ServerUnavailable where the snapshot was not kept long enough.
    """
    part = target.with_name(f"{target.name}.part")
    if target.exists():
        raise InputInvalid(f"{target} is there already; name another directory")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise InputInvalid(f"{part} can't be made: {error.strerror}") from error
    with _history(database), database.client.start_session(snapshot=True) as session:
        try:
            manifest = _read(database, session, part, bar)
        except OperationFailure as error:
            if error.code not in _GONE:
                raise
            raise ServerUnavailable(
                f"the backup took longer than MongoDB keeps a snapshot; set its {_HISTORY} to more than that"
            ) from error
    manifest.write(part)
    for path in (*part.iterdir(), part):
        _to_disk(path)
    part.rename(target)
    _to_disk(target.parent)
    return manifest


def _read(database: Database, session: ClientSession, part: Path, bar: Bar) -> Manifest:
    database.people.find_one({}, {"_id": 1}, session=session)  # from now on the session has its instant
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    collections = {}
    for name in snapshot.names(database):
        bar.set_description(name)
        collections[name] = _write(database, name, session, part / snapshot.file_name(name), bar)
    return Manifest(made_at, database.name, collections)


def _write(database: Database, name: str, session: ClientSession, path: Path, bar: Bar) -> Contents:
    summing = Summing()
    rows = snapshot.raw(database, name).find({}, session=session, batch_size=snapshot.BATCH_DOCUMENTS)
    with rows, gzip.open(path, "wb", compresslevel=1) as file:
        for row in rows:
            summing.add(row.raw)
            file.write(row.raw)
            bar.update()
    return summing.contents()


@contextmanager
def _history(database: Database) -> Iterator[None]:
    admin = database.client.admin
    try:
        before = admin.command({"getParameter": 1, _HISTORY: 1})[_HISTORY]
        admin.command({"setParameter": 1, _HISTORY: max(before, HISTORY_S)})
    except OperationFailure:  # not ours to set: what is kept has to do
        yield
        return
    try:
        yield
    finally:
        admin.command({"setParameter": 1, _HISTORY: before})


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
