"""Categories of sources and the order in which they are believed, from sources.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from phr.errors import DataFileInvalid
from phr.vocabulary.metrics import vocabulary

DATA_FILE = Path(__file__).with_name("sources.toml")
DEFAULT = "default"


class Category(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    zh: str
    en: str


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    categories: dict[str, Category]
    orders: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Categories:
    by_slug: Mapping[str, Category]
    orders: Mapping[str, tuple[str, ...]]  # by metric, and "default"

    def order(self, metric: str) -> tuple[str, ...]:
        """The categories from the first to be believed to the last; those it leaves out come after all of them."""
        return self.orders.get(metric, self.orders[DEFAULT])


@cache
def categories() -> Categories:
    """The installation's categories, read once."""
    return load(DATA_FILE)


def load(source: Path) -> Categories:
    """The categories in a file. Raises DataFileInvalid that names the file and what is wrong."""
    try:
        found = msgspec.convert(tomllib.loads(source.read_text(encoding="utf-8")), _File)
    except (OSError, ValueError) as error:
        raise DataFileInvalid(f"{source.name}: {error}") from error
    if DEFAULT not in found.orders:
        raise DataFileInvalid(f"{source.name}: orders.{DEFAULT} is missing")
    for name, order in found.orders.items():
        if name != DEFAULT and name not in vocabulary().metrics:
            raise DataFileInvalid(f"{source.name}: orders.{name} is of no metric")
        if unknown := [one for one in order if one not in found.categories]:
            raise DataFileInvalid(f"{source.name}: orders.{name} names {unknown[0]!r}, which is no category")
        if len(set(order)) < len(order):
            raise DataFileInvalid(f"{source.name}: orders.{name} names a category twice")
    return Categories(found.categories, found.orders)
