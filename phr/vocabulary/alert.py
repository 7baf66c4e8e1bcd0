"""What an alert is: a rule has found something in one reading that somebody should know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule and one reading. Kept by phr.notices, made by phr.care, which do not know each other."""

    key: str  # the same for the same rule, person and reading, however often it is evaluated
    rule: str
    rule_version: int
    person: str
    severity: int  # 1 information, 2 within 72 hours, 3 the same day, 4 call 120
    metric: str
    device: str
    t_ms: int  # when it was measured
    seq: int
    values: Mapping[str, int | float]  # as sent, by component; "" for plain numbers
    unit: str | None  # UCUM code of the unit as sent
    message_zh: str
    message_en: str
    source: str
    reviewed: bool  # False: no clinician has signed the rule, and whoever shows the alert says so
    raised_at_ms: int
    categories: tuple[str, ...] = ("readings",)  # of all that it was made of; one may see it who may see all of them
    targets: Mapping[str, float] = field(default_factory=dict)  # a doctor's own limits that counted, by component
    is_late: bool = False  # it wakes nobody, and stands open for who looks
