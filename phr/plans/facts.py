"""What rules ask of a person, from the record: diagnoses, medications, pregnancy, what was entered by hand, targets."""

from __future__ import annotations

import contextlib
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from phr.care.codes import codes, stands_below
from phr.care.observation import PREGNANCY, PersonFacts
from phr.care.rules import rules
from phr.clock import DAY_MS
from phr.database import Database, Document
from phr.people import keyring, people
from phr.people.keyring import KeyDestroyed
from phr.people.people import Person
from phr.plans import known, plans, targets, versions
from phr.plans import whose as whose_eyes
from phr.readings.latest import latest
from phr.timeline import bodies
from phr.timeline.kind import Content
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.units import canonical

LIFE_MS = 60_000  # how long a process may act on what was so before
# Our own choice, a little more than the longest of pregnancies: one whose end nobody has entered is over.
LONGEST_PREGNANCY_MS = 300 * DAY_MS
HEIGHT = "height"
_KINDS = ["condition", "medication"]
_HAS = (None, "active", "recurrence", "relapse")
_IS_DIAGNOSED = (None, "provisional", "confirmed")
_TAKES = (None, "active")
_ICD_10 = ("icd-10", "icd-10-cn")


@dataclass(slots=True)
class _Gathered:
    """``categories``: of the entry that the most may see, for each word."""

    diagnoses: set[str] = field(default_factory=set)
    medications: set[str] = field(default_factory=set)
    begun_ms: list[int] = field(default_factory=list)  # pregnancies
    ended_ms: list[int] = field(default_factory=list)
    categories: dict[str, frozenset[str]] = field(default_factory=dict)

    def say(self, word: str, categories: Iterable[str]) -> None:
        new, old = frozenset(categories), self.categories.get(word)
        if old is None or (len(new), sorted(new)) < (len(old), sorted(old)):
            self.categories[word] = new


def facts_of(database: Database, person_ids: Iterable[str], now_ms: int) -> dict[str, PersonFacts]:
    """Of those of the people who exist, their height as it was measured last too."""
    found = facts_of_many(database, people.find_many(database, person_ids), now_ms)
    return {person: with_height(database, person, facts) for person, facts in found.items()}


class Memory:
    """Facts for the hot path, without heights: read once a minute a person, with two questions for many people.

    One a process, used from one thread. What a doctor sets or enters counts a minute later at the latest.
    """

    def __init__(self, database: Database, capacity: int = 20_000) -> None:
        self._database = database
        self._capacity = capacity
        self._facts: OrderedDict[str, tuple[int, int, PersonFacts]] = OrderedDict()

    def of(self, known: Mapping[str, Person], now_ms: int) -> dict[str, PersonFacts]:
        """Of these people; one who has changed since (``seq``) is read anew at once."""
        missing = {key: person for key, person in known.items() if not self._is_fresh(person, now_ms)}
        for key, facts in facts_of_many(self._database, missing, now_ms).items() if missing else ():
            self._facts[key] = (now_ms, missing[key].seq, facts)
            self._facts.move_to_end(key)
        found = {key: self._facts[key][2] for key in known}
        while len(self._facts) > self._capacity:
            self._facts.popitem(last=False)
        return found

    def _is_fresh(self, person: Person, now_ms: int) -> bool:
        at_ms, seq, _ = self._facts.get(person.id, (0, -1, None))
        return seq == person.seq and 0 <= now_ms - at_ms < LIFE_MS


def facts_of_many(database: Database, whose: Mapping[str, Person], now_ms: int) -> dict[str, PersonFacts]:
    """Of all of them, without their heights: two questions."""
    keyring.warm(database, whose)
    gathered: dict[str, _Gathered] = defaultdict(_Gathered)
    for row, said in _entries(database, whose, now_ms):
        _note(gathered[row["person"]], row, said)
    said_of = versions.find_all_in(database, (known.COLLECTION, targets.COLLECTION, plans.COLLECTION), whose)
    by_hand = known.of_people(said_of[known.COLLECTION])
    own = targets.of_people(said_of[targets.COLLECTION])
    enrolled = plans.programmes_of(said_of[plans.COLLECTION])
    return {
        key: _enrolled(
            _facts(person, gathered[key], by_hand.get(key, known.NOTHING), now_ms, own.get(key, {})),
            enrolled.get(key, frozenset()),
        )
        for key, person in whose.items()
    }


