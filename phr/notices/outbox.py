"""The stored outbox: what somebody should be told, kept before anybody is told.

What a notice says, and the values that raised it, are sealed with its person's key (``sealed``), unless who told it
says that its words are neutral (``zh``, ``en``). ``to_plan``: its person has addresses outside the app, and nobody has
planned yet what is sent to which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, InsertOne, UpdateOne
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from phr.clock import to_datetime, to_ms
from phr.database import DURABLE, Database, Document, insert_new, write_new
from phr.notices import addresses
from phr.people import keyring, seals
from phr.people.keyring import KeyDestroyed
from phr.vocabulary.alert import Alert

COLLECTION = "notices"
MAJORITY = ReadConcern("majority")
PENDING = "pending"
QUIET = "quiet"  # kept with the episode that it belongs to, and told to nobody
WITHDRAWN = "withdrawn"  # the reading that raised it was taken out of the record
# Sent to whoever asks what is pending; the rest of a row belongs to the dispatcher.
_SHOWN = (
    "_id",
    "person",
    "rule",
    "severity",
    "metric",
    "measured_at",
    "sealed",
    "zh",
    "en",
    "source",
    "reviewed",
    "raised_at",
    "categories",
    "about",
    "urgency",
    "from_ms",
    "expires_at_ms",
    "link",
    "read_at_ms",
)

_WORDS = ("sealed", "zh", "en")


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one person. The value that raised it is in the text and in the record, not in fields here."""

    key: str
    person: str
    rule: str
    severity: int
    metric: str
    measured_at: datetime
    message_zh: str
    message_en: str
    source: str
    reviewed: bool
    raised_at: datetime
    categories: tuple[str, ...] = ("readings",)  # of what a rule made it of
    about: str | None = None  # whose record it is of, where that is not the record of who is told
    urgency: int = 0  # as ``severity``; 3 and 4 are told in quiet hours, too
    from_ms: int | None = None  # outside the app nobody is told before
    expires_at_ms: int | None = None  # nobody is told any more from then on
    link: str | None = None  # where an app shows what it is about: "reminders", "alerts/<id>"
    read_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """Something to tell a person that no reading raised: who used the record, for one."""

    key: str
    person: str
    kind: str
    message_zh: str
    message_en: str
    categories: tuple[str, ...] = ()  # of what it was made of
    about: str | None = None  # whose record it is of, if another's: who is told must have a right to it when it is sent
    urgency: int = 0  # 0 to 4 as a rule's severity; 3 and 4 are told in quiet hours, too
    expires_at_ms: int | None = None  # nobody is told from then on
    link: str | None = None  # where an app shows what it is about
    is_neutral: bool = False  # its words say nothing of anybody's health, and need not be sealed
    from_ms: int | None = None  # outside the app they are not told before, however urgent it is


@dataclass(frozen=True, slots=True)
class Unentered:
    """A rule's notice that the timeline does not show as it stands."""

    notice: Notice
    rule_version: int
    state: str

    @property
    def is_withdrawn(self) -> bool:
        return self.state == WITHDRAWN


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A rule's notice with what it can be explained by."""

    notice: Notice
    rule_version: int
    values: Mapping[str, int | float]  # as sent, by component
    unit: str | None
    targets: Mapping[str, float]  # a doctor's own limits that counted, by component


@dataclass(frozen=True, slots=True)
class Raising:
    """What a rule found in a reading. ``is_told``: to the person; ``is_entered``: in the timeline as well."""

    alert: Alert
    is_told: bool = True
    is_entered: bool = True


@dataclass(frozen=True, slots=True)
class Raised:
    """The readings, by (t in milliseconds, seq), whose notices are meant."""

    person: str
    metric: str
    device: str
    keys: frozenset[tuple[int, int]]


def ensure_indexes(database: Database) -> None:
    """Makes the index that finds a person's pending notices, newest first; safe to repeat."""
    database[COLLECTION].create_index(
        [("person", ASCENDING), ("state", ASCENDING), ("raised_at", DESCENDING)], name="person_state_raised"
    )
    database[COLLECTION].create_index("to_enter", name="to_enter", sparse=True)
    database[COLLECTION].create_index("to_plan", name="to_plan", sparse=True)
    database[COLLECTION].create_index(
        [("person", ASCENDING), ("raised_at", DESCENDING), ("_id", ASCENDING)], name="person_raised"
    )


