"""Protocols of measuring, a file each: which readings, over which days, averaged how. Found by looking in here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from phr.care.protocol import Protocol
from phr.errors import DataFileInvalid


@cache
def protocols() -> Mapping[str, Protocol]:
    """Every protocol by its name. Raises DataFileInvalid for a file without one, or with a name that is taken."""
    found: dict[str, Protocol] = {}
    for info in pkgutil.iter_modules(__path__):
        protocol = getattr(importlib.import_module(f"{__name__}.{info.name}"), "PROTOCOL", None)
        if not isinstance(protocol, Protocol) or protocol.name in found:
            raise DataFileInvalid(f"phr/care/protocols/{info.name}.py: no PROTOCOL, or one that is there already")
        found[protocol.name] = protocol
    return MappingProxyType(found)
