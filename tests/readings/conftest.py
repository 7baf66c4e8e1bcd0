"""A database for readings alone: made once, emptied for each test, since most of these tests write a handful."""

from __future__ import annotations

import secrets

import pytest
from bson.codec_options import CodecOptions
from pymongo import MongoClient

from phr.database import DURABLE, Database, Document
from phr.readings import store
from tests.emptying import Emptier


@pytest.fixture(scope="session")
def _readings_only(mongo_client: MongoClient[Document]) -> Emptier:
    name = f"t{secrets.token_hex(6)}"
    database = mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True), write_concern=DURABLE)
    store.ensure_indexes(database)
    return Emptier(database, lambda: store.ensure_indexes(database))


@pytest.fixture
def bare(_readings_only: Emptier) -> Database:
    """No readings, no summaries, no sources, nothing told of them; their indexes."""
    _readings_only.empty()
    return _readings_only.database
