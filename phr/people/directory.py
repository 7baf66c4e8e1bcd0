"""Finds people by name, phone and identity number, of which the database holds keyed tokens only.

Each look-up is one token and one index, whether somebody has it or not, and gives ids: what may be told of them is
for the caller to decide. Equal surnames have equal tokens: one who holds the database sees how often, not which.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from itertools import islice, product
from typing import Any

from phr.database import Database, Document
from phr.errors import InputInvalid
from phr.people import seals

NAME, PHONE, IDENTITY_NUMBER = "name", "phone", "identity-number"
MOST = 50
LONGEST_NAME_PART = 16  # characters of a name's beginning or of its pinyin that can be searched
MOST_SYLLABLES = 8
MOST_READINGS = 8  # of a name with characters of several readings: 单 is dān, chán and, as a surname, shàn

_HAN = re.compile(r"[㐀-鿿豈-﫿𠀀-𯿿]")
_PARTS = re.compile(r"[㐀-鿿豈-﫿𠀀-𯿿]|[^\W_㐀-鿿豈-﫿𠀀-𯿿]+")
_CITIZEN = re.compile(r"\d{17}[\dX]")
_OTHER_NUMBER = re.compile(r"[A-Z0-9]{5,20}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, 3.5: ISO 7064 MOD 11-2
_CHECKS = "10X98765432"


def find_by_name(database: Database, text: str, among: Collection[str] | None = None) -> list[str]:
    """Ids of at most 50 people by a part of the name, its pinyin or its initials: 王芳, 芳, wangf, WF."""
    word = "".join(_PARTS.findall(_folded(text)))
    return _ids(database, NAME, word[:LONGEST_NAME_PART], among)


def find_by_phone(database: Database, phone: str, among: Collection[str] | None = None) -> list[str]:
    """Ids of the people who gave this number; several may share one. Raises InputInvalid for what is none."""
    return _ids(database, PHONE, normal_phone(phone), among)


def find_by_identity_number(database: Database, number: str, among: Collection[str] | None = None) -> list[str]:
    """Ids of those registered with this number. Raises InputInvalid for what is none."""
    return _ids(database, IDENTITY_NUMBER, normal_identity_number(number), among)


def tokens_of(database: Database, known: Document) -> list[bytes]:
    """The tokens that find a person of whom this is known: some of {"name", "phone", "identity_number"}."""
    words = {
        NAME: name_words(known["name"]) if known.get("name") else (),
        PHONE: (known["phone"],) if known.get("phone") else (),
        IDENTITY_NUMBER: (known["identity_number"],) if known.get("identity_number") else (),
    }
    return [token for kind, some in words.items() for token in seals.lookup_tokens(database, kind, sorted(some))]


def name_words(name: str) -> set[str]:
    """What a name is found by: its parts from each of their beginnings, the same in pinyin, and the initials."""
    parts = _PARTS.findall(_folded(name))[:MOST_SYLLABLES]
    spoken = [_readings(part) if _HAN.match(part) else (part,) for part in parts]
    words = set(_beginnings(parts))
    # Backwards, so that the readings of the surname are tried first.
    for backwards in islice(product(*reversed(spoken)), MOST_READINGS):
        syllables = backwards[::-1]
        words.update(_beginnings(syllables))
        words.update(_beginnings([syllable[0] for syllable in syllables]))
    return words


def normal_phone(text: str) -> str:
    """Digits with the country's "+" number in front, mainland numbers without: "+86 138-0013-8000" is "13800138000"."""
    kept = re.sub(r"[\s().-]", "", unicodedata.normalize("NFKC", text))
    kept = re.sub(r"^00", "+", kept)
    kept = re.sub(r"^\+86(?=1\d{10}$)", "", kept)
    if not re.fullmatch(r"\+?\d{5,15}", kept, re.ASCII):
        raise InputInvalid("a phone number has 5 to 15 digits", "/phone")
    return kept


def normal_identity_number(text: str) -> str:
    """In capitals, without spaces; a citizen's 18 digits with a right check digit, or another document's 5 to 20 signs.

    Source: GB 11643-1999.
    """
    kept = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
    is_right = bool(_OTHER_NUMBER.fullmatch(kept))
    if _CITIZEN.fullmatch(kept):
        is_right = kept[-1] == _CHECKS[sum(w * int(d) for w, d in zip(_WEIGHTS, kept[:-1], strict=True)) % 11]
    if not is_right:
        raise InputInvalid("not an identity number: mistyped, or not 5 to 20 letters and digits", "/identity_number")
    return kept


def ensure_indexes(database: Database) -> None:
    database["people"].create_index("found_by", name="found_by")


def _ids(database: Database, kind: str, word: str, among: Collection[str] | None) -> list[str]:
    wanted: Document = {"found_by": seals.lookup_tokens(database, kind, [word])[0]}
    if among is not None:
        wanted["_id"] = {"$in": list(among)}
    return [str(row["_id"]) for row in database["people"].find(wanted, {"_id": 1}).sort("_id").limit(MOST)]


def _beginnings(parts: list[str] | tuple[str, ...]) -> Iterator[str]:
    """From each part on, every beginning of what follows: 王芳 gives 王, 王芳, 芳."""
    for first in range(len(parts)):
        text = "".join(parts[first:])[:LONGEST_NAME_PART]
        yield from (text[:length] for length in range(1, len(text) + 1))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _readings(character: str) -> tuple[str, ...]:
    pypinyin = _pypinyin()
    found = pypinyin.pinyin(character, style=pypinyin.Style.NORMAL, heteronym=True)
    return tuple(found[0])


@cache
def _pypinyin() -> Any:
    """Loaded by those who search or name people: 13 MB, without its phrases, which would be 44 more."""
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    import pypinyin  # noqa: PLC0415

    return pypinyin
