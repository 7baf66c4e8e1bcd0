"""What rules look at: stored readings, and what is known of the person they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from phr.vocabulary.metric import Metric, Unit

PREGNANCY = "pregnancy"  # its word among the categories


@dataclass(frozen=True, slots=True)
class Observation:
    """One stored reading, as rules see it."""

    person: str
    metric: Metric
    device: str
    seq: int
    t_ms: int
    values: Mapping[str, int]  # stored integers by component; "" for plain numbers
    unit: Unit | None  # as sent; None: canonical
    flag: str | None = None  # "below-range" | "above-range"
    quality: str | None = None  # "suspect"
    context: Mapping[str, Any] | None = None  # as it came with the reading


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What a rule's scope asks about a person; None is not known, and an empty set is known to be empty."""

    birth_on: date | None = None
    is_pregnant: bool | None = None
    sex: str | None = None  # "female" | "male"
    diagnoses: frozenset[str] | None = None
    medications: frozenset[str] | None = None
    lives_high: bool | None = None  # at an altitude that low-altitude limits are not made for
    height_cm: float | None = None
    best: Mapping[str, float] = field(default_factory=dict)  # personal best by metric, in its canonical unit
    # Limits that a doctor has set, by rule and component, as the rule's own stand in it.
    targets: Mapping[tuple[str, str], float] = field(default_factory=dict)
    programmes: frozenset[str] = frozenset()  # that the person is enrolled in
    # What one must be allowed to see to be told what hangs on a diagnosis or a medication (or PREGNANCY), by its word.
    categories: Mapping[str, frozenset[str]] = field(default_factory=dict)
