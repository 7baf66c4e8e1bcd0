"""All articles: what is sound is served, what is not is named and costs the others nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from phr.education import rendering
from phr.education.article import LANGUAGES, Article, read
from phr.education.readability import measure
from phr.education.searching import Index
from phr.errors import DataFileInvalid, NotFound
from phr.vocabulary.metrics import vocabulary

FOLDER = Path(__file__).with_name("articles")


@dataclass(frozen=True, slots=True)
class Library:
    """By language and slug; ``faults``: the files that are not served, and why."""

    articles: dict[tuple[str, str], Article]
    faults: tuple[str, ...]
    indexes: dict[str, Index]

    def find(self, language: str, slug: str, today: date) -> Article:
        """Raises NotFound, also for one whose time is over."""
        found = self.articles.get((language, slug))
        if found is None or found.is_expired(today):
            raise NotFound("no such article, or it is out of date")
        return found

    def listed(self, language: str, today: date) -> list[Article]:
        return [one for (its, _), one in self.articles.items() if its == language and not one.is_expired(today)]

    def searched(self, language: str, text: str, today: date) -> list[Article]:
        """What the words fit best, first."""
        found = (self.articles[language, slug] for slug in self.indexes[language].find(text))
        return [one for one in found if not one.is_expired(today)]


@cache
def library() -> Library:
    return load(FOLDER)


def load(folder: Path) -> Library:
    articles: dict[tuple[str, str], Article] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*/*.md")):
        try:
            one = read(path)
            _check(one, path)
        except DataFileInvalid as error:
            faults.append(error.detail)
        else:
            articles[one.language, one.slug] = one
    indexes = {language: Index(_texts(articles.values(), language)) for language in LANGUAGES}
    return Library(articles, tuple(faults), indexes)


def remarks(of: Library, today: date) -> list[str]:
    """What an editor should look at: no translation, one that is older than the other, too hard, expired."""
    found = list(of.faults)
    for (language, slug), one in sorted(of.articles.items()):
        other = of.articles.get(("en" if language == "zh" else "zh", slug))
        name = f"{language}/{slug}.md"
        if other is None:
            found.append(f"{name}: has no translation")
        elif other.written_on > one.written_on:
            found.append(f"{name}: is older than its translation")
        hard = measure(rendering.words(one.body), language)
        if not hard.is_plain:
            found.append(f"{name}: is hard to read ({hard})")
        if one.is_expired(today):
            found.append(f"{name}: expired on {one.expires_on}")
    return found


def _texts(articles: Iterable[Article], language: str) -> dict[str, str]:
    """A title says what it is about: it counts five times, the summary twice."""
    return {
        one.slug: "\n".join((*[one.title] * 5, *[one.summary] * 2, rendering.words(one.body)))
        for one in articles
        if one.language == language
    }


def _check(one: Article, path: Path) -> None:
    name = f"{path.parent.name}/{path.name}: "
    try:
        rendering.check(one.body)
    except DataFileInvalid as error:
        raise DataFileInvalid(name + error.detail) from error
    if unknown := set(one.metrics) - vocabulary().metrics.keys():
        raise DataFileInvalid(f"{name}metrics: there is no {sorted(unknown)[0]}")
