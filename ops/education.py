"""`app.py education check [FOLDER]`: what an editor should look at, a line each; status 1 where a file is refused.
`app.py education import FOLDER [--dry-run]`: articles of the installation, as drafts; status 1 where one is refused.
`app.py education list | publish | withdraw`: what became of drafts; serves what a clinician has signed, or no more.
`app.py education effect QUARTER`: what went with reading, as totals of people who have consented to research.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from ops import administration
from ops.administration import Printed
from phr.api.authoring import written_json
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database
from phr.education import authoring, courses, effects, importing
from phr.education.article import Article
from phr.education.library import FOLDER, load, remarks
from phr.education.matching import table


def main(argv: Sequence[str], settings: Settings) -> int:
    """The exit status."""
    root = argparse.ArgumentParser(prog="app.py education", description=__doc__)
    verbs = root.add_subparsers(required=True, metavar="VERB", dest="verb")
    check = verbs.add_parser("check", help="front matter, text, translations")
    check.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="with a folder for each language")
    effect = verbs.add_parser("effect", help="what went with reading: an association, 20 people and more")
    effect.add_argument("quarter", help="such as 2026-Q3, four weeks after its end at the earliest")
    taking = verbs.add_parser("import", help="FOLDER/<language>/<slug>.md as drafts")
    taking.add_argument("folder", type=Path)
    taking.add_argument("--dry-run", action="store_true", help="says what would be taken, and writes nothing")
    verbs.add_parser("list", help="what was imported: how far it is, who did what when")
    for verb, what in (("publish", "serve what a clinician has signed"), ("withdraw", "serve it no more")):
        one = verbs.add_parser(verb, help=what)
        one.add_argument("article", help="such as zh/less-salt")
        one.add_argument("--version", help="the one that was imported last, unless it is named")
    asked = root.parse_args(argv)
    if asked.verb == "import":
        return administration.working(settings, lambda database: _import(database, settings, asked))
    if asked.verb in _WORKFLOW:
        return administration.printing(settings, lambda database: _WORKFLOW[asked.verb](database, settings, asked))
    if asked.verb == "effect":
        return administration.printing(
            settings, lambda database: effects.as_json(effects.totals(database, asked.quarter, now_ms()))
        )
    return _check(asked.folder)


def _import(database: Database, settings: Settings, asked: argparse.Namespace) -> int:
    found = importing.take(database, asked.folder, (settings.operator, ""), now_ms(), is_dry=asked.dry_run)
    told = {name: [_named(one) for one in getattr(found, name)] for name in ("taken", "unchanged")}
    print(json.dumps(told | {"refused": found.refused, "dry_run": asked.dry_run}, ensure_ascii=False))
    return int(bool(found.refused))


def _list(database: Database, _settings: Settings, _asked: argparse.Namespace) -> Printed:
    return {"articles": [written_json(one, _today()) for one in authoring.listed(database)]}


def _publish(database: Database, settings: Settings, asked: argparse.Namespace) -> Printed:
    one = authoring.find(database, asked.article, asked.version).article
    authoring.publish(database, one, (settings.operator, ""), now_ms(), today=_today())
    return dict(written_json(authoring.find(database, one.name, one.version), _today()))


def _withdraw(database: Database, settings: Settings, asked: argparse.Namespace) -> Printed:
    one = authoring.find(database, asked.article, asked.version).article
    authoring.withdraw(database, one, (settings.operator, ""), now_ms())
    return dict(written_json(authoring.find(database, one.name, one.version), _today()))


_WORKFLOW = {"list": _list, "publish": _publish, "withdraw": _withdraw}


def _named(one: Article) -> Printed:
    return {"article": one.name, "version": one.version, "title": one.title}


def _today() -> date:
    return datetime.now(UTC).date()


def _check(folder: Path) -> int:
    found = load(folder)
    for line in [*found.faults, *remarks(found, _today())]:
        print(line)
    taught = courses.load(courses.FOLDER, found)
    for fault in taught.faults if folder == FOLDER else ():
        print(fault)
    of_people = {slug for (_, slug), one in found.articles.items() if not one.is_for_staff}
    for slug in sorted(of_people if folder == FOLDER else ()):
        if table().topic_of(slug) is None:
            print(f"{slug}: is of no topic of matches.toml, and suggested to nobody")
    print(f"{len(found.articles)} articles, {len(found.faults)} refused")
    return int(bool(found.faults or (folder == FOLDER and taught.faults)))
