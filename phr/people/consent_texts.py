"""Consent texts as data: what a person saw, in Chinese and English, before they consented; versions never change."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from phr.errors import DataFileInvalid, InputInvalid, PhrError

FILE = Path(__file__).with_name("consent_texts.toml")
LANGUAGES = ("zh", "en")


class TextOutdated(PhrError):
    """Consent was given to a wording that is no longer in use: show the present one and ask again."""

    code = "consent-text-outdated"
    status = 409


@dataclass(frozen=True, slots=True)
class Text:
    topic: str  # a kind of grant, or of processing
    version: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Which text was on the screen, in which language; ``digest``: SHA-256 of its words, as they were then."""

    topic: str
    version: int
    language: str
    digest: str


@cache
def texts() -> dict[str, tuple[Text, ...]]:
    """Every version of each topic, the present one last."""
    return load(FILE)


def load(path: Path) -> dict[str, tuple[Text, ...]]:
    """The texts of a file. Raises DataFileInvalid naming the text."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["texts"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise DataFileInvalid(f"{path.name}: {error}") from error
    return {topic: _versions(f"{path.name}: {topic}", topic, by_version) for topic, by_version in tables.items()}


def seen(topic: str, version: int, language: str) -> Seen:
    """The present text as it was shown. Raises TextOutdated for another version, InputInvalid for another language."""
    present = texts()[topic][-1]
    if version != present.version:
        raise TextOutdated(f"the text on {topic} is at version {present.version}; show that one", "/text/version")
    if language not in LANGUAGES:
        raise InputInvalid(f"texts are in {' and '.join(LANGUAGES)}", "/text/language")
    words = present.zh if language == "zh" else present.en
    return Seen(topic, version, language, hashlib.sha256(words.encode()).hexdigest())


def _versions(place: str, topic: str, by_version: dict[str, dict[str, str]]) -> tuple[Text, ...]:
    if list(by_version) != [str(number) for number in range(1, len(by_version) + 1)]:
        raise DataFileInvalid(f"{place}: versions are numbered from 1 on, in order")
    for number, words in by_version.items():
        if set(words) != set(LANGUAGES) or not all(text.strip() for text in words.values()):
            raise DataFileInvalid(f"{place}.{number}: a text has words in {' and '.join(LANGUAGES)}, and no more")
    return tuple(Text(topic, int(number), words["zh"], words["en"]) for number, words in by_version.items())
