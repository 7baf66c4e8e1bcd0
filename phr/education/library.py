"""All articles: what is sound is served, what is not is named and costs the others nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from phr.education import images, rendering
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

    def find(self, language: str, slug: str, today: date, *, is_staff: bool = False) -> Article:
        """Raises NotFound, also for one whose time is over, and for one of professionals unless ``is_staff`` asks."""
        found = self.articles.get((language, slug))
        if found is None or found.is_expired(today) or (found.is_for_staff and not is_staff):
            raise NotFound("no such article, or it is out of date")
        return found

    def listed(self, language: str, today: date, *, for_staff: bool = False) -> list[Article]:
        """Those of professionals, or those of everybody else."""
        of_language = (one for (its, _), one in self.articles.items() if its == language)
        return [one for one in of_language if one.is_for_staff == for_staff and not one.is_expired(today)]

    def searched(self, language: str, text: str, today: date) -> list[Article]:
        """What the words fit best, first; nothing that is for professionals."""
        found = (self.articles[language, slug] for slug in self.indexes[language].find(text))
        return [one for one in found if not one.is_for_staff and not one.is_expired(today)]


@cache
def library() -> Library:
    return load(FOLDER)


def load(folder: Path, others: Collection[str] = ()) -> Library:
    """``others``: the names of images that there are besides those in the folder's ``images``."""
    articles: dict[tuple[str, str], Article] = {}
    pictures = images.load(folder / "images")
    faults = list(pictures.faults)
    for path in sorted(folder.glob("*/*.md")):
        try:
            one = read(path)
            _check(one, path, {*pictures.by_name, *others})
        except DataFileInvalid as error:
            faults.append(error.detail)
        else:
            articles[one.language, one.slug] = one
    return of_articles(articles.values(), tuple(faults))


def of_articles(articles: Iterable[Article], faults: tuple[str, ...] = ()) -> Library:
    """These, searchable."""
    by_name = {(one.language, one.slug): one for one in articles}
    indexes = {language: Index(_texts(by_name.values(), language)) for language in LANGUAGES}
    return Library(by_name, faults, indexes)


def joined(behind: Library, in_front: Iterable[Article]) -> Library:
    """What is in front instead of what has the same name."""
    of_front = {(one.language, one.slug): one for one in in_front}
    return of_articles((behind.articles | of_front).values(), behind.faults)


@dataclass(frozen=True, slots=True)
class Remark:
    """Of an article by its name ("zh/less-salt"), in both languages."""

    article: str
    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.article}.md: {self.en}"


def remarks(of: Library, today: date) -> list[Remark]:
    """What an editor should look at: no translation, one that is older than the other, too hard, expired."""
    found = []
    for (language, slug), one in sorted(of.articles.items()):
        other = of.articles.get(("en" if language == "zh" else "zh", slug))
        if other is None:
            found.append(Remark(one.name, "没有译文", "has no translation"))
        elif other.written_on > one.written_on:
            found.append(Remark(one.name, "比译文旧", "is older than its translation"))
        hard = measure(rendering.words(one.body), language)
        if not hard.is_plain:
            zh, en = hard.words
            found.append(Remark(one.name, f"不好读（{zh}）", f"is hard to read ({en})"))
        if one.is_expired(today):
            found.append(Remark(one.name, f"已于 {one.expires_on} 过期", f"expired on {one.expires_on}"))
    return found


def _texts(articles: Iterable[Article], language: str) -> dict[str, str]:
    """A title says what it is about: it counts five times, the summary twice."""
    return {
        one.slug: "\n".join((*[one.title] * 5, *[one.summary] * 2, rendering.words(one.body)))
        for one in articles
        if one.language == language
    }


def _check(one: Article, path: Path, pictures: Collection[str]) -> None:
    name = f"{path.parent.name}/{path.name}: "
    try:
        rendering.check(one.body)
    except DataFileInvalid as error:
        raise DataFileInvalid(name + error.detail) from error
    if missing := sorted(rendering.images(one.body) - set(pictures)):
        raise DataFileInvalid(f"{name}there is no image images/{missing[0]}, or it is refused")
    if unknown := set(one.metrics) - vocabulary().metrics.keys():
        raise DataFileInvalid(f"{name}metrics: there is no {sorted(unknown)[0]}")
