"""People: who they are, where they have lived (zones as dated history), what they consented to.

What identifies a person (``SEALED``) stands in the row sealed with the person's key, beside the tokens that find it.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mongoengine import ValidationError
from pymongo.client_session import ClientSession

from phr.clock import to_datetime, to_ms
from phr.database import Database, Document
from phr.errors import InputInvalid, NotFound, VersionConflict
from phr.people import directory, keyring, numbers, seals
from phr.people.documents import PersonDocument
from phr.people.keyring import KeyDestroyed

OPERATOR = "operator"  # the role of who runs the installation; nobody can let them see a record
STORE = "store"  # the consent without which no reading is taken in
SINCE_EVER_MS = -(2**53)
PATCHED = ("name", "birth_on", "phone", "identity_number", "sex")
SEALED = ("name", "birth_on", "phone", "identity_number")
_PLACE = "people.sealed"
_UNSEARCHED = {"found_by": False}  # most of a row, and for the index alone
_AT_ONCE = 1_000  # people whose keys are read in one query


@dataclass(frozen=True, slots=True)
class ZonePeriod:
    """A zone from an instant on (None: since ever) until the next period begins."""

    since_ms: int | None
    zone: str


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str | None
    birth_on: date | None
    sex: str | None
    zones: tuple[ZonePeriod, ...]  # in order of time, the first since ever
    roles: tuple[str, ...]
    organisation: str | None
    is_demo: bool
    consent_withdrawn: bool
    seq: int  # the registry number of the last change; also its version
    phone: str | None = None  # as ``directory.normal_phone`` gives it
    identity_number: str | None = None
    died_on: date | None = None  # as was reported
    refused: tuple[str, ...] = ()  # processing that the person has refused, beside the taking in of readings
    unsettled_since_ms: int | None = None  # zones changed from here on and days are not marked yet; see rezoning

    def zone_at(self, t_ms: int) -> str:
        """The IANA zone that the person had at an instant."""
        return next(
            period.zone for period in reversed(self.zones) if period.since_ms is None or period.since_ms <= t_ms
        )

    def midnight_ms(self, on: date) -> int:
        """When a day begins by the zone that the person had then."""
        midnight = datetime(on.year, on.month, on.day, tzinfo=UTC)
        return to_ms(midnight.replace(tzinfo=ZoneInfo(self.zone_at(to_ms(midnight)))))

    def offset_min_at(self, t_ms: int) -> int:
        """Minutes from UTC that the person's clocks had at an instant; the seconds of old local mean times are cut."""
        offset = to_datetime(t_ms).astimezone(ZoneInfo(self.zone_at(t_ms))).utcoffset()
        return 0 if offset is None else offset // timedelta(minutes=1)


def new_id() -> str:
    """A person id: 20 characters of lower-case base32, 100 random bits."""
    return base64.b32encode(secrets.token_bytes(13))[:20].decode().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    zone: str
    id: str = field(default_factory=new_id)
    name: str | None = None
    birth_on: date | None = None
    phone: str | None = None
    identity_number: str | None = None
    sex: str | None = None
    roles: tuple[str, ...] = ()
    organisation: str | None = None
    is_demo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``fields``: those of ``PATCHED``, None taking one away; ``zone``: from an instant on."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    zone: ZonePeriod | None = None


def create(database: Database, draft: NewPerson) -> Person:
    """The person, stored. Raises InputInvalid with a pointer to the field."""
    return create_many(database, [draft])[0]


def create_many(database: Database, drafts: Sequence[NewPerson]) -> list[Person]:
    """All of them in one transaction, at most 1,000. Raises InputInvalid; then none is stored."""
    plain = [_checked(_new_row(draft) | {"seq": 0}) for draft in drafts]
    keyring.make(database, [row["_id"] for row in plain])
    keyring.warm(database, [row["_id"] for row in plain])
    sealed = [_sealed(database, row) for row in plain]

    def insert(session: ClientSession, number: int) -> int:
        database["people"].insert_many([row | {"seq": number} for row in sealed], session=session)
        return number

    number = numbers.change(database, insert)
    return [_person(row | {"seq": number}) for row in plain]


def find(database: Database, person_id: str) -> Person | None:
    """The person; None where there is none. Raises KeyDestroyed for one whose erasure has begun."""
    row = database["people"].find_one({"_id": person_id}, _UNSEARCHED)
    return opened(database, row) if row else None


def steps(person_id: Any) -> list[Document]:
    """Steps of an aggregation over people: the row that ``opened`` takes, where there is one.

    ``person_id``: of one, or what stands for several in a query.
    """
    return [{"$match": {"_id": person_id}}, {"$project": _UNSEARCHED}]


