"""Consents to processing, each on its own: to store, to take a vendor's data in, to evaluate by rule, to research.

Collection ``processing_consents``, a row a decision, none ever changed: _id, person, topic, state, by, at_ms, text.
The latest decides. What is refused or withdrawn also stands with the person (``people.refused``), where ingestion
remembers it. Source: PIPL articles 14 to 16 (withdrawn as easily as given), 24 (automated decisions), 29 (separate
consent), 47 (what is stored after a withdrawal).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from pymongo.client_session import ClientSession

from phr.database import Database, Document
from phr.errors import NotFound
from phr.people import consent_texts, granting, grants, guardians, people
from phr.people.consent_texts import Seen
from phr.people.granting import Consent
from phr.people.people import STORE, Person

COLLECTION = "processing_consents"
EVALUATION, RESEARCH, VENDOR = "automated-evaluation", "research", "vendor"
TOPICS = (STORE, EVALUATION, RESEARCH)
LOCK = "lock"  # why grants are frozen whose owner no longer wants the data used
_OF_VENDOR = re.compile(rf"{VENDOR}:[a-z0-9-]{{1,32}}")
State = Literal["given", "refused", "withdrawn", "unasked"]


@dataclass(frozen=True, slots=True)
class Decision:
    topic: str
    state: State
    by: str | None = None
    at_ms: int | None = None
    text: Seen | None = None


def decided(database: Database, person: str, vendors: Sequence[str]) -> list[Decision]:
    """The latest decision on each topic, on these vendors' too; in order of topics."""
    latest: dict[str, Document] = {}
    for row in database[COLLECTION].find({"person": person}, sort=[("at_ms", 1), ("n", 1)]):
        latest[row["topic"]] = row
    topics = [*TOPICS, *sorted({*(f"{VENDOR}:{one}" for one in vendors), *(latest.keys() - set(TOPICS))})]
    return [_decision(latest[one]) if one in latest else Decision(one, "unasked") for one in topics]


def history(database: Database, person: str, topic: str) -> list[Decision]:
    """Every decision on a topic, latest first."""
    rows = database[COLLECTION].find({"person": person, "topic": topic}, sort=[("at_ms", -1), ("n", -1)])
    return [_decision(row) for row in rows]


def who_have_given(database: Database, topic: str) -> dict[str, Decision]:
    """Whose latest decision on a topic is that they consent, in order of people; nobody who was never asked."""
    latest: dict[str, Document] = {}
    for row in database[COLLECTION].find({"topic": topic}, sort=[("at_ms", 1), ("n", 1)]):
        latest[row["person"]] = row
    return {person: _decision(row) for person, row in sorted(latest.items()) if row["state"] == "given"}


def is_anothers(person: Person, decision: Decision, now_ms: int) -> bool:
    """True where a guardian decided for a child who is 14 now and has not decided anew (PIPL, article 31)."""
    at_14 = guardians.birthday_ms(person, guardians.GUARDED_UNTIL_AGE)
    if at_14 is None or decision.at_ms is None:
        return False
    return decision.by != person.id and decision.at_ms < at_14 <= now_ms


def give(database: Database, person: str, topic: str, consent: Consent, now_ms: int) -> Decision:
    """What was locked opens. Raises NotFound for a topic that is none, TextOutdated, AccessDenied for the dead."""
    granting.hold_to_living(database, person)
    text = consent_texts.seen(_kind(topic), consent.version, consent.language)
    given = _decide(database, person, Decision(topic, "given", consent.by, now_ms, text))
    if topic == STORE:
        grants.thaw(database, person, LOCK)
    return given


def refuse(database: Database, person: str, topic: str, by: str, now_ms: int) -> Decision:
    """Refused where it was never given, else withdrawn; holds for everything that comes from now on.

    Raises NotFound for a topic that is none.
    """
    _kind(topic)
    earlier = [one.state for one in history(database, person, topic)[:1]]
    state: State = "refused" if earlier and earlier[0] == "refused" else "withdrawn"
    return _decide(database, person, Decision(topic, state if earlier else "refused", by, now_ms))


def lock(database: Database, person: str) -> None:
    """What is stored is kept for its owner and who stands in, and seen by nobody else. Safe to repeat."""
    grants.freeze(database, person, LOCK)


def is_unevaluated(person: Person) -> bool:
    """True for one whose readings no rule looks at: by their own word, or because they were reported dead."""
    return EVALUATION in person.refused or person.died_on is not None


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("person", 1), ("topic", 1), ("at_ms", -1)], name="person")


def _decide(database: Database, person: str, decision: Decision) -> Decision:
    """The row and what stands with the person, both or neither."""
    row: Document = {
        "_id": secrets.token_urlsafe(12),
        "person": person,
        "topic": decision.topic,
        "state": decision.state,
    }
    row |= {"by": decision.by, "at_ms": decision.at_ms, "text": asdict(decision.text) if decision.text else None}

    def kept(session: ClientSession, number: int) -> None:
        database[COLLECTION].insert_one(row | {"n": number}, session=session)

    people.set_refused(database, person, decision.topic, is_refused=decision.state != "given", also=kept)
    return decision


def _kind(topic: str) -> str:
    """The topic of its text. Raises NotFound."""
    if topic in TOPICS:
        return topic
    if _OF_VENDOR.fullmatch(topic) is None:
        raise NotFound(f"there are {', '.join(TOPICS)} and {VENDOR}:NAME")
    return VENDOR


def _decision(row: Document) -> Decision:
    text = row.get("text")
    return Decision(row["topic"], row["state"], row["by"], row["at_ms"], Seen(**text) if text else None)
