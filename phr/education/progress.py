"""How somebody gets on with lessons: what was answered, what comes again when, what is finished.

Collection ``lessons``: _id  person:token of the lesson     person     due_ms  when it comes again     v
    sealed  the lesson's slug, the versions that were read, the first and the latest answers, the card of the spaced
    repetition, ids heard

What somebody learns about says what concerns them, so it is sealed. When a lesson comes again is FSRS's word (the
``fsrs`` library, its own parameters, without chance): soon after a wrong answer, ever later after right ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from phr.clock import to_datetime, to_ms
from phr.database import DURABLE, Database, Document
from phr.errors import VersionConflict
from phr.people import seals

COLLECTION = "lessons"
HEARD = 20  # answers whose ids are remembered
MOST_VERSIONS = 100  # of one lesson, the latest
MAX_TRIES = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A text as it was when it was first read: kept in ``phr.education.versions``."""

    language: str
    version: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Progress:
    """``first`` and ``latest``: for each question whether the answer was right; None while nobody has answered."""

    slug: str
    read_ms: int | None = None
    first: tuple[bool, ...] | None = None
    latest: tuple[bool, ...] | None = None
    answered_ms: int | None = None
    finished_ms: int | None = None  # the first time that all of it was right
    due_ms: int | None = None
    card: dict[str, Any] = field(default_factory=dict)
    heard: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()  # each version once; nothing of what was read before versions were kept

    @property
    def is_finished(self) -> bool:
        return self.finished_ms is not None


@dataclass(frozen=True, slots=True)
class Answered:
    """``id``: the client's own name of this answering; the same again changes nothing."""

    id: str
    right: tuple[bool, ...]
    at_ms: int
    of: Seen | None = None


def of_person(database: Database, person: str) -> list[Progress]:
    """Every lesson that the person has begun."""
    return [_opened(database, row) for row in database[COLLECTION].find({"person": person}, sort=[("_id", 1)])]


def find(database: Database, person: str, slug: str) -> Progress:
    """As it is now; of a lesson that was not begun nothing but its name."""
    row = database[COLLECTION].find_one({"_id": _id(database, person, slug)})
    return _opened(database, row) if row else Progress(slug)


def read(database: Database, person: str, slug: str, now_ms: int, *, of: Seen | None = None) -> Progress:
    """Noted the first time; ``of``: the text that was read, of each version noted the first time."""

    def reading(one: Progress) -> Progress:
        first = one.read_ms if one.read_ms is not None else now_ms
        return _with(one, read_ms=first, seen=_seen(one, of))

    return _change(database, person, slug, reading)


def answer(database: Database, person: str, slug: str, said: Answered) -> Progress:
    """The lesson after an answering. Raises VersionConflict where others change it without end."""
    return _change(database, person, slug, lambda one: _answered(one, said))


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("person", 1), ("due_ms", 1)], name="person")


def _answered(one: Progress, said: Answered) -> Progress:
    if said.id in one.heard:
        return one
    is_right = all(said.right)
    card, due = _reviewed(one.card, to_datetime(said.at_ms), is_right=is_right)
    return _with(
        one,
        read_ms=one.read_ms if one.read_ms is not None else said.at_ms,
        first=one.first if one.first is not None else said.right,
        latest=said.right,
        answered_ms=said.at_ms,
        finished_ms=one.finished_ms if one.is_finished or not is_right else said.at_ms,
        due_ms=to_ms(due),
        card=card,
        heard=(*one.heard, said.id)[-HEARD:],
        seen=_seen(one, said.of),
    )


def _seen(one: Progress, new: Seen | None) -> tuple[Seen, ...]:
    if new is None or any((old.language, old.version) == (new.language, new.version) for old in one.seen):
        return one.seen
    return (*one.seen, new)[-MOST_VERSIONS:]


def _reviewed(card: dict[str, Any], at: datetime, *, is_right: bool) -> tuple[dict[str, Any], datetime]:
    """The card after the answer. Answers that come late, out of order, count as of the latest one known."""
    from fsrs import Card, Rating, Scheduler  # noqa: PLC0415 - with the first answer

    known = Card.from_dict(card) if card else Card(card_id=1, due=at)  # type: ignore[arg-type]
    if known.last_review is not None and known.last_review > at:
        at = known.last_review
    after, _ = Scheduler(enable_fuzzing=False).review_card(known, Rating.Good if is_right else Rating.Again, at)
    return dict(after.to_dict()), after.due


def _with(one: Progress, **changes: Any) -> Progress:
    names = Progress.__dataclass_fields__
    return Progress(**{name: getattr(one, name) for name in names} | changes)


def _change(database: Database, person: str, slug: str, way: Any) -> Progress:
    key, rows = _id(database, person, slug), database[COLLECTION].with_options(write_concern=DURABLE)
    for _ in range(MAX_TRIES):
        row = rows.find_one({"_id": key})
        before = _opened(database, row) if row else Progress(slug)
        after: Progress = way(before)
        if after == before and row:
            return after
        version = row["v"] if row else 0
        new = _row(database, person, key, after, version + 1)
        try:
            if rows.replace_one({"_id": key, "v": version}, new, upsert=row is None).modified_count or row is None:
                return after
        except DuplicateKeyError:
            continue
    raise VersionConflict("it is changed by others faster than it can be read")


def _row(database: Database, person: str, key: str, one: Progress, version: int) -> Document:
    told = {name: getattr(one, name) for name in Progress.__dataclass_fields__}
    told["seen"] = [[seen.language, seen.version, seen.at_ms] for seen in one.seen]
    sealed = seals.seal(database, person, f"{COLLECTION}.{key}", told)
    return {"_id": key, "person": person, "due_ms": one.due_ms, "v": version, "sealed": sealed}


def _opened(database: Database, row: Document) -> Progress:
    told = seals.unseal(database, row["person"], f"{COLLECTION}.{row['_id']}", row["sealed"])
    for name in ("first", "latest", "heard"):
        told[name] = None if told[name] is None else tuple(told[name])
    told["seen"] = tuple(Seen(*one) for one in told.get("seen", ()))
    return Progress(**told)


def _id(database: Database, person: str, slug: str) -> str:
    return f"{person}:{seals.tokens(database, person, [f'lesson:{slug}'])[0].hex()}"


def share_right(answers: Sequence[tuple[bool, ...] | None]) -> int | None:
    """Percent of the questions that were answered rightly; None where none was answered."""
    asked = [one for some in answers if some is not None for one in some]
    return round(100 * sum(asked) / len(asked)) if asked else None
