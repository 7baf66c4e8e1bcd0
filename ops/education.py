"""`app.py education check [FOLDER]`: what an editor should look at, a line each; status 1 where a file is refused."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from phr.education.library import FOLDER, load, remarks


def main(argv: Sequence[str]) -> int:
    """The exit status."""
    root = argparse.ArgumentParser(prog="app.py education", description=__doc__)
    check = root.add_subparsers(required=True, metavar="VERB").add_parser(
        "check", help="front matter, text, translations"
    )
    check.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="with a folder for each language")
    found = load(root.parse_args(argv).folder)
    for line in remarks(found, datetime.now(UTC).date()):
        print(line)
    print(f"{len(found.articles)} articles, {len(found.faults)} refused")
    return int(bool(found.faults))