def raise_all(database: Database, raisings: Iterable[Raising]) -> int:
    """Stores a notice for each alert, told or not, once for each key, majority-journaled; how many are new.

    Safe to repeat from the top: a key that is there stays as it is. Raises pymongo's errors where nothing is certain.
    """
    found = {one.alert.key: one for one in raisings}
    if not found:
        return 0
    people = {one.alert.person for one in found.values()}
    keyring.warm(database, people)
    reached = addresses.who_have_any(database, people)
    rows = [row for one in found.values() if (row := _row(database, one, reached)) is not None]
    return insert_new(database, COLLECTION, rows) if rows else 0


def tell(database: Database, telling: Telling, now_ms: int) -> None:
    """Stores a notice that no rule raised, once for its key, majority-journaled."""
    tell_many(database, [telling], now_ms)


def tell_many(database: Database, tellings: Iterable[Telling], now_ms: int) -> None:
    """As ``tell``, in one write."""
    found = list(tellings)
    if owners := {one.person for one in found if not one.is_neutral}:
        keyring.warm(database, owners)
    reached = addresses.who_have_any(database, {one.person for one in found}) if found else frozenset()
    rows = [row for one in found if (row := _telling_row(database, one, reached, now_ms)) is not None]
    if rows:
        write_new(_notices(database), list(map(InsertOne, rows)))


def withdraw_keys(database: Database, keys: Iterable[str], now_ms: int) -> None:
    """Takes back what nobody needs to be told any more; safe to repeat, and for keys that nothing was told under."""
    wanted: Document = {"_id": {"$in": list(keys)}, "state": PENDING}
    _notices(database).update_many(wanted, {"$set": {"state": WITHDRAWN, "withdrawn_at": to_datetime(now_ms)}})


def withdraw_begun(database: Database, begin: str, now_ms: int) -> None:
    """As ``withdraw_keys``, of all keys that begin so."""
    wanted: Document = {"_id": {"$gte": begin, "$lt": begin + "\uffff"}, "state": PENDING}
    _notices(database).update_many(wanted, {"$set": {"state": WITHDRAWN, "withdrawn_at": to_datetime(now_ms)}})


def _telling_row(database: Database, telling: Telling, reached: frozenset[str], now_ms: int) -> Document | None:
    """None for a person who was erased: nobody is told."""
    text = {"zh": telling.message_zh, "en": telling.message_en}
    fields = text if telling.is_neutral else sealed(database, telling.person, telling.key, text)
    if fields is None:
        return None
    return {
        "_id": telling.key,
        "state": PENDING,
        **({"to_plan": True} if telling.person in reached else {}),
        "person": telling.person,
        "rule": telling.kind,
        "severity": 0,
        "metric": "",
        "measured_at": to_datetime(now_ms),
        **fields,
        "source": "",
        "reviewed": True,
        "raised_at": to_datetime(now_ms),
        **({"categories": list(telling.categories)} if telling.categories else {}),
        **({"about": telling.about} if telling.about else {}),
        **({"urgency": telling.urgency} if telling.urgency else {}),
        **({"from_ms": telling.from_ms} if telling.from_ms is not None else {}),
        **({"expires_at_ms": telling.expires_at_ms} if telling.expires_at_ms is not None else {}),
        **({"link": telling.link} if telling.link else {}),
    }


def unquiet(database: Database, keys: Iterable[str]) -> None:
    """Tells what was kept quiet; safe to repeat, and for keys that are not."""
    told = {"$set": {"state": PENDING, "to_enter": True, "to_plan": True}}
    _notices(database).update_many({"_id": {"$in": list(keys)}, "state": QUIET}, told)


def keys_of(database: Database, raised: Raised) -> list[str]:
    """The keys of these readings' notices, whatever became of them."""
    return _ids_of(database, raised, {"$exists": True})


def withdraw(database: Database, raised: Raised, now_ms: int) -> None:
    """The notices of these readings are withdrawn, whatever became of them so far; safe to repeat."""
    fields = {"state": WITHDRAWN, "withdrawn_from": "$state", "withdrawn_at": to_datetime(now_ms), "to_enter": True}
    ids = _ids_of(database, raised, {"$ne": WITHDRAWN})
    _notices(database).update_many({"_id": {"$in": ids}, "state": {"$ne": WITHDRAWN}}, [{"$set": fields}])


