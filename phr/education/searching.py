"""Finds articles by the words that people use: cut by jieba's dictionary, with synonyms, weighed by BM25. Pure.

Source of the weighing: Robertson and Zaragoza 2009, The Probabilistic Relevance Framework; k1 = 1.2, b = 0.75.
"""

from __future__ import annotations

import math
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

SYNONYMS = Path(__file__).with_name("synonyms.toml")
K1, B = 1.2, 0.75
OF_SYNONYM = 0.6  # what another word for the same counts
MOST_WORDS = 32


class Index:
    """Over the texts of one language, by their names."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        counts = {name: Counter(cut(text)) for name, text in texts.items()}
        self._lengths = {name: sum(count.values()) for name, count in counts.items()}
        self._mean = sum(self._lengths.values()) / max(1, len(self._lengths))
        self._where: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for name, count in counts.items():
            for word, times in count.items():
                self._where[word][name] = times

    def find(self, text: str, most: int = 50) -> list[str]:
        """Names, the best first; none for a text without a word that is known."""
        scores: defaultdict[str, float] = defaultdict(float)
        said = list(dict.fromkeys(cut(text)))[:MOST_WORDS]
        for word, weight in _with_synonyms(said, {one for one in said if one in self._where}):
            there = self._where.get(word)
            if not there:
                continue
            rarity = math.log(1 + (len(self._lengths) - len(there) + 0.5) / (len(there) + 0.5))
            for name, times in there.items():
                norm = K1 * (1 - B + B * self._lengths[name] / self._mean)
                scores[name] += weight * rarity * times * (K1 + 1) / (times + norm)
        return sorted(scores, key=lambda name: (-scores[name], name))[:most]


def cut(text: str) -> Iterator[str]:
    """Words that mean something: of Chinese two signs and more, and single ones that stand alone."""
    for word in _dictionary().cut_for_search(unicodedata.normalize("NFKC", text).casefold()):
        if any(sign.isalnum() for sign in word) and word not in _stop():
            yield word


def _with_synonyms(words: list[str], known: set[str]) -> list[tuple[str, float]]:
    """``known``: those that stand in articles; what another word means counts whole where it stands in none itself."""
    found = dict.fromkeys(words, 1.0)
    joined = " ".join(words)
    for said, meant in _synonyms().items():
        if said in words or (" " in said and said in joined):
            for word in meant:
                found.setdefault(word, OF_SYNONYM if said in known else 1.0)
    return list(found.items())


@cache
def _synonyms() -> dict[str, list[str]]:
    """What people say -> the words of articles, cut."""
    said: dict[str, list[str]] = tomllib.loads(SYNONYMS.read_text(encoding="utf-8"))["say"]
    return {key: [word for one in meant for word in cut(one)] for key, meant in said.items()}


@cache
def _stop() -> frozenset[str]:
    return frozenset(tomllib.loads(SYNONYMS.read_text(encoding="utf-8"))["stop"]["words"])


@cache
def _dictionary() -> Any:
    import rjieba  # noqa: PLC0415 - 32 MB, with the first word

    return rjieba
