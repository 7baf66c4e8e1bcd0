"""The one connection to MongoDB: how it is opened, which write concern it has, what an outage is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from bson.codec_options import CodecOptions
from pymongo import InsertOne, MongoClient, UpdateOne, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database as PymongoDatabase
from pymongo.errors import BulkWriteError, ConfigurationError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri

from phr import hops
from phr.errors import ServerUnavailable, SettingInvalid

Document = dict[str, Any]
Database = PymongoDatabase[Document]
DUPLICATE_KEY = 11000
T = TypeVar("T")

# What "stored" means here: on a majority of members and in their journals. A verdict is sent only after it.
DURABLE = WriteConcern(w="majority", j=True, wtimeout=30_000)


class Written(NamedTuple):
    """What became of a list of writes; ``there``: the indices of those whose key was there already."""

    upserted_count: int
    there: frozenset[int] = frozenset()


def connect(
    uri: str, name: str = "phr", *, server_selection_timeout_s: float = 10.0, retries_writes: bool = True
) -> Database:
    """The record's database; every write through it is majority-journaled, every datetime aware.

    A serverSelectionTimeoutMS in the URI goes before ``server_selection_timeout_s``; the write concern is not the
    URI's to choose. ``retries_writes``: the driver repeats a write once whose answer was lost; without it the caller
    must. Nothing is sent until the first command (see ``ping``). Raises SettingInvalid for a URI that is none, or that
    leaves this machine without TLS.
    """
    patience: dict[str, Any] = {"serverSelectionTimeoutMS": int(server_selection_timeout_s * 1000)}
    try:
        _hold_to_tls(uri)
        client: MongoClient[Document] = MongoClient(
            uri,
            tz_aware=True,
            uuidRepresentation="standard",
            **({} if "serverselectiontimeoutms=" in uri.lower() else patience),
            connectTimeoutMS=5_000,
            socketTimeoutMS=60_000,
            w="majority",
            journal=True,
            retryWrites=retries_writes,
            wTimeoutMS=30_000,
        )
    except (ConfigurationError, ValueError) as error:
        raise SettingInvalid(f"PHR_MONGODB_URI is not a MongoDB address: {error}") from error
    return client.get_database(name, codec_options=CodecOptions(tz_aware=True), write_concern=DURABLE)


def _hold_to_tls(uri: str) -> None:
    """Raises SettingInvalid; what parse_uri raises. A ``mongodb+srv`` address has TLS unless it says no."""
    is_srv = uri.startswith("mongodb+srv://")
    parsed = parse_uri(uri.replace("+srv", "", 1) if is_srv else uri)  # without asking the name service
    options, hosts = parsed["options"], [host for host, _ in parsed["nodelist"]]
    if all(map(hops.stays_here, hosts)):
        return
    if not options.get("tls", is_srv):
        raise SettingInvalid("PHR_MONGODB_URI leaves this machine in the clear: add tls=true")
    if options.get("tlsAllowInvalidCertificates") or options.get("tlsAllowInvalidHostnames"):
        raise SettingInvalid("PHR_MONGODB_URI takes any certificate for its server's: name the authority by tlsCAFile")


def insert_new(database: Database, collection: str, rows: Iterable[Document]) -> int:
    """Stores the rows whose ``_id`` is not there yet, majority-journaled; how many those were. Safe to repeat.

    Two at once may insert the same row: the loser's duplicate is what it wanted. Raises BulkWriteError for all else.
    """
    writes = [UpdateOne({"_id": row["_id"]}, {"$setOnInsert": row}, upsert=True) for row in rows]
    return write_new(database[collection], writes).upserted_count


def write_new(collection: Collection[Document], writes: Sequence[InsertOne[Document] | UpdateOne]) -> Written:
    """Does the writes in any order, and says which of them would have put in a key that is there already.

    A guard that misses turns an upsert into such a write, so the server names each miss. Raises BulkWriteError for all
    other errors, also where it is not known to be on a majority's journals.
    """
    try:
        return Written(collection.bulk_write(writes, ordered=False).upserted_count)
    except BulkWriteError as error:
        details = error.details
        if details.get("writeConcernErrors") or any(one["code"] != DUPLICATE_KEY for one in details["writeErrors"]):
            raise
        return Written(int(details["nUpserted"]), frozenset(one["index"] for one in details["writeErrors"]))


def transact(database: Database, work: Callable[[ClientSession], T]) -> T:
    """What ``work(session)`` gives, all of its writes or none, majority-journaled.

    ``work`` reads and writes with the session alone and may run more than once: again, too, after an insert that
    another was quicker with, which then is there to be read.
    """
    with database.client.start_session() as session:

        def once_more() -> T:
            return session.with_transaction(work, read_concern=ReadConcern("snapshot"), write_concern=DURABLE)

        try:
            return once_more()
        except DuplicateKeyError:
            return once_more()


def ping(database: Database) -> None:
    """Returns when the database answers. Raises ServerUnavailable with what to check."""
    try:
        database.client.admin.command("ping")
    except PyMongoError as error:
        raise ServerUnavailable(f"MongoDB does not answer: {error}. Check PHR_MONGODB_URI.") from error
