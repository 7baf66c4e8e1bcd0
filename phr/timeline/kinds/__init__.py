"""The kinds of entry, a file each: what it holds, which codes, whose eyes it is for. Found by looking in here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from phr.errors import DataFileInvalid
from phr.timeline.kind import Kind

# Words of the entry itself; no kind may use them for a field of its own.
RESERVED = frozenset(
    (
        "id",
        "kind",
        "effective_at",
        "effective_until",
        "version",
        "source",
        "provenance",
        "sensitive",
        "categories",
        "hidden",
    )
) | {"created_at", "changed_at", "day"}


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind by its name. Raises DataFileInvalid for a file without one, or with a name that is taken."""
    found: dict[str, Kind] = {}
    for info in pkgutil.iter_modules(__path__):
        kind = getattr(importlib.import_module(f"{__name__}.{info.name}"), "KIND", None)
        if not isinstance(kind, Kind) or kind.name in found:
            raise DataFileInvalid(f"phr/timeline/kinds/{info.name}.py: no KIND, or one that is there already")
        if taken := sorted(RESERVED & set(kind.schema().fields)):
            raise DataFileInvalid(f"phr/timeline/kinds/{info.name}.py: {taken[0]} is a word of every entry")
        found[kind.name] = kind
    return MappingProxyType(found)
