"""Where a number or a sentence comes from, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Evidence(StrEnum):
    READ = "read"  # in a source, which may be a copy: its note says so
    UNVERIFIED = "unverified"  # general knowledge: silent until a clinician signs, and marked wherever it shows


@dataclass(frozen=True, slots=True)
class Source:
    id: str
    title_zh: str
    title_en: str
    year: int
    section: str
    evidence: Evidence
    note: str  # how the sheet of facts came to it
    valid_from: str
    superseded_by: str

    @property
    def citation(self) -> str:
        mark = " · unverified" if self.evidence is Evidence.UNVERIFIED else ""
        return f"{self.id} {self.year} · {self.section}{mark}"
