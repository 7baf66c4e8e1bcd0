"""Import formats, one file each: an open file in, batches of readings out. Pure: no database, no clock.

A module here is a format when it has
    NAME: str                                      what `--format` and the API call it
    SUFFIXES: tuple[str, ...]                      how its files are usually named, to guess the format by
    read(file: BinaryIO, wish: Wish) -> Iterator[Batch]
and, where it asks something of the wish, or of who imports,
    check(wish: Wish) -> Any                       raises InputInvalid
    FOR_OPERATORS = True                           it says who wrote what, and is taken at its word
``read`` streams: it holds no more than a batch in memory, whatever the file says of itself. It gives the same batches
for the same file each time, since an import that was interrupted goes on by counting them. Raises FileBroken.
Formats are found by looking into this folder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cache
from typing import Any, BinaryIO, ClassVar

from phr.errors import InputInvalid, PhrError
from phr.vocabulary.reading import Decoded


class FileBroken(PhrError):
    """The file is not what it claims to be, ends too early, or was made to do harm. ``detail`` says where."""

    code: ClassVar[str] = "file-broken"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person who imports says beside the file.

    ``zone``: of local times that name none. ``mapping``: of a format that needs one. ``salt``: keeps two people's
    sources apart in the names that are made of what a file calls them.
    """

    zone: tzinfo | None = None
    mapping: dict[str, Any] | None = None
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that an entry carries, whole, and what it is called ("" where nobody says)."""

    content: bytes
    name: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What becomes an entry of the timeline. ``content`` as the kind's schema in phr.timeline.kinds has it.

    ``begin``, ``end``: RFC 3339 with an offset, or as well as it is known ("1987", "2003-05"). ``key``: what the source
    calls it, the same in every export of the same system. ``path``: where in the file it stands.
    """

    kind: str
    content: dict[str, Any]
    begin: str
    key: str
    path: str
    end: str | None = None
    provenance: dict[str, Any] = field(default_factory=lambda: {"how": "self-reported"})
    file: Attached | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an archive of our own, which goes back as it was; ``path``: where in the file it stands."""

    path: str
    value: Any


@dataclass(slots=True)
class Batch:
    """Readings by their source, a name of [a-z0-9._:-], and entries; ``records``: how many things of the file it is.

    ``held``: characters of texts and files that it holds, for formats whose things may be large.
    """

    sources: dict[str, Decoded] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    records: int = 0
    held: int = 0

    def of(self, source: str) -> Decoded:
        """The part of one source, made where there is none yet."""
        found = self.sources.get(source)
        if found is None:
            found = self.sources[source] = Decoded()
        return found


Read = Callable[[BinaryIO, Wish], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class ImportFormat:
    name: str
    suffixes: tuple[str, ...]
    read: Read
    check: Callable[[Wish], Any]
    is_for_operators: bool = False


@cache
def all_formats() -> dict[str, ImportFormat]:
    """Every format in this folder by its name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "SUFFIXES"):
            more = getattr(module, "check", _unasked), getattr(module, "FOR_OPERATORS", False)
            found[module.NAME] = ImportFormat(module.NAME, module.SUFFIXES, module.read, *more)
    return dict(sorted(found.items()))


def _unasked(_: Wish) -> None:
    """Most formats ask nothing."""


def find_format(name: str) -> ImportFormat:
    """Raises InputInvalid that lists what there is."""
    found = all_formats().get(name)
    if found is None:
        raise InputInvalid(f"no format {name[:64]!r}; there are {', '.join(all_formats())}", "/format")
    return found


def guess_format(file_name: str) -> ImportFormat | None:
    """By how the file is named; None where no format or more than one looks like it."""
    lower = file_name.lower()
    found = [one for one in all_formats().values() if lower.endswith(one.suffixes)]
    return found[0] if len(found) == 1 else None
