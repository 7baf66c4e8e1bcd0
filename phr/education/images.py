"""Images of articles: those that ship are files beside them, those of an installation are in ``article_images``.

    _id  the name     type     content     kept_ms     by  the operator who imported it

A name is one image for ever, so that what somebody read is shown as it was: a changed image has another name. An image
says nothing of a person, and whoever knows its name may see it, as they may what it illustrates. SVG may hold scripts
and is not taken.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from phr.database import DURABLE, Database, insert_new
from phr.errors import DataFileInvalid, NotFound

FOLDER = Path(__file__).parent / "articles" / "images"
COLLECTION = "article_images"
LARGEST_BYTES = 300 * 1024
SMALLEST_PX, LARGEST_PX = 16, 2_000
TYPES = {"PNG": ("image/png", ".png"), "JPEG": ("image/jpeg", ".jpg"), "WEBP": ("image/webp", ".webp")}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\.(png|jpg|webp)")


@dataclass(frozen=True, slots=True)
class Picture:
    """``type``: its media type, by what it holds."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Pictures:
    """Of a folder, by name; ``faults``: the files that are refused, and why."""

    by_name: dict[str, Picture]
    faults: tuple[str, ...]


def load(folder: Path) -> Pictures:
    """None where there is no such folder."""
    found: dict[str, Picture] = {}
    faults: list[str] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise DataFileInvalid(f"larger than {LARGEST_BYTES // 1024} KiB")
            found[path.name] = checked(path.name, path.read_bytes())
        except OSError as error:
            faults.append(f"images/{path.name}: can't be read: {type(error).__name__}")
        except DataFileInvalid as error:
            faults.append(f"images/{path.name}: {error.detail}")
    return Pictures(found, tuple(faults))


def checked(name: str, content: bytes) -> Picture:
    """Raises DataFileInvalid that says why it is refused; what it shows is not unpacked for that."""
    from PIL import Image  # noqa: PLC0415 - with the first image

    if not _NAME.fullmatch(name):
        raise DataFileInvalid("is named by small letters, digits and hyphens, and ends in .png, .jpg or .webp")
    try:
        with Image.open(io.BytesIO(content), formats=list(TYPES)) as image:
            kind, size = str(image.format), image.size
            image.verify()
    except Exception as error:  # damaged files raise what their decoder raises
        raise DataFileInvalid(f"is no whole PNG, JPEG or WebP image ({type(error).__name__})") from error
    media_type, ending = TYPES[kind]
    if not name.endswith(ending):
        raise DataFileInvalid(f"is {media_type}, and so ends in {ending}")
    if not all(SMALLEST_PX <= side <= LARGEST_PX for side in size):
        raise DataFileInvalid(f"is {size[0]} × {size[1]} pixels: each side has {SMALLEST_PX} to {LARGEST_PX}")
    return Picture(name, media_type, content)


@cache
def shipped() -> Pictures:
    return load(FOLDER)


def find(database: Database, name: str) -> Picture:
    """Raises NotFound."""
    if name in shipped().by_name:
        return shipped().by_name[name]
    row = database[COLLECTION].find_one({"_id": name})
    if row is None:
        raise NotFound("no such image")
    return Picture(name, row["type"], row["content"])


def names(database: Database) -> frozenset[str]:
    """Of all that there are here."""
    return frozenset(shipped().by_name) | {row["_id"] for row in database[COLLECTION].find({}, {"_id": 1})}


def is_another(database: Database, one: Picture) -> bool:
    """Whether its name belongs to an image that looks otherwise."""
    try:
        return find(database, one.name).content != one.content
    except NotFound:
        return False


def keep(database: Database, one: Picture, by: str, now_ms: int) -> None:
    """Safe to repeat; the first of a name stays."""
    row = {"_id": one.name, "type": one.type, "content": one.content, "kept_ms": now_ms, "by": by}
    insert_new(database.with_options(write_concern=DURABLE), COLLECTION, [row])
