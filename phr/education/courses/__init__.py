"""Courses: lessons in order, a file each. A lesson is an article with its question; what is broken is not served.

title, summary   {zh, en}
audience         "person", "carer" or "professional": the last are shown to those alone who work in an organisation
conditions       whom it is for, by the words of ``phr/care/codes.toml``; empty: everybody of the audience
needs            courses that come before it
lessons          slugs of articles, in order
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import msgspec

from phr.care.files import convert
from phr.education.article import AUDIENCES, LANGUAGES, PROFESSIONAL, Article
from phr.education.library import Library, library
from phr.errors import DataFileInvalid, NotFound

FOLDER = Path(__file__).parent
MOST_MINUTES = 3  # of a lesson
MOST_LESSONS = 30


class CourseRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: dict[str, str]
    summary: dict[str, str]
    audience: str
    lessons: list[str]
    conditions: list[str] = []
    needs: list[str] = []


@dataclass(frozen=True, slots=True)
class Course:
    slug: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    audience: str
    lessons: tuple[str, ...]
    conditions: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def is_for_staff(self) -> bool:
        return self.audience == PROFESSIONAL


@dataclass(frozen=True, slots=True)
class Courses:
    """``faults``: what is not served, and why."""

    by_slug: Mapping[str, Course]
    faults: tuple[str, ...]

    def find(self, slug: str, *, is_staff: bool = False) -> Course:
        """Raises NotFound, also for one of professionals unless ``is_staff`` asks."""
        found = self.by_slug.get(slug)
        if found is None or (found.is_for_staff and not is_staff):
            raise NotFound("no such course")
        return found

    def listed(self, *, for_staff: bool = False) -> list[Course]:
        """Those of professionals, or those of everybody else."""
        return [one for one in self.by_slug.values() if one.is_for_staff == for_staff]


@cache
def courses() -> Courses:
    return load(FOLDER, library())


def load(folder: Path, of: Library) -> Courses:
    """What is sound, with the lessons of this library. A course that needs a broken one is broken, too."""
    found: dict[str, Course] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            found[path.stem] = _read(path, of)
        except DataFileInvalid as error:
            faults.append(f"{path.name}: {error.detail}")
    while bad := _hopeless(found):
        for slug, why in bad.items():
            del found[slug]
            faults.append(f"{slug}.toml: {why}")
    return Courses(found, tuple(faults))


def served(course: Course, of: Library, language: str, today: date) -> list[str]:
    """The lessons whose article may be read today, in order."""
    articles = ((slug, of.articles.get((language, slug))) for slug in course.lessons)
    return [slug for slug, one in articles if one is not None and not one.is_expired(today)]


def _hopeless(found: Mapping[str, Course]) -> dict[str, str]:
    for slug, course in found.items():
        if missing := sorted(set(course.needs) - found.keys()):
            return {slug: f"needs: there is no course {missing[0]}"}
    try:
        TopologicalSorter({slug: set(course.needs) for slug, course in found.items()}).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return {slug: f"needs: it needs itself, by {' → '.join(circle)}" for slug in set(circle)}
    return {}


def _read(path: Path, of: Library) -> Course:
    try:
        row = convert(tomllib.loads(path.read_text(encoding="utf-8")), CourseRow)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataFileInvalid(f"can't be read: {error}") from error
    for name, words in (("title", row.title), ("summary", row.summary)):
        if set(words) != set(LANGUAGES) or not all(text.strip() for text in words.values()):
            raise DataFileInvalid(f"{name}: in {' and '.join(LANGUAGES)}")
    if row.audience not in AUDIENCES:
        raise DataFileInvalid(f"audience: one of {', '.join(AUDIENCES)}")
    if not 1 <= len(row.lessons) <= MOST_LESSONS or len(set(row.lessons)) != len(row.lessons):
        raise DataFileInvalid(f"lessons: 1 to {MOST_LESSONS}, each once")
    for slug in row.lessons:
        _check_lesson(slug, row.audience, of)
    return Course(
        path.stem, row.title, row.summary, row.audience, tuple(row.lessons), tuple(row.conditions), tuple(row.needs)
    )


def _check_lesson(slug: str, audience: str, of: Library) -> None:
    for language in LANGUAGES:
        one = of.articles.get((language, slug))
        if one is None:
            raise DataFileInvalid(f"lessons: there is no article {language}/{slug}.md")
        if why := why_no_lesson(one, audience):
            raise DataFileInvalid(f"lessons: {language}/{slug}.md {why}")


def why_no_lesson(one: Article, audience: str) -> str | None:
    """What keeps the article from being a lesson for this audience, if anything."""
    if one.is_for_staff and audience != PROFESSIONAL:
        return "is for professionals"
    if not one.quiz:
        return "asks no question"
    return f"takes longer than {MOST_MINUTES} minutes" if one.minutes > MOST_MINUTES else None
