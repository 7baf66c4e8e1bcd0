"""The words that an entry is found by, and those that a search asks for, in Chinese, English and codes.

A word is told apart by what it is: "word:头晕", "code:icd-10:E11.9", "code:E11". Stored are keyed tokens of them alone.
Chinese is cut by jieba's dictionary, in its search mode (each long word also gives the shorter ones in it) and again
without guessing new words, as a search is cut: so a search for part of a compound finds it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from phr.timeline.coding import SYSTEMS
from phr.timeline.kind import Content

LONGEST_WORD = 64
MOST_WORDS = 4_000  # of an entry; a document of a hundred pages has fewer that differ
MOST_SOUGHT = 12


@cache
def dictionary() -> Any:
    """Jieba, whose dictionary takes 32 MB and a fifth of a second: nothing of it is there before the first word."""
    import rjieba  # noqa: PLC0415

    return rjieba


def words_of(content: Content) -> list[str]:
    """Every word and code in it, wherever it stands, each once."""
    found: dict[str, None] = {}
    for word in _words(dict(content)):
        if len(found) == MOST_WORDS:
            break
        found[word] = None
    return list(found)


def sought(text: str) -> list[str]:
    """The words that all must be there; none for a text without any."""
    plain = _plain(text)
    return list(dict.fromkeys(_kept(dictionary().cut(plain, False))))[:MOST_SOUGHT]


def sought_code(code: str) -> str:
    """The word of "icd-10:E11.9" or, whatever its system, of "E11.9"; of "E11" also for all that stand below it."""
    system, _, rest = code.partition(":")
    return f"code:{system}:{rest}" if system in SYSTEMS and rest else f"code:{code}"


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _kept(dictionary().cut_for_search(_plain(value)))
        yield from _kept(dictionary().cut(_plain(value), False))
    elif isinstance(value, dict):
        if isinstance(value.get("system"), str) and isinstance(value.get("code"), str):
            for code in dict.fromkeys((value["code"], value["code"].partition(".")[0])):
                yield f"code:{code}"
                yield f"code:{value['system']}:{code}"
        for one in value.values():
            yield from _words(one)
    elif isinstance(value, list):
        for one in value:
            yield from _words(one)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _kept(cut: Iterable[str]) -> Iterator[str]:
    for word in cut:
        if any(sign.isalnum() for sign in word):
            yield f"word:{word[:LONGEST_WORD]}"