def opened(database: Database, row: Document) -> Person:
    """The person of a stored row. Raises KeyDestroyed for one whose erasure has begun."""
    return _person(_opened(database, row))


def is_there(database: Database, person_id: str) -> bool:
    """True for somebody who has a record; it is not opened."""
    return database["people"].find_one({"_id": person_id}, {"_id": 1}) is not None


def find_many(database: Database, person_ids: Iterable[str]) -> dict[str, Person]:
    """Those of the people who exist; two queries a thousand."""
    wanted, found = list(person_ids), {}
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        keyring.warm(database, some)
        for row in database["people"].find({"_id": {"$in": some}}, _UNSEARCHED):
            with contextlib.suppress(KeyDestroyed):  # as good as erased
                found[row["_id"]] = _person(_opened(database, row))
    return found


def require(database: Database, person_id: str) -> Person:
    """The person. Raises NotFound."""
    found = find(database, person_id)
    if found is None:
        raise NotFound("no such person")
    return found


def patch(database: Database, person_id: str, change: Change, if_seq: int | None = None) -> Person:
    """The changed person.

    Raises NotFound; KeyDestroyed; VersionConflict where the person is no longer at ``if_seq``; InputInvalid.
    """
    fields = _normal({key: value for key, value in change.fields.items() if key in PATCHED})
    if change.zone is not None:
        check_zone(change.zone.zone)

    def patched(row: Document) -> Document:
        if if_seq is not None and row["seq"] != if_seq:
            raise VersionConflict("the person has changed since it was read")
        return row | fields | (_rezoned(row, change.zone) if change.zone else {})

    return _change(database, person_id, patched)


def change_zone(database: Database, person_id: str, zone: str, since_ms: int | None) -> Person:
    """The person living in a zone from an instant on (None: since ever), until the next known change.

    Raises NotFound; InputInvalid for a zone that is none.
    """
    return patch(database, person_id, Change(zone=ZonePeriod(since_ms, zone)))


def replace_zones(database: Database, person_id: str, zones: Sequence[ZonePeriod]) -> Person:
    """The person having lived in these zones, in order of time, the first since ever. Raises as ``change_zone``."""
    for period in zones:
        check_zone(period.zone)
    rows = [{"since_ms": period.since_ms, "zone": period.zone} for period in zones]
    told = {"zones": rows, "unsettled_since_ms": SINCE_EVER_MS}
    return _change(database, person_id, lambda row: row | told)


def find_unsettled(database: Database) -> Person | None:
    """Somebody whose zones have changed while the days of their readings are not marked yet."""
    row = database["people"].find_one({"unsettled_since_ms": {"$exists": True}}, _UNSEARCHED)
    return _person(_opened(database, row)) if row else None


def set_settled(database: Database, person: Person) -> None:
    """The days are marked, unless the person has changed again since it was read."""
    database["people"].update_one({"_id": person.id, "seq": person.seq}, {"$unset": {"unsettled_since_ms": ""}})


def set_consent(database: Database, person_id: str, *, is_withdrawn: bool) -> Person:
    """The person with the consent to take readings in given or withdrawn. Raises NotFound."""
    return _change(database, person_id, lambda row: row | {"consent_withdrawn": is_withdrawn})


def set_refused(
    database: Database,
    person_id: str,
    topic: str,
    *,
    is_refused: bool,
    also: Callable[[ClientSession, int], None] = lambda *_: None,
) -> Person:
    """The person with the consent to some processing refused or given; ``also`` is done in the same transaction.

    "store" is the consent to take readings in. Raises NotFound.
    """

    def decided(row: Document) -> Document:
        if topic == STORE:
            return row | {"consent_withdrawn": is_refused}
        others = [one for one in row.get("refused", ()) if one != topic]
        return row | {"refused": sorted([*others, topic]) if is_refused else others}

    return _change(database, person_id, decided, also)


def set_died(database: Database, person_id: str, died_on: date | None) -> Person:
    """The person reported dead since a day, or not (any more). Raises NotFound."""
    told = None if died_on is None else died_on.isoformat()
    return _change(database, person_id, lambda row: row | {"died_on": told})


def set_work(database: Database, person_id: str, roles: Sequence[str], organisation: str | None) -> Person:
    """The person working somewhere as something, or nowhere. Raises NotFound."""
    return _change(database, person_id, lambda row: row | {"roles": list(roles), "organisation": organisation})


def close(database: Database, person_id: str) -> None:
    """Nothing is taken in for the person any more, and every process that remembers them looks again. Repeatable."""

    def closed(session: ClientSession, number: int) -> None:
        change = {"$set": {"consent_withdrawn": True, "seq": number}, "$unset": {"unsettled_since_ms": ""}}
        database["people"].update_one({"_id": person_id}, change, session=session)

    numbers.change(database, closed)


