"""What a rule is: a comparison with a limit that has a source, whom it is for, and the words it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from phr.care.programme import Programme
from phr.care.source import Evidence, Source
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


class Altitude(StrEnum):
    """Where a limit is good: who is not known to live high counts as living low."""

    LOW = "low"
    ANY = "any"


class Audience(StrEnum):
    PERSON = "person"
    DOCTOR = "doctor"  # nothing of it is said to the person


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Statistic(StrEnum):
    """What a window of readings is boiled down to. Definitions in phr.care.statistic."""

    LAST = "last"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    COUNT = "count"
    SLOPE = "slope"
    VARIABILITY = "variability"
    TIME_IN_RANGE = "time-in-range"
    MISSING_FOR = "missing-for"


@dataclass(frozen=True, slots=True)
class Condition:
    component: str  # "" for plain numbers
    op: Comparison
    limit: float  # in the metric's canonical unit; in the statistic's own where that has one (%, days, readings)


@dataclass(frozen=True, slots=True)
class Window:
    """The readings of the last ``span_ms`` and the number they are boiled down to."""

    span_ms: int
    statistic: Statistic | None  # None: the predicate gives the number
    predicate: str | None  # a name in phr.care.predicates
    within: tuple[Condition, ...]  # of a time in range: the readings for which all of these hold
    readings: int  # fewer are not judged
    days: int  # UTC days with readings; fewer are not judged
    coverage: float  # the share of the window's hours that have readings; less is not judged


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom and what a rule is for; every rule says all of it. ``method`` is said to whoever reads the rule."""

    age_min: int
    age_max: int | None
    unknown_age: UnknownAge
    pregnancy: Pregnancy
    altitude: Altitude
    method: str
    audience: Audience
    sex: Sex | None = None  # a rule for one sex is silent where the sex is not known
    diagnosis: tuple[str, ...] = ()  # one of these must be known
    no_diagnosis: tuple[str, ...] = ()  # none of these may be known
    medication: tuple[str, ...] = ()
    no_medication: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """Readings on one side of a limit; the examples of a rule are its tests."""

    series: tuple[Mapping[str, float], ...]  # as a device sends them, by component; one where there is no window
    every_ms: int  # from one reading to the next
    ago_ms: int  # since the last
    unit: Unit | None
    flag: str | None
    context: Mapping[str, str] | None
    height_cm: float | None
    best: float | None
    raises: bool

    @property
    def values(self) -> Mapping[str, float]:
        """The last, or only, reading."""
        return self.series[-1] if self.series else {}


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
    window: Window | None = None  # None: it looks at each reading as it comes
    context: Mapping[str, tuple[str, ...]] | None = None  # of a reading: each must be there with one of these values
    not_context: Mapping[str, tuple[str, ...]] | None = None  # of a reading: none may be there with one of these
    yields_to: str | None = None  # silent about a reading of which this rule speaks

    @property
    def is_active(self) -> bool:
        """False: general knowledge that nobody has signed, which may say nothing (standards sheet, head)."""
        return self.source.evidence is Evidence.READ or bool(self.reviewed_by)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules. Those that speak to the person about one reading are found by the metric they look at."""

    by_metric: Mapping[str, tuple[Rule, ...]]
    others: tuple[Rule, ...] = ()  # over a window, for doctors, or inactive
    programmes: tuple[Programme, ...] = ()

    def concern(self, metric: str) -> bool:
        """True where at least one rule looks at this metric: others need no Observation made."""
        return metric in self.by_metric

    @property
    def all(self) -> tuple[Rule, ...]:
        return tuple(rule for rules in self.by_metric.values() for rule in rules) + self.others

    def get(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.all if rule.id == rule_id), None)
