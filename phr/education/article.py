"""One article: front matter in TOML between two lines of "+++", then Markdown. Pure.

Every number stands on a source that the front matter names, from ``phr/care/sources.toml``, with how sure that is; what
is general knowledge is marked and shown as such. Nobody is named as a reviewer who has not signed.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from phr.care.files import convert, documents, source_of
from phr.care.rows import SourceRow
from phr.care.source import Source
from phr.errors import DataFileInvalid

LANGUAGES = ("zh", "en")
PERSON, CARER, PROFESSIONAL = "person", "carer", "professional"
AUDIENCES = (PERSON, CARER, PROFESSIONAL)
FENCE = "+++"
LARGEST_BYTES = 64 * 1024
MOST_MINUTES = 5


class QuizRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question; ``right``: the place of the answer that is, from 0; ``why``: told whichever was given."""

    ask: str
    answers: list[str]
    right: int
    why: str


class FrontRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    summary: str
    minutes: int
    written_on: date
    expires_on: date
    sources: list[SourceRow]
    conditions: list[str] = []
    metrics: list[str] = []
    audience: list[str] = msgspec.field(default_factory=lambda: [PERSON])
    quiz: list[QuizRow] = []


@dataclass(frozen=True, slots=True)
class Article:
    """In one language; the same slug in another is its translation."""

    slug: str
    language: str
    title: str
    summary: str
    minutes: int
    written_on: date
    expires_on: date
    sources: tuple[Source, ...]
    conditions: tuple[str, ...]
    metrics: tuple[str, ...]
    audience: tuple[str, ...]
    quiz: tuple[QuizRow, ...]
    body: str

    @property
    def is_for_staff(self) -> bool:
        """True for what only those are shown who work in an organisation."""
        return PROFESSIONAL in self.audience

    @property
    def name(self) -> str:
        return f"{self.language}/{self.slug}"

    @property
    def said(self) -> bytes:
        """All that it says, its questions and sources too, as JSON; the same article gives the same bytes."""
        return msgspec.json.encode(asdict(self), order="deterministic")

    @property
    def version(self) -> str:
        """The name of its text: what is signed, noted as read, and kept."""
        return hashlib.sha256(self.said).hexdigest()[:32]

    def is_expired(self, today: date) -> bool:
        return today >= self.expires_on


def read(path: Path) -> Article:
    """Raises DataFileInvalid that names the file and what is wrong with it."""
    try:
        return parsed(path.stem, path.parent.name, _text(path))
    except DataFileInvalid as error:
        raise DataFileInvalid(f"{path.parent.name}/{path.name}: {error.detail}") from error


def parsed(slug: str, language: str, text: str) -> Article:
    """Raises DataFileInvalid."""
    front, body = _divided(text)
    row = convert(front, FrontRow)
    _check(row, body, language)
    return Article(
        slug=slug,
        language=language,
        title=row.title,
        summary=row.summary,
        minutes=row.minutes,
        written_on=row.written_on,
        expires_on=row.expires_on,
        sources=tuple(source_of(one, documents()) for one in row.sources),
        conditions=tuple(row.conditions),
        metrics=tuple(row.metrics),
        audience=tuple(row.audience),
        quiz=tuple(row.quiz),
        body=body,
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataFileInvalid(f"larger than {LARGEST_BYTES // 1024} KiB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileInvalid(f"can't be read: {type(error).__name__}") from error


def _divided(text: str) -> tuple[Mapping[str, Any], str]:
    begin, *rest = text.split("\n")
    if begin.strip() != FENCE or FENCE not in (line.strip() for line in rest):
        raise DataFileInvalid(f"begins with front matter between two lines of {FENCE}")
    end = next(number for number, line in enumerate(rest) if line.strip() == FENCE)
    try:
        return tomllib.loads("\n".join(rest[:end])), "\n".join(rest[end + 1 :]).strip()
    except tomllib.TOMLDecodeError as error:
        raise DataFileInvalid(f"front matter: {error}") from error


def _check(row: FrontRow, body: str, language: str) -> None:
    if language not in LANGUAGES:
        raise DataFileInvalid(f"the folder says the language: {' or '.join(LANGUAGES)}")
    for name in ("title", "summary"):
        if not getattr(row, name).strip():
            raise DataFileInvalid(f"{name}: is empty")
    if not body:
        raise DataFileInvalid("there is nothing to read")
    if not row.audience or set(row.audience) - set(AUDIENCES):
        raise DataFileInvalid(f"audience: of {', '.join(AUDIENCES)}")
    if PROFESSIONAL in row.audience and len(row.audience) > 1:
        raise DataFileInvalid(f"audience: what is for a {PROFESSIONAL} is for nobody else")
    if not row.sources:
        raise DataFileInvalid("sources: name what it rests on")
    if not 1 <= row.minutes <= MOST_MINUTES:
        raise DataFileInvalid(f"minutes: from 1 to {MOST_MINUTES}")
    if row.expires_on <= row.written_on:
        raise DataFileInvalid("expires_on: after written_on")
    for number, one in enumerate(row.quiz):
        if not 0 <= one.right < len(one.answers) or len(set(one.answers)) != len(one.answers) or len(one.answers) < 2:
            raise DataFileInvalid(f"quiz.{number}: two or more different answers, of which `right` names one")
