"""A file of rules as it is written: an unknown or a missing field is an error."""

from __future__ import annotations

import msgspec

from phr.care.rule import Altitude, Audience, Comparison, Pregnancy, Sex, Statistic, UnknownAge
from phr.care.source import Evidence


class Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What all of them share."""


class ConditionRow(Row, frozen=True, kw_only=True):
    op: Comparison
    limit: float
    component: str = ""


class EnoughRow(Row, frozen=True, kw_only=True):
    readings: int = 1
    days: int = 1
    coverage: float = 0.0


class WindowRow(Row, frozen=True, kw_only=True):
    span: str
    statistic: Statistic | None = None
    predicate: str | None = None
    within: tuple[ConditionRow, ...] = ()
    enough: EnoughRow = EnoughRow()


class ScopeRow(Row, frozen=True, kw_only=True):
    age_min: int
    unknown_age: UnknownAge
    pregnancy: Pregnancy
    altitude: Altitude
    method: str
    audience: Audience
    age_max: int | None = None
    sex: Sex | None = None
    diagnosis: tuple[str, ...] = ()
    no_diagnosis: tuple[str, ...] = ()
    medication: tuple[str, ...] = ()
    no_medication: tuple[str, ...] = ()


class DocumentRow(Row, frozen=True, kw_only=True):
    """A guideline, named once in sources.toml."""

    title_zh: str
    title_en: str
    year: int
    valid_from: str
    superseded_by: str


class SourceRow(Row, frozen=True, kw_only=True):
    id: str
    section: str
    evidence: Evidence
    note: str


class WordsRow(Row, frozen=True, kw_only=True):
    zh: str
    en: str


class MixedRow(Row, frozen=True, kw_only=True):
    value: float | dict[str, float]
    times: int


class ExampleRow(Row, frozen=True, kw_only=True):
    raises: bool
    value: float | dict[str, float] | None = None
    series: tuple[float | dict[str, float], ...] = ()
    repeat: int = 1
    mixed: tuple[MixedRow, ...] = ()
    every: str = "P1D"
    ago: str = "PT0M"
    unit: str | None = None
    flag: str | None = None
    context: dict[str, str] | None = None
    height_cm: float | None = None
    best: float | None = None


class RuleRow(Row, frozen=True, kw_only=True):
    version: int
    metric: str
    severity: int
    any_of: tuple[ConditionRow, ...]
    max_age: str
    reviewed_by: str
    scope: ScopeRow
    source: SourceRow
    message: WordsRow
    examples: tuple[ExampleRow, ...]
    unit: str | None = None
    window: WindowRow | None = None
    context: dict[str, tuple[str, ...]] | None = None
    not_context: dict[str, tuple[str, ...]] | None = None
    yields_to: str | None = None


class ScheduledRow(Row, frozen=True, kw_only=True):
    what: str
    times: int
    per: str
    zh: str
    en: str
    source: SourceRow


class LessonRow(Row, frozen=True, kw_only=True):
    id: str
    zh: str
    en: str
    source: SourceRow
    reviewed_by: str


class ProgrammeRow(Row, frozen=True, kw_only=True):
    zh: str
    en: str
    diagnosis: str
    has_limits: bool
    schedule: tuple[ScheduledRow, ...]
    education: tuple[LessonRow, ...]
