"""Hears whose readings have changed, from what has just landed and, where that was lost, from the feed.

Landings are fast and may be lost; the feed tells of everything once it is folded. A place in the landings is kept in
``watch_marks`` and moved by one gatherer at a time; a head of the feed is marked until it was gathered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from phr.care.rule import Audience, Rule, Rules
from phr.clock import to_datetime
from phr.database import Database
from phr.feed import feed, positions
from phr.feed.feed import SpanChange
from phr.feed.landings import LANDINGS
from phr.watching import watches
from phr.watching.watches import EVERYTHING, LEASE_MS, SOON_MS, News

MARKS = "watch_marks"
ROWS_A_ROUND = 200
HEADS_A_ROUND = 500
SETTLED_MS = 2_000  # a row that is written at this moment may become visible after one with a later id
URGENT = 3  # severities from here on are judged as soon as may be
_SHARE = (
    100  # a window is judged again when a hundredth of it has passed, or a few minutes, which of a short one are half
)
_LATER_MS = 5 * 60_000
_EVERY_CHANGE = 1_000


def rules_over_windows(rules: Rules) -> dict[str, tuple[Rule, ...]]:
    """Those that speak to people, by metric."""
    found: dict[str, tuple[Rule, ...]] = defaultdict(tuple)
    for rule in rules.all:
        if rule.window is not None and rule.is_active and rule.scope.audience is Audience.PERSON:
            found[rule.metric.key] += (rule,)
    return found


def gather_some(database: Database, rules: Rules, now_ms: int) -> bool:
    """One round; True where there may be more."""
    watched = {key: min(map(_gap_ms, found)) for key, found in rules_over_windows(rules).items()}
    has_more = _landed(database, watched, now_ms)
    return _told(database, watched, now_ms) or has_more


def _gap_ms(rule: Rule) -> int:
    assert rule.window is not None
    if rule.severity >= URGENT:
        return SOON_MS
    span_ms = rule.window.span_ms
    return max(SOON_MS, min(span_ms // 2, max(_LATER_MS, span_ms // _SHARE)))


def _landed(database: Database, watched: Mapping[str, int], now_ms: int) -> bool:
    """Rows of the landings after the mark, which moves when their people are noted."""
    mark = _take_mark(database, now_ms)
    if mark is None:
        return False
    until = ObjectId.from_datetime(to_datetime(now_ms - SETTLED_MS))
    found = database[LANDINGS].find({"_id": {"$gt": mark, "$lte": until}}, {"b": 1}, sort=[("_id", 1)])
    rows = list(found.limit(ROWS_A_ROUND))
    changed: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for bucket in row["b"]:
            person, metric, _ = bucket.split(":", 2)
            if metric in watched:
                changed[person].add(metric)
    watches.note(database, _news(changed, watched), now_ms)
    is_whole = len(rows) < ROWS_A_ROUND
    moved = until if is_whole else rows[-1]["_id"]
    database[MARKS].update_one({"_id": LANDINGS}, {"$set": {"mark": moved}, "$unset": {"lease_ms": ""}})
    return not is_whole


def _take_mark(database: Database, now_ms: int) -> ObjectId | None:
    """Where to go on; None while somebody else gathers. The first begins a little before now: the feed has the rest."""
    begins = ObjectId.from_datetime(to_datetime(now_ms - LEASE_MS))
    is_free = {"$or": [{"lease_ms": {"$exists": False}}, {"lease_ms": {"$lte": now_ms}}]}
    update = {"$set": {"lease_ms": now_ms + LEASE_MS}, "$setOnInsert": {"mark": begins}}
    try:
        row = database[MARKS].find_one_and_update(
            {"_id": LANDINGS} | is_free, update, upsert=True, return_document=ReturnDocument.AFTER
        )
    except DuplicateKeyError:
        return None
    assert row is not None
    return ObjectId(row["mark"])


def _told(database: Database, watched: Mapping[str, int], now_ms: int) -> bool:
    """People whose feed has grown: what of them changed since it was looked at."""
    heads = positions.unseen(database, HEADS_A_ROUND)
    changed = {head.person: _changed(database, head, watched) for head in heads}
    watches.note(database, _news({person: some for person, some in changed.items() if some}, watched), now_ms)
    positions.set_seen(database, heads)
    return len(heads) == HEADS_A_ROUND


def _changed(database: Database, head: positions.Head, watched: Mapping[str, int]) -> set[str]:
    """Metrics; all of them where an entry changed, which may have been a diagnosis, or where much did."""
    told = feed.since(database, head.person, head.seen, _EVERY_CHANGE)
    spans = [one.change for one in told if isinstance(one.change, SpanChange)]
    if len(spans) < len(told) or len(told) == _EVERY_CHANGE:
        return {EVERYTHING}
    return {one.metric for one in spans} & watched.keys()


def _news(changed: Mapping[str, set[str]], watched: Mapping[str, int]) -> Iterable[News]:
    for person, metrics in changed.items():
        gaps = [watched[one] for one in metrics if one in watched]
        yield News(person, frozenset(metrics), min(gaps, default=SOON_MS))
