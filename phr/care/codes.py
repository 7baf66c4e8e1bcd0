"""Which words of rules' scopes the codes of a record stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from phr.care.files import convert, read_toml

CODES_FILE = Path(__file__).with_name("codes.toml")


class _Spans(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    begins: tuple[str, ...]
    ends: tuple[str, ...]


class _Codes(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    diagnoses: dict[str, tuple[str, ...]]
    medications: dict[str, tuple[str, ...]]
    pregnancy: _Spans


@dataclass(frozen=True, slots=True)
class Codes:
    """Prefixes of codes, written without a dot, by the word that they stand for."""

    diagnoses: Mapping[str, tuple[str, ...]]
    medications: Mapping[str, tuple[str, ...]]
    begins_pregnancy: tuple[str, ...]
    ends_pregnancy: tuple[str, ...]

    def diagnoses_of(self, codes: Iterable[str]) -> frozenset[str]:
        """ICD-10 codes, with or without their dot."""
        return _words(self.diagnoses, codes)

    def medications_of(self, codes: Iterable[str]) -> frozenset[str]:
        """ATC codes."""
        return _words(self.medications, codes)


@cache
def codes() -> Codes:
    """The table of this project, read once a process. Raises DataFileInvalid."""
    row = convert(read_toml(CODES_FILE)[1], _Codes)
    return Codes(row.diagnoses, row.medications, row.pregnancy.begins, row.pregnancy.ends)


def stands_below(codes: Iterable[str], prefixes: tuple[str, ...]) -> bool:
    """True where one of the codes has one of the prefixes."""
    return any(code.replace(".", "").startswith(prefixes) for code in codes)


def _words(table: Mapping[str, tuple[str, ...]], codes: Iterable[str]) -> frozenset[str]:
    known = tuple(codes)
    return frozenset(word for word, prefixes in table.items() if stands_below(known, prefixes))
