"""Export formats, one file each: a record in, bytes out, as they come.

A module here is a format when it has
    NAME: str              what the command and the API call it
    MEDIA_TYPE: str
    SUFFIX: str            how its files are named
    write(asked: Asked) -> Iterator[bytes]
``write`` streams: what is in memory does not grow with the record. It tells how far it is by ``asked.count`` and raises
what it has to refuse before the first bytes. Formats are found by looking into this folder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from phr.database import Database
from phr.errors import InputInvalid

Language = Literal["zh", "en"]


@dataclass(slots=True)
class Told:
    """How far an export is: what of each is written."""

    readings: int = 0
    entries: int = 0
    documents: int = 0


@dataclass(slots=True)
class Asked:
    """Whose record, as of when. ``metric``: that one alone; ``language``: of what is for people to read."""

    database: Database
    person: str
    now_ms: int
    metric: str | None = None
    language: Language = "zh"
    tell: Callable[[Told], None] = lambda _: None
    told: Told = field(default_factory=Told)

    def count(self, readings: int = 0, entries: int = 0, documents: int = 0) -> None:
        """More is written."""
        told = self.told
        self.told = Told(told.readings + readings, told.entries + entries, told.documents + documents)
        self.tell(self.told)


@dataclass(frozen=True, slots=True)
class ExportFormat:
    name: str
    media_type: str
    suffix: str
    write: Callable[[Asked], Iterator[bytes]]


@cache
def all_formats() -> dict[str, ExportFormat]:
    """Every format in this folder by its name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "MEDIA_TYPE"):
            found[module.NAME] = ExportFormat(module.NAME, module.MEDIA_TYPE, module.SUFFIX, module.write)
    return dict(sorted(found.items()))


def find_format(name: str) -> ExportFormat:
    """Raises InputInvalid that lists what there is."""
    found = all_formats().get(name)
    if found is None:
        raise InputInvalid(f"no format {name[:64]!r}; there are {', '.join(all_formats())}", "/format")
    return found