def _entries(database: Database, whose: Iterable[str], now_ms: int) -> Iterator[tuple[Document, Content]]:
    """Rows of conditions and medications that are not over, and what they say; deleted ones are not there."""
    wanted = {"person": {"$in": list(whose)}, "is_deleted": False, "kind": {"$in": _KINDS}}
    not_over = {"$or": [{"end.1": {"$exists": False}}, {"end.1": {"$gte": now_ms}}], "effective_ms": {"$lte": now_ms}}
    for row in database["entries"].find(wanted | not_over, {"words": False, "said_as": False}):
        with contextlib.suppress(KeyDestroyed):  # of somebody who is being erased
            yield row, bodies.opened(database, row)["content"]


def _note(gathered: _Gathered, row: Document, said: Content) -> None:
    stated = [(one["system"], one["code"]) for one in said.get("codes", ())]
    if row["kind"] == "medication":
        atc = [code for system, code in stated if system == "atc"]
        words = codes().medications_of(atc) if said.get("status") in _TAKES else frozenset()
        gathered.medications |= words
    else:
        icd = [code for system, code in stated if system in _ICD_10]
        is_there = said.get("status") in _HAS and said.get("verification") in _IS_DIAGNOSED
        words = codes().diagnoses_of(icd) if is_there else frozenset()
        gathered.diagnoses |= words
        if stands_below(icd, codes().ends_pregnancy):
            gathered.ended_ms.append(row["effective_ms"])
        elif is_there and stands_below(icd, codes().begins_pregnancy):
            gathered.begun_ms.append(row["effective_ms"])
            gathered.say(PREGNANCY, row["categories"])
    for word in words:
        gathered.say(word, row["categories"])


def _facts(
    person: Person, gathered: _Gathered, by_hand: known.Known, now_ms: int, own: Mapping[tuple[str, str], float]
) -> PersonFacts:
    is_pregnant = _is_pregnant(gathered, now_ms)
    categories = dict(gathered.categories)
    if by_hand.pregnant_until_ms is not None and now_ms < by_hand.pregnant_until_ms:
        is_pregnant = True
        categories.setdefault(PREGNANCY, frozenset(("care", "reproductive")))
    return PersonFacts(
        birth_on=person.birth_on,
        is_pregnant=is_pregnant,
        sex=person.sex,
        diagnoses=frozenset(gathered.diagnoses),
        medications=frozenset(gathered.medications),
        lives_high=by_hand.lives_high,
        best=by_hand.best,
        targets=own,
        categories=categories,
    )


def _enrolled(facts: PersonFacts, programmes: frozenset[str]) -> PersonFacts:
    """Whoever a doctor has enrolled has what the programme is for, whether or not an entry says so."""
    if not programmes:
        return facts
    categories = dict(facts.categories)
    there = [one for one in rules().programmes if one.id in programmes]
    words = {one.diagnosis: whose_eyes.of_programme(one) for one in there}
    for word, seen in words.items():
        categories.setdefault(word, frozenset(seen))
    return replace(
        facts,
        programmes=programmes,
        diagnoses=(facts.diagnoses or frozenset()) | words.keys(),
        categories=categories,
    )


def _is_pregnant(gathered: _Gathered, now_ms: int) -> bool | None:
    """None where nothing tells of it."""
    if not gathered.begun_ms:
        return None
    begun = max(gathered.begun_ms)
    return now_ms - begun <= LONGEST_PREGNANCY_MS and not any(ended >= begun for ended in gathered.ended_ms)


def with_height(database: Database, person: str, facts: PersonFacts) -> PersonFacts:
    """With the height as it was measured last, which is a question of its own a person."""
    found = latest(database, person, {HEIGHT: vocabulary().metrics[HEIGHT]})
    if not found:
        return facts
    return replace(facts, height_cm=canonical(found[0].metric, found[0].values[""]))
