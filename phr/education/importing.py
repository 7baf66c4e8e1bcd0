"""Takes a folder of articles as drafts: checked as those that ship are; what is refused costs the others nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from phr.database import Database
from phr.education import authoring, images, rendering
from phr.education.article import Article
from phr.education.courses import courses, why_no_lesson
from phr.education.images import Pictures
from phr.education.library import Library, load
from phr.errors import InputInvalid

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 64


@dataclass(frozen=True, slots=True)
class Imported:
    """``refused``: file and reason, a line each; ``unchanged``: what is served, or was imported, word for word."""

    taken: tuple[Article, ...]
    unchanged: tuple[Article, ...]
    refused: tuple[str, ...]


def take(database: Database, folder: Path, who: authoring.Who, now_ms: int, *, is_dry: bool = False) -> Imported:
    """Each sound article of ``folder/<language>/<slug>.md`` as a draft; nothing is written where ``is_dry``.

    Broken off, it is done again alike. Raises InputInvalid where there is no such folder.
    """
    if not folder.is_dir():
        raise InputInvalid(f"{folder}: there is no such folder", "/folder")
    pictures, served = _pictures(database, folder), authoring.shelf(database)
    found = load(folder, images.names(database))
    refused = [*found.faults, *pictures.faults]
    misused = {fault.split(":")[0].removeprefix("images/") for fault in pictures.faults}
    refused += [f"{path.name}: lies in a folder named after its language" for path in sorted(folder.glob("*.md"))]
    taken, unchanged = [], []
    for one in found.articles.values():
        shown = rendering.images(one.body)
        if why := _refusal(one, served) or ("shows an image that is refused" if shown & misused else None):
            refused.append(f"{one.name}.md: {why}")
        elif _is_known(database, one, served):
            unchanged.append(one)
        else:
            taken.append(one)
            if not is_dry:
                for name in sorted(shown & pictures.by_name.keys()):
                    images.keep(database, pictures.by_name[name], who[0], now_ms)
                authoring.take(database, one, who, now_ms)
    return Imported(tuple(taken), tuple(unchanged), tuple(sorted(refused)))


def _pictures(database: Database, folder: Path) -> Pictures:
    """Those of the folder; the faults are of those alone whose name belongs to another image."""
    found = images.load(folder / "images").by_name
    another = [name for name, one in found.items() if images.is_another(database, one)]
    faults = tuple(f"images/{name}: another image has this name: give it another one" for name in another)
    return Pictures({name: one for name, one in found.items() if name not in another}, faults)


def _is_known(database: Database, one: Article, served: Library) -> bool:
    now = served.articles.get((one.language, one.slug))
    if now is not None and now.version == one.version:
        return True
    return any(other.article.version == one.version for other in authoring.listed(database, one.name))


def _refusal(one: Article, served: Library) -> str | None:
    """Why it can't stand where its name says: what ships under it is a lesson, or newer, or for others."""
    if not _SLUG.fullmatch(one.slug) or len(one.slug) > LONGEST_SLUG:
        return f"the file is named by small letters, digits and hyphens, {LONGEST_SLUG} at most"
    now = served.articles.get((one.language, one.slug))
    if now is not None and one.written_on < now.written_on:
        return f"written_on: what is served was written on {now.written_on}"
    if now is not None and one.is_for_staff != now.is_for_staff:
        return "audience: what is served under this name is for others"
    for course in courses().by_slug.values():
        if one.slug in course.lessons and (why := why_no_lesson(one, course.audience)):
            return f"is a lesson of the course {course.slug}: {why}"
    return None
