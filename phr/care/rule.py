"""What a rule is: a comparison with a limit that has a source, whom it is for, and the words it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from phr.vocabulary.metric import Metric, Unit


class Comparison(StrEnum):
    AT_LEAST = ">="
    ABOVE = ">"
    AT_MOST = "<="
    BELOW = "<"


class UnknownAge(StrEnum):
    """Whether a rule with an age range speaks to a person whose birth date nobody has entered."""

    APPLIES = "applies"
    EXCLUDED = "excluded"


class Pregnancy(StrEnum):
    """For whom a rule is: a pregnancy that nobody has entered counts as none."""

    NOT_PREGNANT = "not-pregnant"
    PREGNANT = "pregnant"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Condition:
    component: str  # "" for plain numbers
    op: Comparison
    limit: float  # in the metric's canonical unit


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom and what a rule is for. Evaluation asks age and pregnancy; the rest is said to whoever reads the rule."""

    age_min: int
    age_max: int | None
    unknown_age: UnknownAge
    pregnancy: Pregnancy
    altitude: str
    method: str
    audience: str


@dataclass(frozen=True, slots=True)
class Source:
    id: str
    title_zh: str
    title_en: str
    year: int
    section: str
    confidence: str  # S: read in a source; G: general knowledge, not verified
    confidence_note: str
    valid_from: str
    superseded_by: str

    @property
    def citation(self) -> str:
        return f"{self.id} {self.year} · {self.section}"


@dataclass(frozen=True, slots=True)
class Example:
    """A reading on one side of a limit; the examples of a rule are its tests."""

    values: Mapping[str, float]  # as a device sends them, by component
    unit: Unit | None
    flag: str | None
    raises: bool


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    version: int
    metric: Metric
    severity: int
    any_of: tuple[Condition, ...]  # one that holds is enough
    max_age_ms: int  # the greatest age of a reading that may still wake somebody
    scope: Scope
    source: Source
    reviewed_by: str  # empty until a clinician of the installation signs
    message_zh: str
    message_en: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, found by the metric they look at."""

    by_metric: Mapping[str, tuple[Rule, ...]]

    def concern(self, metric: str) -> bool:
        """True where at least one rule looks at this metric: others need no Observation made."""
        return metric in self.by_metric

    @property
    def all(self) -> tuple[Rule, ...]:
        return tuple(rule for rules in self.by_metric.values() for rule in rules)
