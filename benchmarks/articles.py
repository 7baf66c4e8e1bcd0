"""Search in 2,000 articles: the sentences of those that ship, mixed anew, so that words are as common as they are."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator

from benchmarks import Figure, note
from phr.education import rendering
from phr.education.article import LANGUAGES
from phr.education.library import library
from phr.education.searching import Index

FIGURES = ("education_search_p50_ms", "education_search_p99_ms")

ARTICLES, SENTENCES, REPEATS = 2_000, 30, 20
SAID = {
    "zh": ("头晕", "血压高怎么办", "打鼾", "老人摔跤", "孩子打针发烧", "血糖低出冷汗", "不想吃药", "减肥"),
    "en": ("dizzy", "high blood pressure", "fall", "salt", "shaky and sweating", "lose weight", "stroke signs", "jab"),
}


def figures() -> Iterator[Figure]:
    taken: list[float] = []
    for language in LANGUAGES:
        index = Index(_texts(language))
        index.find(SAID[language][0])  # the dictionary comes with the first word
        for _ in range(REPEATS):
            for said in SAID[language]:
                began = time.perf_counter()
                index.find(said)
                taken.append((time.perf_counter() - began) * 1000)
    note(f"{len(taken)} searches over {ARTICLES} articles of {SENTENCES} sentences, Chinese and English")
    yield Figure("education_search_p50_ms", statistics.median(taken), "ms")
    yield Figure("education_search_p99_ms", sorted(taken)[int(len(taken) * 0.99)], "ms")


def _texts(language: str) -> dict[str, str]:
    chance = random.Random(1)
    mark = "。" if language == "zh" else "."
    bodies = [rendering.words(one.body) for (its, _), one in library().articles.items() if its == language]
    sentences = [line for body in bodies for line in body.replace("\n", mark).split(mark) if line.strip()]
    return {f"a{number}": mark.join(chance.choices(sentences, k=SENTENCES)) for number in range(ARTICLES)}
