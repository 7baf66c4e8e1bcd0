"""`python app.py export …`: a person's whole record into a file; prints what it holds as JSON."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tqdm import tqdm

from ops import administration
from ops.admin import Parser
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database
from phr.errors import InputInvalid
from phr.interchange.exporters import Asked, Told, all_formats, find_format
from phr.people.access import Ask, Caller, may
from phr.timeline.categories import all_categories

UNFINISHED = ".part"


def main(argv: list[str], settings: Settings) -> int:
    """The exit status. Until it is whole the file is called FILE.part."""
    wished = parser().parse_args(argv)
    return administration.printing(settings, lambda record: _run(record, settings, wished))


def parser() -> Parser:
    root = Parser(prog="app.py export", description=__doc__)
    root.add_argument("person", metavar="PERSON", help="whose record")
    root.add_argument("file", type=Path, metavar="FILE", help="a new file, best named NAME.phr.zip")
    root.add_argument("--format", default="phr-archive", help=f"one of {', '.join(all_formats())}")
    root.add_argument("--metric", help="that one alone, where the format is of readings")
    root.add_argument("--language", choices=("zh", "en"), default="zh", help="of what is for people to read")
    return root


def _run(database: Database, settings: Settings, wished: argparse.Namespace) -> dict[str, object]:
    """The operator acts as the person does, under their live support grant, and stands in the access log."""
    operator = Caller(wished.person, administration.OPERATOR_CLIENT, frozenset(), settings.operator, "person")
    ask = Ask(wished.person, "read", ("profile", *all_categories()), f"export {wished.format}"[:120])
    form, at_ms = find_format(wished.format), now_ms()
    may(database, operator, ask, at_ms)
    if wished.file.exists():
        raise InputInvalid(f"{wished.file} is there already")
    asked = Asked(database, wished.person, at_ms, wished.metric, wished.language)
    unfinished = wished.file.with_name(wished.file.name + UNFINISHED)
    with tqdm(unit="readings", unit_scale=True, file=sys.stderr) as bar:

        def tell(told: Told) -> None:
            bar.update(told.readings - bar.n)

        asked.tell = tell
        # For its owner's eyes: what is in it is in the clear. What an earlier try has left is written over.
        private = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(private, "wb") as out:
            for piece in form.write(asked):
                out.write(piece)
    unfinished.rename(wished.file)
    told = asked.told
    counts = {"readings": told.readings, "entries": told.entries, "documents": told.documents}
    return {"file": str(wished.file), "bytes": wished.file.stat().st_size, **counts}
