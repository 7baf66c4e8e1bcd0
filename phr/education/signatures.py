"""Which articles a clinician of this installation has signed: collection ``article_signatures`` (phr.people.signing).

An article is signed in each language by itself, word for word. What it goes through: published as it ships, "not
reviewed by a clinician"; reviewed, with a name and a day, once it is signed; expired on its day, whoever has signed it.
"""

from __future__ import annotations

from collections.abc import Iterable

from phr.database import Database
from phr.education.article import Article
from phr.people.signing import Book, Signature, Text

_BOOK = Book("article_signatures", "article")


def sign(database: Database, one: Article, who: tuple[str, str], now_ms: int) -> Signature:
    """By ``who``, name and id, on the article as it is; a signature that is there stays."""
    return _BOOK.sign(database, _text(one), who, now_ms)


def take_back(database: Database, one: Article) -> None:
    """The article as it is counts as unsigned again. Safe to repeat."""
    _BOOK.take_back(database, _text(one))


def of(database: Database, articles: Iterable[Article]) -> dict[str, Signature]:
    """Those that hold for the articles as they are, by ``language/slug``."""
    return _BOOK.of_all(database, {one.name: _text(one) for one in articles})


def _text(one: Article) -> Text:
    return Text(one.name, one.version)
