"""What makes a resident need attention, in which order, in words. Pure; the table is needs.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from marshmallow import Schema, ValidationError, fields, validate

from phr.errors import DataFileInvalid
from phr.vocabulary.sight import is_within

FILE = Path(__file__).with_name("needs.toml")
Group = Literal["alert", "task", "uncontrolled", "overdue", "due", "not-adherent", "silent"]
GROUPS: tuple[Group, ...] = get_args(Group)

Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    weight: int
    group: Group
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Need:
    """``words``: what stands in the sentence, by its name; Chinese and English where they differ.

    ``categories``: one may be told of it who may see all of them.
    """

    code: str
    categories: tuple[str, ...]
    words: Mapping[str, tuple[str, str]]

    @property
    def kind(self) -> Kind:
        return kinds()[self.code]

    @property
    def zh(self) -> str:
        return self.kind.zh.format(**{name: one[0] for name, one in self.words.items()})

    @property
    def en(self) -> str:
        return self.kind.en.format(**{name: one[1] for name, one in self.words.items()})


class _Kind(Schema):
    weight = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000))
    group = fields.String(required=True, validate=validate.OneOf(GROUPS))
    zh = fields.String(required=True, validate=validate.Length(1, 100))
    en = fields.String(required=True, validate=validate.Length(1, 100))


class _File(Schema):
    needs = fields.Dict(fields.String(), fields.Nested(_Kind), required=True)


@cache
def kinds() -> dict[str, Kind]:
    return parsed(FILE.read_text(encoding="utf-8"))


def parsed(text: str) -> dict[str, Kind]:
    """Raises DataFileInvalid with the field at fault: an order in which two things stand at one place is none."""
    try:
        said = _File().load(tomllib.loads(text))["needs"]
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise DataFileInvalid(f"{FILE.name}: {error}") from error
    found = {name: Kind(**one) for name, one in said.items()}
    if len({one.weight for one in found.values()}) != len(found):
        raise DataFileInvalid(f"{FILE.name}: weight: two needs of the same weight")
    return found


def seen(needs: Iterable[Need], categories: Mapping[str, Any]) -> list[Need]:
    """Those that may be told of to who may see these categories, the weightiest first."""
    told = [one for one in needs if is_within(one.categories, categories)]
    return sorted(told, key=lambda one: (-one.kind.weight, one.code, sorted(one.words.items())))


def order(needs: Iterable[Need]) -> Order:
    """What residents are sorted by, the least first: by the weightiest of what may be told, then by the next one.

    It ends in a zero, so that one reason more stands before none.
    """
    return (*sorted(-one.kind.weight for one in needs), 0)
