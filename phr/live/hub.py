"""All streams of one process, fed by one thread from one change stream, however many people listen."""

from __future__ import annotations

import logging
import resource
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from phr import clock, syncing
from phr.database import Database
from phr.feed.feed import FEED, READINGS
from phr.feed.landings import LANDINGS
from phr.live.stream import HEARTBEAT, Gone, Stream, event
from phr.notices import outbox
from phr.notices.outbox import Notice
from phr.people import access
from phr.readings import changed
from phr.syncing import Item
from phr.vocabulary.metrics import vocabulary

AWAIT_MS = 100  # how long the server may keep an empty answer: a stream that joins is taken in after it
CHECK_EVERY_MS = 1_000
HEARTBEAT_EVERY_MS = 15_000
DECIDE_EVERY_MS = 10_000  # a grant that ends by itself makes no change that could be heard
WORK = ("members", "team_members")
IDLE_MS = 30_000
OVERLAP_MS = 60_000
PAGE = 200
OPEN_FILES = 65_536

_CHANGES: list[dict[str, Any]] = [
    {
        "$match": {
            "$or": [
                {"ns.coll": FEED, "operationType": {"$in": ["insert", "update", "replace"]}},
                {"ns.coll": LANDINGS, "operationType": "insert"},
                {"ns.coll": outbox.COLLECTION, "fullDocument.state": outbox.PENDING},
                {"ns.coll": outbox.COLLECTION, "updateDescription.updatedFields.state": outbox.PENDING},
                {"ns.coll": {"$in": ["grants", *WORK]}, "operationType": {"$in": ["update", "replace", "delete"]}},
            ]
        }
    },
    {
        "$project": {
            "ns.coll": 1,
            "documentKey": 1,
            "n": {"$ifNull": ["$fullDocument.n", "$updateDescription.updatedFields.n"]},
            "b": "$fullDocument.b",
            "v": "$fullDocument.v",
            "notice": {"$cond": [{"$eq": ["$ns.coll", outbox.COLLECTION]}, "$fullDocument", "$$REMOVE"]},
        }
    },
]

LOG = logging.getLogger(__name__)


