"""A database for readings alone: made once, emptied for each test, since most of these tests write a handful."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from bson.codec_options import CodecOptions
from pymongo import MongoClient

from phr.database import DURABLE, Database, Document
from phr.readings import store


@pytest.fixture(scope="session")
def _readings_only(mongo_client: MongoClient[Document]) -> Iterator[Database]:
    name = f"t{secrets.token_hex(6)}"
    database = mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True), write_concern=DURABLE)
    store.ensure_indexes(database)
    yield database
    mongo_client.drop_database(name)


@pytest.fixture
def bare(_readings_only: Database) -> Database:
    """No readings, no summaries, no sources, nothing told of them; their indexes."""
    for name in ("readings", "summaries", "sources", "feed", "feed_heads"):
        _readings_only[name].delete_many({})
    return _readings_only
