"""Which articles are for whom, and why: data (``matches.toml``) against what is known of a person. Pure.

A suggestion carries the categories of all that it was made of: who may not see that somebody has a disease is not told
by a suggestion either.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from phr.care.codes import codes
from phr.care.files import convert
from phr.care.rules import rules
from phr.education.article import LANGUAGES
from phr.education.library import library
from phr.errors import DataFileInvalid
from phr.vocabulary.sight import is_within

FILE = Path(__file__).with_name("matches.toml")
AGAIN_DAYS = 30  # no article is suggested again sooner than so long after it was read
MOST = 5
AGE = ("profile",)
MORNING_WORDS = ("mornings", "limit", "unit", "source")
# How somebody keeps to a plan (phr.plans.keeping), with the words that a reason of it may have.
KEPT_WORDS = {"silent": ("days",), "medicines-missed": ("days", "percent")}
_NAME = re.compile(r"{([^{}]*)}")


class WhenRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``mornings``: the rule whose line the last mornings were all beyond (``phr.education.mornings``).

    ``keeping``: how somebody keeps to their plans, a word of KEPT_WORDS.
    """

    conditions: list[str] = []
    rules: list[str] = []
    mornings: str | None = None
    keeping: Literal["silent", "medicines-missed"] | None = None
    ages: list[int] = []
    sex: str | None = None
    pregnant: bool = False

    @property
    def is_prompt(self) -> bool:
        """True for what somebody's readings (or their silence) say now, and not what is so for years."""
        return bool(self.rules or self.mornings or self.keeping)


class MatchRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    articles: list[str]
    weight: int
    when: WhenRow
    why: dict[str, str]


class TopicRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one may have enough of; each article is of one topic."""

    zh: str
    en: str
    articles: list[str]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    topics: dict[str, TopicRow]
    matches: list[MatchRow]

    def topic_of(self, slug: str) -> str | None:
        """None for an article that is suggested to nobody."""
        return next((name for name, one in self.topics.items() if slug in one.articles), None)


@dataclass(frozen=True, slots=True)
class Sign:
    """What was seen of somebody: the categories of what says so, and its numbers in words, by language."""

    categories: frozenset[str]
    words: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Known:
    """Of a person, with the categories of what says so."""

    conditions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rules: Mapping[str, frozenset[str]] = field(default_factory=dict)  # that raised an alert lately
    mornings: Mapping[str, Sign] = field(default_factory=dict)  # by the rule whose line they were beyond
    keeping: Mapping[str, Sign] = field(default_factory=dict)
    age: int | None = None
    sex: str | None = None
    pregnancy: frozenset[str] | None = None  # None: not pregnant, as far as is known


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``is_prompt``: for what readings say now; ``is_for_everybody``: nothing of the person speaks for it."""

    slug: str
    topic: str
    weight: int
    why: Mapping[str, str]
    categories: frozenset[str]
    is_prompt: bool
    is_for_everybody: bool


@cache
def table() -> Table:
    return load(FILE)


def load(path: Path) -> Table:
    """Raises DataFileInvalid naming the topic or match and what is wrong with it."""
    try:
        found = convert(tomllib.loads(path.read_text(encoding="utf-8")), Table)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataFileInvalid(f"{path.name}: {error}") from error
    of_topics = [slug for topic in found.topics.values() for slug in topic.articles]
    for slug in of_topics:
        if of_topics.count(slug) > 1:
            raise DataFileInvalid(f"{path.name}: topics: {slug} is of two")
        _check_article(f"{path.name}: topics", slug)
    for number, one in enumerate(found.matches):
        _check(f"{path.name}: matches.{number}", one)
        if homeless := set(one.articles) - set(of_topics):
            raise DataFileInvalid(f"{path.name}: topics: {min(homeless)} is of none")
    return found


