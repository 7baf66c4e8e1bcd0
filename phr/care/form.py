"""The forms of follow-up visits as data: items with their official names and codes, and values held against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from phr.care.files import at, convert, read_toml
from phr.errors import DataFileInvalid, InputInvalid

FORMS_FOLDER = Path(__file__).with_name("forms")
LONGEST_TEXT = 2_000


class _ItemRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    key: str
    zh: str
    en: str
    unit: str | None = None
    bounds: tuple[float, float] | None = None
    codes: dict[str, str] = {}
    many: bool = False
    of: str | None = None
    is_own: bool = False


class _FormRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    programme: str
    zh: str
    en: str
    source: str
    judged_by: str
    danger: tuple[str, ...]
    items: tuple[_ItemRow, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a form: a number with a unit, one or ``many`` of some codes, or words."""

    key: str
    zh: str
    en: str
    unit: str | None
    bounds: tuple[float, float] | None
    codes: Mapping[str, str]
    many: bool
    of: str | None  # what of the record fills it in; see phr.plans.preparing
    is_own: bool  # not on the paper form

    @property
    def kind(self) -> str:
        """What a value of it is: "codes", "number", "day" or "words"."""
        if self.codes:
            return "codes"
        if self.bounds is not None:
            return "number"
        return "day" if self.key.endswith("-on") else "words"

    def checked(self, value: Any) -> Any:
        """The value as it is kept. Raises InputInvalid with a pointer."""
        pointer = f"/items/{self.key}"
        if self.kind == "codes":
            return self._coded(value, pointer)
        if self.kind == "number":
            return self._number(value, pointer)
        if self.kind == "day":
            return _day(value, pointer)
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
            raise InputInvalid(f"words, at most {LONGEST_TEXT} characters", pointer)
        return value

    def said(self, value: Any) -> str:
        """The value as it is printed, codes with their words."""
        if value is None:
            return ""
        codes = value if isinstance(value, list) else [value]
        if self.codes:
            return "；".join(f"{one} {self.codes[one]}" for one in codes)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def _coded(self, value: Any, pointer: str) -> Any:
        given = value if self.many and isinstance(value, list) else [value]
        if not given or not all(isinstance(one, str) and one in self.codes for one in given):
            raise InputInvalid(f"of the codes {', '.join(self.codes)}", pointer)
        return sorted(set(given), key=int) if self.many else value

    def _number(self, value: Any, pointer: str) -> float:
        assert self.bounds is not None
        low, high = self.bounds
        if type(value) not in (int, float) or not low <= value <= high:
            raise InputInvalid(f"a number from {low:g} to {high:g} {self.unit or ''}".rstrip(), pointer)
        return float(value)


@dataclass(frozen=True, slots=True)
class Form:
    """``judged_by``: "pressure" or "glucose"; ``danger``: the signs that mean urgent referral, as one says them."""

    programme: str
    zh: str
    en: str
    source: str
    judged_by: str
    danger: tuple[str, ...]
    items: Mapping[str, Item]


@cache
def forms() -> Mapping[str, Form]:
    """By programme. Raises DataFileInvalid with file and line."""
    found = (_form(path) for path in sorted(FORMS_FOLDER.glob("*.toml")))
    return {one.programme: one for one in found}


def _form(path: Path) -> Form:
    text, table = read_toml(path)
    row = at(path, text, "programme", lambda: convert(table, _FormRow))
    items = {one.key: Item(**msgspec.structs.asdict(one)) for one in row.items}
    if len(items) < len(row.items) or row.judged_by not in ("pressure", "glucose"):
        raise DataFileInvalid(f"{path.name}: an item stands there twice, or judged_by is neither pressure nor glucose")
    return Form(row.programme, row.zh, row.en, row.source, row.judged_by, row.danger, items)


def _day(value: Any, pointer: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise InputInvalid("a day such as 2026-11-23", pointer) from error
