"""The programme that a file of rules may be of, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from phr.care.files import convert, duration_ms, source_of
from phr.care.programme import VISITS, Lesson, Programme, Scheduled
from phr.care.rows import DocumentRow, ProgrammeRow
from phr.care.rule import Rule
from phr.care.source import Evidence
from phr.errors import DataFileInvalid
from phr.vocabulary.metrics import Vocabulary


def programme_of(
    key: str, table: Any, loaded: Sequence[Rule], words: Vocabulary, documents: Mapping[str, DocumentRow]
) -> Programme:
    """The table [programme] of the file named ``key`` with these rules. Raises DataFileInvalid."""
    row = convert(table, ProgrammeRow)
    if row.has_limits != any(rule.source.evidence is Evidence.READ for rule in loaded):
        raise DataFileInvalid("has_limits: is true where a rule of the file was read in a source, and only there")
    for number, one in enumerate(row.schedule):
        metric = words.get(one.what)
        if one.times < 1 or not (one.what in VISITS or (metric is not None and metric.is_reading)):
            raise DataFileInvalid(f"schedule[{number}]: {one.what} is neither measured nor one of {VISITS}, or never")
    if not row.schedule or not row.education:
        raise DataFileInvalid("schedule, education: a programme has both")
    return Programme(
        id=key,
        zh=row.zh,
        en=row.en,
        diagnosis=row.diagnosis,
        rules=tuple(rule.id for rule in loaded),
        has_limits=row.has_limits,
        schedule=tuple(
            Scheduled(
                one.what,
                one.times,
                duration_ms("schedule.per", one.per),
                one.zh,
                one.en,
                source_of(one.source, documents),
            )
            for one in row.schedule
        ),
        education=tuple(
            Lesson(one.id, one.zh, one.en, source_of(one.source, documents), one.reviewed_by) for one in row.education
        ),
    )