class Hub:
    """Takes streams in; all else happens in its thread, which lives while somebody listens.

    ``render`` gives a change as the API shows it, ``is_taken_back`` says of the ids of a token whether one was. A
    database that can't be followed ends every stream: nobody could tell whether they still may listen. Their readers
    come back with the last event they had.
    """

    def __init__(
        self,
        database: Database,
        render: Callable[[Item | Notice], dict[str, Any]],
        is_taken_back: Callable[[frozenset[str], int], bool],
    ) -> None:
        self._database = database
        self._render = render
        self._is_taken_back = is_taken_back
        self._lock = threading.Lock()
        self._joining: list[Stream] = []
        self._thread: threading.Thread | None = None
        self._streams: dict[str, set[Stream]] = defaultdict(set)  # by person; the thread's own

    def join(self, stream: Stream) -> None:
        """The stream hears first what follows its cursor, and then what happens."""
        with self._lock:
            self._joining.append(stream)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        _allow_open_files()
        try:
            self._follow()
        except Exception as error:  # the outermost loop of this thread
            LOG.warning("streams ended: %s", type(error).__name__)
            self._give_up()

    def _give_up(self) -> None:
        with self._lock:
            left, self._joining, self._thread = [*self._joining, *self._all()], [], None
            self._streams.clear()
        for stream in left:
            stream.close()

    def _follow(self) -> None:
        checked_ms = beaten_ms = decided_ms = busy_ms = clock.now_ms()
        with self._database.watch(_CHANGES, max_await_time_ms=AWAIT_MS) as changes:
            while True:
                change = changes.try_next()
                now_ms = clock.now_ms()
                self._take_in(now_ms)
                if change is not None:
                    self._hear(change, now_ms)
                if now_ms - checked_ms < CHECK_EVERY_MS:
                    continue
                checked_ms = now_ms
                self._check(now_ms)
                if now_ms - beaten_ms >= HEARTBEAT_EVERY_MS:
                    beaten_ms = now_ms
                    self._each(self._all(), lambda stream: stream.send(HEARTBEAT))
                if now_ms - decided_ms >= DECIDE_EVERY_MS:
                    decided_ms = now_ms
                    self._decide([one for one in self._all() if one.grants], now_ms)
                if self._streams:
                    busy_ms = now_ms
                elif now_ms - busy_ms >= IDLE_MS and self._is_left_alone():
                    return

    def _is_left_alone(self) -> bool:
        """Nobody listens and nobody has come: who comes from now on starts another thread."""
        with self._lock:
            if not self._joining:
                self._thread = None
            return self._thread is None

    def _take_in(self, now_ms: int) -> None:
        with self._lock:
            joining, self._joining = self._joining, []
        for stream in joining:
            self._streams[stream.person].add(stream)
        # A grant may have ended between the decision and now, when nobody listened for it.
        self._decide([stream for stream in joining if stream.grants], now_ms)
        standing = [stream for stream in joining if stream in self._streams.get(stream.person, ())]
        self._each(standing, lambda stream: stream.send(event("open", {}, stream.cursor)))
        self._each(standing, self._tell_missed)
        self._each(standing, lambda stream: self._catch_up(stream, now_ms, has_unsettled=True))

    def _hear(self, change: dict[str, Any], now_ms: int) -> None:
        key = change["documentKey"]["_id"]
        match change["ns"]["coll"]:
            case "feed":
                behind = [one for one in self._of(key.partition(":")[0]) if one.cursor.position < change["n"]]
                self._each(behind, lambda stream: self._catch_up(stream, now_ms))
            case "landings":
                self._tell_landed(zip(change["b"], change["v"], strict=True))
            case outbox.COLLECTION:
                self._hear_notice(change.get("notice") or outbox.row_of(self._database, key))
            case name if name in WORK:  # who left a team, or the organisation, holds its grants no more
                self._decide([one for one in self._all() if one.grants], now_ms)
            case _:
                self._decide([one for one in self._all() if key in one.grants], now_ms)

    def _hear_notice(self, row: dict[str, Any] | None) -> None:
        """New, or no longer kept quiet; one that has gone meanwhile is none."""
        if row is not None and self._of(row["person"]):
            raised = outbox.notice(self._database, row)
            self._each(self._of(raised.person), lambda stream: self._tell(stream, raised))

    def _catch_up(self, stream: Stream, now_ms: int, *, has_unsettled: bool = False) -> None:
        has_more = True
        while has_more:
            ask = syncing.page if has_unsettled else syncing.news
            page = ask(self._database, stream.reader(now_ms), stream.cursor, PAGE)
            stream.cursor, has_more = page.next, page.has_more
            for number, item in enumerate(page.items, 1):
                self._send(stream, item, is_last=number == len(page.items))

    def _send(self, stream: Stream, item: Item, *, is_last: bool) -> None:
        body = self._render(item)
        stream.send(event(body["kind"], body, stream.cursor if is_last else None))

    def _tell_landed(self, buckets: Iterable[tuple[str, int]]) -> None:
        watched = [(key, version) for key, version in buckets if key.partition(":")[0] in self._streams]
        for span in changed.of_buckets(vocabulary().metrics, watched):
            for stream in self._of(span.person):
                if part := syncing.span_within(span, stream.sight):
                    text = event(READINGS, self._render(part))
                    self._each([stream], lambda one, text=text: one.send(text))  # type: ignore[misc]

    def _tell_missed(self, stream: Stream) -> None:
        """Notices have no positions: those from about the time of the cursor on, which may have been told before."""
        for missed in outbox.pending_since(self._database, stream.person, stream.cursor.given_s * 1000 - OVERLAP_MS):
            self._tell(stream, missed)

    def _tell(self, stream: Stream, raised: Notice) -> None:
        """What a rule raised is for who may see all that it was made of; all else is the owner's own."""
        measured_ms = clock.to_ms(raised.measured_at)
        if not stream.grants or (raised.metric and stream.sight.sees(raised.categories, measured_ms)):
            stream.send(event("notice", self._render(raised)))

    def _check(self, now_ms: int) -> None:
        over = [one for one in self._all() if one.caller.until_ms is not None and one.caller.until_ms <= now_ms]
        self._end(over, "token-expired")
        self._end([one for one in self._all() if self._is_taken_back(one.caller.token_ids, now_ms)], "access-ended")
        self._each(self._all(), Stream.tend)

    def _decide(self, streams: Iterable[Stream], now_ms: int) -> None:
        """Ends the streams of those who may see less than when they began."""
        seen = ((one, access.visible(self._database, one.caller, one.ask, now_ms)) for one in streams)
        self._end([stream for stream, sight in seen if not stream.sight.is_within(sight)], "access-ended")

    def _end(self, streams: Iterable[Stream], code: str) -> None:
        for stream in streams:
            self._each([stream], lambda one: one.send(event("end", {"code": code})))
            self._drop(stream)

    def _each(self, streams: Iterable[Stream], act: Callable[[Stream], object]) -> None:
        for stream in streams:
            try:
                act(stream)
            except Gone:
                self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        stream.close()
        of_person = self._streams.get(stream.person, set())
        of_person.discard(stream)
        if not of_person:
            self._streams.pop(stream.person, None)

    def _of(self, person: str) -> list[Stream]:
        return list(self._streams.get(person, ()))

    def _all(self) -> list[Stream]:
        return [stream for of_person in self._streams.values() for stream in of_person]


def _allow_open_files() -> None:
    """A stream is an open file, and the usual limit is 1,024 of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
