"""How fast an Apple Health export becomes a person's record, and what memory it takes; the database beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks import Figure, apple_export, note
from benchmarks.stack import ROOT, running
from phr.people import grants, people
from phr.people.grants import EVERYTHING, SUPPORT, NewGrant
from phr.people.people import NewPerson

FIGURES = ("import_apple_records_per_s", "import_apple_rss_mb", "import_apple_rss_growth_mb")
RECORDS = 1_000_000
FEW = RECORDS // 8


def figures() -> Iterator[Figure]:
    """The whole command from its start to its report; the growth is against an eighth of the file."""
    with tempfile.TemporaryDirectory(prefix="phr-bench-") as folder, running() as stack:
        person = people.create(stack.database, NewPerson(zone="Asia/Shanghai")).id
        support = NewGrant(person=person, grantee=SUPPORT, kind=SUPPORT, categories=(EVERYTHING,),
                           verbs=("read", "write"), purpose="a benchmark", from_ms=0)  # fmt: skip
        grants.create(stack.database, support)
        settings = {"PHR_MONGODB_URI": stack.mongod.uri, "PHR_DATA_DIR": str(stack.data_dir)}
        small = _import(Path(folder), person, settings, FEW)
        large = _import(Path(folder), person, settings, RECORDS)
        assert large["stored"] + large["duplicate"] == RECORDS, large
        yield Figure("import_apple_records_per_s", RECORDS / large["seconds"], "records/s")
        yield Figure("import_apple_rss_mb", large["rss_mb"], "MB")
        yield Figure("import_apple_rss_growth_mb", large["rss_mb"] - small["rss_mb"], "MB")


def _import(folder: Path, person: str, settings: dict[str, str], records: int) -> dict[str, float]:
    """What the command reports, and its seconds and greatest resident set."""
    path = folder / f"{records}-export.xml"
    apple_export.write(path, records)
    command = [sys.executable, "app.py", "import", str(path), "--person", person]
    begin, greatest = time.monotonic(), 0
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        with watched.oneshot():
            greatest = max(greatest, watched.memory_info().rss if watched.is_running() else 0)
        time.sleep(0.05)
    seconds = time.monotonic() - begin
    assert process.stdout is not None
    (report,) = json.loads(process.stdout.read())
    note(f"{records:,} records, {path.stat().st_size / 1e6:.0f} MB in {seconds:.1f} s: {report['stored']:,} stored")
    path.unlink()
    return {name: report[name] for name in ("stored", "duplicate")} | {"seconds": seconds, "rss_mb": greatest / 1e6}