def reinstate(database: Database, raised: Raised) -> None:
    """The withdrawn notices of these readings are what they were before; safe to repeat."""
    fields = {"state": "$withdrawn_from", "to_enter": True, "to_plan": True}
    steps: list[Document] = [{"$set": fields}, {"$unset": ["withdrawn_from", "withdrawn_at"]}]
    ids = _ids_of(database, raised, WITHDRAWN)
    _notices(database).update_many({"_id": {"$in": ids}, "state": WITHDRAWN}, steps)


def pending(database: Database, person: str, limit: int) -> list[Notice]:
    """A person's notices that nobody has settled or read yet, newest first, at most ``limit`` (1 or more)."""
    wanted = {"person": person, "state": PENDING, "read_at_ms": None}
    found = _notices(database).find(wanted, dict.fromkeys(_SHOWN, 1))
    rows = found.sort([("raised_at", DESCENDING), ("_id", ASCENDING)]).limit(limit)
    return [notice(database, row) for row in rows]


def pending_since(database: Database, person: str, since_ms: int) -> list[Notice]:
    """A person's notices that were raised from then on and that nobody has settled yet, oldest first."""
    wanted = {"person": person, "state": PENDING, "raised_at": {"$gte": to_datetime(since_ms)}}
    found = _notices(database).find(wanted, dict.fromkeys(_SHOWN, 1))
    return [notice(database, row) for row in found.sort([("raised_at", ASCENDING), ("_id", ASCENDING)])]


def row_of(database: Database, key: str) -> Document | None:
    """The stored row of a notice that is to be told still."""
    return _notices(database).find_one({"_id": key, "state": PENDING})


def found(database: Database, key: str) -> Reasoned | None:
    """The notice of that key, whatever became of it; None where there is none, or no rule raised it."""
    row = _notices(database).find_one({"_id": key, "rule_version": {"$exists": True}})
    if row is None:
        return None
    opened = said(database, row)
    values = {one["component"]: one["value"] for one in opened.get("values", ())}
    targets = {one["component"]: one["limit"] for one in opened.get("targets", ())}
    return Reasoned(notice(database, row), row["rule_version"], values, opened.get("unit"), targets)


def unentered(database: Database, limit: int) -> list[Unentered]:
    """Rules' notices that have come, gone or come back since the timeline was told of them."""
    shown = dict.fromkeys((*_SHOWN, "state", "rule_version"), 1)
    rows = database[COLLECTION].with_options(read_concern=MAJORITY).find({"to_enter": True}, shown).limit(limit)
    return [Unentered(notice(database, row), row["rule_version"], row["state"]) for row in rows]


def to_plan(database: Database, limit: int) -> list[Notice]:
    """Notices that are to be told outside the app, and of which nobody has planned how; without their words.

    So that one that does not open keeps nobody else's from being planned.
    """
    shown = dict.fromkeys((one for one in _SHOWN if one not in _WORDS), 1)
    rows = database[COLLECTION].with_options(read_concern=MAJORITY).find({"to_plan": True}, shown)
    return [notice(database, row) for row in rows.limit(limit)]


def set_planned(database: Database, keys: Iterable[str]) -> None:
    """What is sent of these stands among the deliveries."""
    _notices(database).update_many({"_id": {"$in": list(keys)}}, {"$unset": {"to_plan": ""}})


def still(database: Database, keys: Iterable[str], now_ms: int) -> list[Notice]:
    """Those that somebody is to be told still: not taken back, not read, not too late."""
    in_time = {"$or": [{"expires_at_ms": None}, {"expires_at_ms": {"$gt": now_ms}}]}
    wanted = {"_id": {"$in": list(keys)}, "state": PENDING, "read_at_ms": None} | in_time
    rows = database[COLLECTION].with_options(read_concern=MAJORITY).find(wanted, dict.fromkeys(_SHOWN, 1))
    return [notice(database, row) for row in rows.sort([("raised_at", ASCENDING), ("_id", ASCENDING)])]


def of_person(database: Database, person: str, before: tuple[int, str] | None, limit: int) -> list[Notice]:
    """A person's notices, read or not, newest first; ``before``: (raised in ms, key) of the last one seen."""
    wanted: Document = {"person": person, "state": PENDING}
    if before is not None:
        at = to_datetime(before[0])
        wanted["$or"] = [{"raised_at": {"$lt": at}}, {"raised_at": at, "_id": {"$gt": before[1]}}]
    rows = _notices(database).find(wanted, dict.fromkeys(_SHOWN, 1))
    return [notice(database, row) for row in rows.sort([("raised_at", DESCENDING), ("_id", ASCENDING)]).limit(limit)]


