"""Files that an import brings with its entries: looked into, kept under a name that is the same each time, named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from phr.database import Database
from phr.interchange.formats import Attached, Event
from phr.timeline import extraction, files
from phr.timeline.extraction import DocumentUnreadable, TypeRefused
from phr.timeline.filed import LONGEST_WORDS

MARK = "entry"  # whichever import brings a file, it is the same file


@dataclass(frozen=True, slots=True)
class Filed:
    """An event that names its file; ``refused``: (code, detail) of a file that is not kept, while the entry is."""

    event: Event
    name: files.Restored | None = None
    refused: tuple[str, str] | None = None


def filed(person: str, entry: str, event: Event, file: Attached) -> Filed:
    """Nothing is written. Raises ServerUnavailable while too many documents are read at once."""
    try:
        found = extraction.extract(file.content)
    except (TypeRefused, DocumentUnreadable) as error:
        return Filed(event, refused=(error.code, error.detail))
    name = files.Restored(person, entry, None, MARK, hashlib.sha256(file.content).hexdigest())
    told: dict[str, Any] = {
        "id": name.id,
        "name": "".join(filter(str.isprintable, file.name)).strip(),
        "media_type": found.media_type,
        "bytes": len(file.content),
        "sha256": name.sha256,
        "pages": found.pages,
        "notes": list(found.notes),
    }
    words = "\n".join(filter(None, (event.content.get("words"), found.text)))[:LONGEST_WORDS]
    content = event.content | {"file": {key: value for key, value in told.items() if value not in (None, "", [])}}
    return Filed(replace(event, content=content | ({"words": words} if words else {})), name)


def keep(database: Database, name: files.Restored, content: bytes) -> None:
    """Before the entry that names it is; a break in between leaves sealed bytes that the next try finds."""
    if not files.is_there(database, name):
        files.restore(database, name, content)
