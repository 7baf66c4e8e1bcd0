"""Scopes: what a token can allow, as data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from phr.errors import DataFileInvalid, InputInvalid

OF_PEOPLE = frozenset({"person", "login", "organisation", "installation"})
OF_MACHINES = frozenset({"vendor", "server"})
OF = (*sorted(OF_PEOPLE), *sorted(OF_MACHINES))
OFFLINE = "offline_access"  # a client may go on without the person: it gets refresh tokens
FILE = Path(__file__).with_name("scopes.toml")


@dataclass(frozen=True, slots=True)
class Scope:
    name: str
    of: str  # one of OF
    verb: str  # "read" | "write"
    categories: tuple[str, ...]
    zh: str
    en: str


@cache
def scopes() -> dict[str, Scope]:
    """Every scope by its name."""
    return load(FILE)


def load(path: Path) -> dict[str, Scope]:
    """The scopes of a file. Raises DataFileInvalid naming the scope and the field."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["scopes"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise DataFileInvalid(f"{path.name}: {error}") from error
    return {name: _scope(f"{path.name}: {name}", name, table) for name, table in tables.items()}


def people_scopes() -> tuple[str, ...]:
    """The names of all scopes on a person's record."""
    return tuple(sorted(name for name, scope in scopes().items() if scope.of == "person"))


@cache
def by_category(verb: str) -> dict[str, tuple[str, ...]]:
    """The scopes that open entries and the timeline, with their categories: one a category, and timeline.read."""
    everything = {f"timeline.{verb}", *(f"{category}.{verb}" for category in scopes()["timeline.read"].categories)}
    return {name: scopes()[name].categories for name in sorted(everything & scopes().keys())}


def check(names: Iterable[str]) -> str:
    """The names as a scope parameter, in order. Raises InputInvalid for one that does not exist."""
    wanted = sorted(set(names))
    for name in wanted:
        if name not in scopes():
            raise InputInvalid(f"{name} is not a scope; there are {', '.join(sorted(scopes()))}", "/scope")
    return " ".join(wanted)


def _scope(place: str, name: str, table: dict[str, Any]) -> Scope:
    expected = {spec.name for spec in fields(Scope)} - {"name"}
    if odd := sorted(expected ^ set(table)):
        raise DataFileInvalid(f"{place}: {odd[0]} is missing or unknown")
    if table["of"] not in OF or table["verb"] not in ("read", "write"):
        raise DataFileInvalid(f'{place}: of is one of {", ".join(OF)}, verb is "read" or "write"')
    if bool(table["categories"]) != (table["of"] == "person"):
        raise DataFileInvalid(f"{place}: categories are for scopes of a person, and each of these has some")
    return Scope(name=name, **(table | {"categories": tuple(table["categories"])}))
