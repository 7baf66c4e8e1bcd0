"""Empties a database between tests: the server's own log says which collections were written to, others are left."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bson.timestamp import Timestamp
from pymongo import MongoClient, WriteConcern

from phr.database import Database, Document

_FAST = WriteConcern(w=1, j=False)
_PLAIN = {"create", "idIndex"}  # what the command has for a collection without options


class Emptier:
    """Of one database, made when it is as each test should find it. ``made_anew`` puts a dropped one in that state."""

    def __init__(self, database: Database, made_anew: Callable[[], None], keeps: frozenset[str] = frozenset()) -> None:
        self.database, self._made_anew, self._keeps = database, made_anew, keeps
        self._since = _now(database.client)

    def empty(self) -> None:
        """Drops the whole where a test made a collection of its own kind; else deletes what there is."""
        rows = list(self._written())
        if any(_is_special(row) for row in rows):
            self.database.client.drop_database(self.database.name)
            self._made_anew()
        else:
            *others, last = sorted({name for row in rows for name in self._names(row)} - self._keeps) or [None]
            for name in others:
                self.database[name].with_options(write_concern=_FAST).delete_many({})
            if last is not None:
                self.database[last].delete_many({})  # majority-journaled, and with it what went before
        self.database["system.profile"].drop()  # which no log tells of
        self._since = _now(self.database.client)

    def _written(self) -> Iterator[Document]:
        """The log's rows about this database, each write of a transaction as a row."""
        for row in self.database.client.local["oplog.rs"].find({"ts": {"$gt": self._since}}):
            for one in row["o"].get("applyOps", [row]):
                if one["ns"].partition(".")[0] == self.database.name:
                    yield one

    def _names(self, row: Document) -> Iterator[str]:
        name = row["ns"].partition(".")[2]
        if row["op"] in ("i", "u", "d"):
            yield name


def _is_special(row: Document) -> bool:
    made = row["o"] if row["op"] == "c" else {}
    return "create" in made and (made.keys() > _PLAIN or made["create"].startswith("system."))


def _now(client: MongoClient[Document]) -> Timestamp:
    last = client.admin.command("hello")["lastWrite"]["opTime"]["ts"]
    assert isinstance(last, Timestamp)
    return last
