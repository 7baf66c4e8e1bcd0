"""Texts of articles as they were: collection ``article_versions``.

    _id  language/slug:version     article  language/slug     said  all that it says, as JSON (bytes)     kept_ms

A version is named by the digest of all that the article says, the one that a clinician signs: what was signed, what was
read and what is shown then are the same text beyond doubt, whoever wrote it, and no two machines have to agree on a
number. What an installation imports is kept as a draft (``phr.education.authoring``); of what ships, a text is kept
once somebody has read it, before it is noted that they have, since files change with an upgrade.
"""

from __future__ import annotations

import msgspec

from phr.database import DURABLE, Database
from phr.education.article import Article
from phr.errors import NotFound

COLLECTION = "article_versions"


def keep(database: Database, one: Article, now_ms: int) -> None:
    """Safe to repeat."""
    row = {"article": one.name, "said": one.said, "kept_ms": now_ms}
    rows = database[COLLECTION].with_options(write_concern=DURABLE)
    if rows.find_one({"_id": id_of(one.name, one.version)}, {"_id": 1}) is None:
        rows.update_one({"_id": id_of(one.name, one.version)}, {"$setOnInsert": row}, upsert=True)


def find(database: Database, name: str, version: str) -> Article:
    """The article as it was in that version, in date or not. Raises NotFound for one that nobody could have read."""
    row = database[COLLECTION].find_one({"_id": id_of(name, version), "is_draft": {"$ne": True}})
    if row is None:
        raise NotFound("there is no such version of the article, or nobody has read it")
    return opened(row["said"])


def opened(said: bytes) -> Article:
    return msgspec.json.decode(said, type=Article)


def id_of(name: str, version: str) -> str:
    return f"{name}:{version}"
