"""A whole database, made once and emptied for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from bson.codec_options import CodecOptions
from pymongo import MongoClient

from ops.indexes import ensure_indexes
from phr.database import DURABLE, Database, Document
from tests.recording.builders import House, a_house


@pytest.fixture(scope="session")
def _whole(mongo_client: MongoClient[Document]) -> Iterator[Database]:
    name = f"t{secrets.token_hex(6)}"
    database = mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True), write_concern=DURABLE)
    ensure_indexes(database)
    yield database
    mongo_client.drop_database(name)


@pytest.fixture
def database(_whole: Database) -> Database:
    for name in _whole.list_collection_names():
        _whole[name].delete_many({})
    return _whole


@pytest.fixture
def house(database: Database) -> House:
    return a_house(database)
