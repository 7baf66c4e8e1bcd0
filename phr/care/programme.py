"""What a programme is: what to measure and when, what to know, and whether it has limits at all."""

from __future__ import annotations

from dataclasses import dataclass

from phr.care.source import Source

# What a schedule may ask for that is no metric.
VISITS = ("visit", "check-up")
WITHOUT_LIMITS_ZH = "本方案没有来源可靠的界限值，只包含监测安排和健康知识，不会自动提醒数值异常。"
WITHOUT_LIMITS_EN = (
    "This programme has no limits from a source: it is a schedule and things to know, and says nothing about values."
)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """So many times in a period: a metric to measure, or a visit."""

    what: str
    times: int
    per_ms: int
    zh: str
    en: str
    source: Source


@dataclass(frozen=True, slots=True)
class Lesson:
    id: str
    zh: str
    en: str
    source: Source
    reviewed_by: str  # empty until a clinician of the installation signs


@dataclass(frozen=True, slots=True)
class Programme:
    id: str
    zh: str
    en: str
    diagnosis: str  # the word that scopes use
    rules: tuple[str, ...]
    has_limits: bool  # False: no rule of it is from a source
    schedule: tuple[Scheduled, ...]
    education: tuple[Lesson, ...]

    @property
    def said_of_limits(self) -> tuple[str, str]:
        """In Chinese and English; empty where it has limits."""
        return ("", "") if self.has_limits else (WITHOUT_LIMITS_ZH, WITHOUT_LIMITS_EN)
