"""Payload formats, one file each: bytes in, ``Decoded`` out. Pure; MQTT and HTTP use the same.

A module here is a format when it has
    CONTENT_TYPE: str                       the MQTT 5 content type or HTTP Content-Type that selects it
    NAME: str                               the name a device can be registered with
    decode(payload: bytes, vocabulary: Vocabulary) -> Decoded      raises PayloadUnreadable
Formats are found by looking into this folder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from phr.errors import PhrError
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded


class FormatUnknown(PhrError):
    """No decoder for this content type or format name."""

    code = "format-unknown"
    status = 415


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    content_type: str
    decode: Callable[[bytes, Vocabulary], Decoded]


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format in this folder, in order of its name."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "CONTENT_TYPE"):
            found.append(Format(module.NAME, module.CONTENT_TYPE, module.decode))
    return tuple(sorted(found, key=lambda one: one.name))


@lru_cache(maxsize=512)  # asked for each message
def find_format(content_type: str | None, registered: str | Format | None) -> Format:
    """The format named by the message, else the one its device was registered with, else payload v1.

    ``registered``: its name, or a vendor's mapping itself. Raises FormatUnknown.
    """
    wanted = (content_type or "").split(";")[0].strip().lower()
    generic = ("", "application/json", "application/octet-stream", "text/plain")
    if isinstance(registered, Format):
        if wanted in generic:
            return registered
        registered = registered.name
    for one in all_formats():
        if one.content_type == wanted or (wanted in generic and one.name == (registered or "phr-v1")):
            return one
    raise FormatUnknown(f"no decoder for {content_type or registered}")
