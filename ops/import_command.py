"""`python app.py import …`: a file into a person's record, or an import taken back; prints the report as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pymongo.errors import PyMongoError
from tqdm import tqdm

from ops import administration
from ops.admin import Parser
from phr.care.rules import rules
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database
from phr.errors import InputInvalid, PhrError
from phr.formats.building import ItemRefused
from phr.formats.local_time import find_zone
from phr.interchange import formats, importing, imports
from phr.interchange.formats import ImportFormat, Wish
from phr.interchange.importing import Into
from phr.interchange.imports import Import
from phr.people.access import Ask, Caller, may
from phr.recording import Recorder

CATEGORIES = ("notes", "readings")


def main(argv: list[str], settings: Settings) -> int:
    """The exit status: 0 also where some readings were refused, 1 for a file that is broken."""
    wished = parser().parse_args(argv)
    try:
        database = administration.open_record(settings)
        with database.client:
            done = _run(database, settings, wished)
    except (PhrError, ItemRefused) as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    except (PyMongoError, OSError) as error:
        sys.stderr.write(f"that did not work: {error}; the same command goes on where it stopped\n")
        return 1
    sys.stdout.write(json.dumps([one.as_json() for one in done], ensure_ascii=False) + "\n")
    return int(any(one.problem for one in done))


def parser() -> Parser:
    root = Parser(prog="app.py import", description=__doc__)
    what = root.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", help="the file to take in")
    what.add_argument("--take-back", metavar="ID", help="takes an import back as a whole; what it replaced returns")
    what.add_argument("--list", action="store_true", help="the person's imports, latest first")
    root.add_argument("--person", required=True, metavar="ID")
    root.add_argument("--format", help=f"one of {', '.join(formats.all_formats())}; else by the file's name")
    root.add_argument("--zone", help="of local times that name none, such as Asia/Shanghai")
    root.add_argument("--mapping", type=Path, help="JSON that says what the columns of a CSV file are")
    root.add_argument("--dry-run", action="store_true", help="tells what would be taken, and stores nothing")
    root.add_argument("--reason", default="taken back by an operator")
    return root


def _run(database: Database, settings: Settings, wished: argparse.Namespace) -> list[Import]:
    """The operator acts as the person does, under their live support grant, and stands in the access log."""
    operator = Caller(wished.person, administration.OPERATOR_CLIENT, frozenset(), settings.operator, "person")
    about = "import" if wished.take_back is None else f"import {wished.take_back} taken back"
    may(database, operator, Ask(wished.person, "read" if wished.list else "write", CATEGORIES, about), now_ms())
    if wished.list:
        return imports.of_person(database, wished.person)
    recorder = Recorder(database, rules())
    if wished.take_back is not None:
        into = Into(database, recorder, wished.person, settings.operator, now_ms)
        return [importing.take_back(into, wished.take_back, wished.reason)]
    form, wish = _form(wished), _wish(wished)
    with wished.file.open("rb") as file, _bar(wished.file.stat().st_size) as tell:
        into = Into(database, recorder, wished.person, settings.operator, now_ms, tell)
        return [importing.run(into, form, file, wish, is_dry_run=wished.dry_run)]


def _form(wished: argparse.Namespace) -> ImportFormat:
    if wished.format is not None:
        return formats.find_format(wished.format)
    found = formats.guess_format(wished.file.name)
    if found is None:
        raise InputInvalid(f"{wished.file.name} could be of several formats, or of none; say --format")
    return found


def _wish(wished: argparse.Namespace) -> Wish:
    mapping = None
    if wished.mapping is not None:
        try:
            mapping = json.loads(wished.mapping.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputInvalid(f"{wished.mapping}: not JSON: {error}") from error
        if not isinstance(mapping, dict):
            raise InputInvalid(f"{wished.mapping}: not a JSON object")
    return Wish(zone=find_zone(wished.zone, "/zone") if wished.zone else None, mapping=mapping)


@contextmanager
def _bar(size: int) -> Iterator[Callable[[Import], None]]:
    with tqdm(total=size, unit="B", unit_scale=True, file=sys.stderr) as bar:

        def tell(one: Import) -> None:
            bar.set_postfix(stored=one.counts.stored, duplicate=one.counts.duplicate, refused=one.counts.refused)
            bar.update(max(0, one.bytes_done - bar.n))

        yield tell