def suggested(
    by: Table, known: Known, left_out: Collection[str], sight: Collection[str] | None = None
) -> list[Suggestion]:
    """Each article once, by its weightiest reason that may be seen (``sight``; None: all), the weightiest first.

    ``left_out``: articles that were read lately, and topics that somebody has enough of.
    """
    found: dict[str, Suggestion] = {}
    for row in sorted(by.matches, key=lambda one: -one.weight):
        categories = _categories(row.when, known)
        if categories is None or (sight is not None and not is_within(categories, sight)):
            continue
        signs = _signs(row.when, known) or []
        why = {
            language: text.format(**{name: word for one in signs for name, word in one.words[language].items()})
            for language, text in row.why.items()
        }
        for slug in row.articles:
            topic = by.topic_of(slug) or ""
            if slug not in left_out and topic not in left_out:
                one = Suggestion(slug, topic, row.weight, why, categories, row.when.is_prompt, row.when == WhenRow())
                found.setdefault(slug, one)
    return list(found.values())


def _categories(when: WhenRow, known: Known) -> frozenset[str] | None:
    """What it was made of; None where it is not for them."""
    signs = _signs(when, known)
    if signs is None:
        return None
    made_of = frozenset(category for one in signs for category in one.categories)
    for wanted, there in ((when.conditions, known.conditions), (when.rules, known.rules)):
        if wanted:
            having = [there[one] for one in wanted if one in there]
            if not having:
                return None
            made_of |= min(having, key=lambda some: (len(some), sorted(some)))
    if when.ages:
        if known.age is None or not when.ages[0] <= known.age <= when.ages[1]:
            return None
        made_of |= frozenset(AGE)
    if when.sex is not None:
        if known.sex != when.sex:
            return None
        made_of |= frozenset(AGE)
    if when.pregnant:
        if known.pregnancy is None:
            return None
        made_of |= known.pregnancy
    return made_of


def _signs(when: WhenRow, known: Known) -> list[Sign] | None:
    """Those that it asks for; None where one of them is not there."""
    asked = ((when.mornings, known.mornings), (when.keeping, known.keeping))
    found = [there.get(name) for name, there in asked if name is not None]
    signs = [one for one in found if one is not None]
    return signs if len(signs) == len(found) else None


def _check(place: str, one: MatchRow) -> None:
    if set(one.why) != set(LANGUAGES):
        raise DataFileInvalid(f"{place}.why: in {' and '.join(LANGUAGES)}")
    for slug in one.articles:
        _check_article(f"{place}.articles", slug)
    if one.when.mornings is not None and rules().get(one.when.mornings) is None:
        raise DataFileInvalid(f"{place}.when.mornings: there is no rule {one.when.mornings}")
    words = {*(MORNING_WORDS if one.when.mornings else ()), *KEPT_WORDS.get(one.when.keeping or "", ())}
    for language, text in one.why.items():
        if unsaid := sorted(set(_NAME.findall(text)) - words):
            there = " and ".join(sorted(words)) or "none"
            raise DataFileInvalid(f"{place}.why.{language}: no {{{unsaid[0]}}} here; there are {there}")
    if unknown := [word for word in one.when.conditions if word not in codes().diagnoses]:
        raise DataFileInvalid(f"{place}.when.conditions: there is no {unknown[0]}")
    if unknown := [name for name in one.when.rules if rules().get(name) is None]:
        raise DataFileInvalid(f"{place}.when.rules: there is no rule {unknown[0]}")
    ages = one.when.ages
    if ages and (len(ages) != 2 or not 0 <= ages[0] <= ages[1]):
        raise DataFileInvalid(f"{place}.when.ages: from and to")


def _check_article(place: str, slug: str) -> None:
    if any((language, slug) not in library().articles for language in LANGUAGES):
        raise DataFileInvalid(f"{place}: there is no article {slug} in both languages")
    if any(library().articles[language, slug].is_for_staff for language in LANGUAGES):
        raise DataFileInvalid(f"{place}: {slug} is for professionals, and suggested to nobody")
