"""JSON as formats without a fixed shape read it: any value, and one kind of error."""

from __future__ import annotations

from typing import Any

import msgspec

from phr.errors import PayloadUnreadable


def read_json(payload: bytes) -> Any:
    """The value. Raises PayloadUnreadable: no JSON, not UTF-8, numbers beyond a double, nested too deeply."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadUnreadable(f"not JSON that can be read: {error}") from error
