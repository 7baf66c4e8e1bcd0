"""Where the next page of a series begins, as a text that is of no use for any other series."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from phr.errors import InputInvalid
from phr.readings.track import Place, Resolution

LONGEST = 400
_FARTHEST_MS = 253_402_300_800_000  # the end of the year 9999
_FARTHEST_DAY = 2_900_000  # and a local day some ten years before it


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: a Place for raw readings, else the place of a period."""

    resolution: Resolution
    after: Place | tuple[int, int]


def written(cursor: Cursor, asked: tuple[Any, ...]) -> str:
    """The text for a client; ``asked`` is the question that it belongs to, in plain values."""
    content = msgspec.json.encode((_digest(asked), cursor.resolution, *cursor.after))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def parsed(text: str, asked: tuple[Any, ...]) -> Cursor:
    """The inverse. Raises InputInvalid for a text that is no cursor, and for the cursor of another question."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        digest, resolution, *place = msgspec.json.decode(content)
        found = Cursor(Resolution(resolution), _after(Resolution(resolution), place))
    except (binascii.Error, msgspec.DecodeError, ValueError, TypeError) as error:
        raise InputInvalid("cursor is not one that this series gave", "/cursor") from error
    if digest != _digest(asked):
        raise InputInvalid("cursor belongs to another question; ask again without it", "/cursor")
    return found


def _after(resolution: Resolution, place: list[Any]) -> Place | tuple[int, int]:
    after: Place | tuple[int, int]
    in_ms = resolution in (Resolution.RAW, Resolution.HOUR)
    after = msgspec.convert(place, Place) if resolution is Resolution.RAW else msgspec.convert(place, tuple[int, int])
    if abs(after[0]) > (_FARTHEST_MS if in_ms else _FARTHEST_DAY):
        raise ValueError("outside the calendar")
    return after


def _digest(asked: tuple[Any, ...]) -> str:
    return hashlib.blake2b(msgspec.json.encode(asked), digest_size=8).hexdigest()