def set_read(database: Database, person: str, keys: Iterable[str], now_ms: int) -> list[str]:
    """The person has seen these; the keys of those that are theirs. The first time counts."""
    wanted: Document = {"_id": {"$in": list(keys)}, "person": person}
    _notices(database).update_many(wanted | {"read_at_ms": None}, {"$set": {"read_at_ms": now_ms}})
    return [row["_id"] for row in _notices(database).find(wanted, {"_id": 1})]


def set_entered(database: Database, entered: Iterable[Unentered]) -> None:
    """The timeline shows these as they were read; one that has changed since is told of again."""
    writes = [UpdateOne({"_id": one.notice.key, "state": one.state}, {"$unset": {"to_enter": ""}}) for one in entered]
    if writes:
        _notices(database).bulk_write(writes, ordered=False)


def _notices(database: Database) -> Collection[Document]:
    return database[COLLECTION].with_options(write_concern=DURABLE)


def _ids_of(database: Database, raised: Raised, state: Any) -> list[str]:
    if not raised.keys:
        return []
    instants = [t_ms for t_ms, _ in raised.keys]
    between = {"$gte": to_datetime(min(instants)), "$lte": to_datetime(max(instants))}
    wanted: Document = {"person": raised.person, "state": state, "measured_at": between}
    wanted |= {"metric": raised.metric, "device": raised.device}
    rows = database[COLLECTION].find(wanted, {"measured_at": 1, "seq": 1})
    return [row["_id"] for row in rows if (to_ms(row["measured_at"]), row["seq"]) in raised.keys]


def _row(database: Database, one: Raising, reached: frozenset[str]) -> Document | None:
    """As it is stored; None for a person who was erased. ``values`` raised it, kept so that it can be explained."""
    alert = one.alert
    text = {
        "zh": alert.message_zh,
        "en": alert.message_en,
        "values": [{"component": component, "value": value} for component, value in alert.values.items()],
        "unit": alert.unit,
        "targets": [{"component": component, "limit": limit} for component, limit in alert.targets.items()],
    }
    fields = sealed(database, alert.person, alert.key, text)
    if fields is None:
        return None
    return {
        "_id": alert.key,
        "state": PENDING if one.is_told else QUIET,
        **({"to_plan": True} if one.is_told and alert.person in reached else {}),
        **({"to_enter": True} if one.is_entered else {}),
        "person": alert.person,
        "rule": alert.rule,
        "rule_version": alert.rule_version,
        "severity": alert.severity,
        "metric": alert.metric,
        "device": alert.device,
        "seq": alert.seq,
        "measured_at": to_datetime(alert.t_ms),
        "categories": list(alert.categories),
        "urgency": 0 if alert.is_late else alert.severity,
        **fields,
        "source": alert.source,
        "reviewed": alert.reviewed,
        "raised_at": to_datetime(alert.raised_at_ms),
    }


def sealed(database: Database, person: str, key: str, text: Document) -> Document | None:
    """The field that keeps what a notice says; None for a person who was erased."""
    try:
        return {"sealed": seals.seal(database, person, _place(key), text)}
    except KeyDestroyed:
        return None


def notice(database: Database, row: Document) -> Notice:
    """The notice of a stored row; of a person who was erased, without words."""
    zh, en = words(database, row)
    return Notice(
        key=row["_id"],
        person=row["person"],
        rule=row["rule"],
        severity=row["severity"],
        metric=row["metric"],
        measured_at=row["measured_at"],
        message_zh=zh,
        message_en=en,
        source=row["source"],
        reviewed=row["reviewed"],
        raised_at=row["raised_at"],
        categories=tuple(row.get("categories", ("readings",))),
        about=row.get("about"),
        urgency=row.get("urgency", 0),
        from_ms=row.get("from_ms"),
        expires_at_ms=row.get("expires_at_ms"),
        link=row.get("link"),
        read_at_ms=row.get("read_at_ms"),
    )


def said(database: Database, row: Document) -> Document:
    """What a stored row says, and which values raised it: zh, en, and a rule's values, unit and targets."""
    if "sealed" not in row:
        return row
    try:
        opened: Document = seals.unseal(database, row["person"], _place(row["_id"]), row["sealed"])
    except KeyDestroyed:
        return {"zh": "", "en": ""}
    return opened


def words(database: Database, row: Document) -> tuple[str, str]:
    """What a stored row says, in Chinese and English."""
    opened = said(database, row)
    return opened.get("zh", ""), opened.get("en", "")


def _place(key: str) -> str:
    return f"notices.{key}.said"