def check_zone(zone: str) -> None:
    """Raises InputInvalid where the name is not an IANA zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputInvalid(f"{zone!r} is not an IANA time zone", "/zone") from error


def ensure_indexes(database: Database) -> None:
    numbers.ensure_indexes(database)
    directory.ensure_indexes(database)
    database["people"].create_index("seq", name="seq")
    is_unsettled = {"unsettled_since_ms": {"$exists": True}}
    database["people"].create_index("unsettled_since_ms", name="unsettled", partialFilterExpression=is_unsettled)


def _new_row(draft: NewPerson) -> Document:
    check_zone(draft.zone)
    known = _normal({name: getattr(draft, name) for name in SEALED})
    return known | {
        "_id": draft.id,
        "sex": draft.sex,
        "zones": [{"since_ms": None, "zone": draft.zone}],
        "roles": list(draft.roles),
        "organisation": draft.organisation,
        "is_demo": draft.is_demo,
        "consent_withdrawn": False,
    }


def _change(
    database: Database,
    person_id: str,
    apply: Callable[[Document], Document],
    also: Callable[[ClientSession, int], None] = lambda *_: None,
) -> Person:
    def changed(session: ClientSession, number: int) -> Document:
        row = database["people"].find_one({"_id": person_id}, _UNSEARCHED, session=session)
        if row is None:
            raise NotFound("no such person")
        new = _checked(apply(_opened(database, row)) | {"seq": number})
        database["people"].replace_one({"_id": person_id}, _sealed(database, new), session=session)
        also(session, number)
        return new

    return _person(numbers.change(database, changed))


def _checked(row: Document) -> Document:
    document = PersonDocument(**{"id" if key == "_id" else key: value for key, value in row.items()})
    try:
        document.validate()
    except ValidationError as error:
        name = next(iter(error.errors or {"": ""}))
        raise InputInvalid(f"{name}: {error.to_dict().get(name)}", f"/{name}") from error
    plain: Document = document.to_mongo().to_dict()
    return plain


def _sealed(database: Database, plain: Document) -> Document:
    """The row as it is stored."""
    known = {name: plain[name] for name in SEALED if plain.get(name) is not None}
    row = {name: value for name, value in plain.items() if name not in SEALED}
    sealed = seals.seal(database, plain["_id"], _PLACE, known)
    return row | {"sealed": sealed, "found_by": directory.tokens_of(database, known)}


def _opened(database: Database, row: Document) -> Document:
    """The row in the clear; one from before names were sealed is so, and is sealed by its next change."""
    if "sealed" not in row:
        return row
    plain = {name: value for name, value in row.items() if name != "sealed"}
    known: Document = seals.unseal(database, row["_id"], _PLACE, row["sealed"])
    return plain | known


def _person(row: Document) -> Person:
    periods = tuple(ZonePeriod(period.get("since_ms"), period["zone"]) for period in row["zones"])
    birth = row.get("birth_on")
    return Person(
        id=row["_id"],
        name=row.get("name"),
        birth_on=date.fromisoformat(birth) if birth else None,
        sex=row.get("sex"),
        zones=periods,
        roles=tuple(row.get("roles") or ()),
        organisation=row.get("organisation"),
        is_demo=row["is_demo"],
        consent_withdrawn=row["consent_withdrawn"],
        refused=tuple(row.get("refused") or ()),
        died_on=date.fromisoformat(row["died_on"]) if row.get("died_on") else None,
        seq=row["seq"],
        phone=row.get("phone"),
        identity_number=row.get("identity_number"),
        unsettled_since_ms=row.get("unsettled_since_ms"),
    )


def _normal(fields: Document) -> Document:
    """As they are kept. Raises InputInvalid."""
    normal = {"phone": directory.normal_phone, "identity_number": directory.normal_identity_number}
    return {name: value if value is None else normal.get(name, _plain)(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _rezoned(row: Document, new: ZonePeriod) -> Document:
    since_ms = SINCE_EVER_MS if new.since_ms is None else new.since_ms
    unsettled = min(since_ms, row.get("unsettled_since_ms", since_ms))
    return {"zones": _moved(row["zones"], new), "unsettled_since_ms": unsettled}


def _moved(periods: list[Document], new: ZonePeriod) -> list[Document]:
    kept = [period for period in periods if period.get("since_ms") != new.since_ms]
    return sorted([*kept, {"since_ms": new.since_ms, "zone": new.zone}], key=_since)


def _since(period: Document) -> float:
    since = period.get("since_ms")
    return float("-inf") if since is None else since
