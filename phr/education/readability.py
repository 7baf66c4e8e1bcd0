"""How hard a text is to read. Pure.

English: the Flesch-Kincaid grade (Kincaid and others 1975, Research Branch Report 8-75), syllables by the hyphenation
patterns of pyphen. Chinese has no grade that is agreed on: the mean length of sentences, and the share of long ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pyphen

# Our own choice for lay readers of seventy; no norm that we know names limits for health texts in Chinese.
GREATEST_GRADE, GREATEST_MEAN, LONG, GREATEST_SHARE = 8.0, 28.0, 45, 0.15
_END_ZH, _END_EN = re.compile(r"[。！？；\n]+"), re.compile(r"[.!?;:\n]+\s*")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_SIGN = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Measure:
    """``grade``: of English, years of school; ``mean``: signs a Chinese sentence; ``long_share``: over ``LONG``."""

    grade: float | None = None
    mean: float | None = None
    long_share: float | None = None

    @property
    def is_plain(self) -> bool:
        if self.grade is not None:
            return self.grade <= GREATEST_GRADE
        return (self.mean or 0) <= GREATEST_MEAN and (self.long_share or 0) <= GREATEST_SHARE

    @property
    def words(self) -> tuple[str, str]:
        """In Chinese and English."""
        if self.grade is not None:
            return f"英文阅读年级 {self.grade}", f"grade {self.grade}"
        share = f"{self.long_share or 0:.0%}"
        return f"平均每句 {self.mean} 字，长句占 {share}", f"{self.mean} signs a sentence, {share} of them long"


def measure(text: str, language: str) -> Measure:
    return _english(text) if language == "en" else _chinese(text)


def _english(text: str) -> Measure:
    sentences = [one for one in _END_EN.split(text) if _WORD.search(one)]
    words = _WORD.findall(text)
    if not words:
        return Measure(grade=0.0)
    syllables = sum(max(1, _hyphens().inserted(word.lower()).count("-") + 1) for word in words)
    grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
    return Measure(grade=round(grade, 1))


def _chinese(text: str) -> Measure:
    lengths = [len(_SIGN.findall(one)) for one in _END_ZH.split(text) if _SIGN.search(one)]
    if not lengths:
        return Measure(mean=0.0, long_share=0.0)
    long_share = sum(length > LONG for length in lengths) / len(lengths)
    return Measure(mean=round(sum(lengths) / len(lengths), 1), long_share=round(long_share, 2))


@cache
def _hyphens() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="en_US")
