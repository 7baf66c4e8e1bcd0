"""A reported death: what was granted is frozen, nobody is alarmed any more, and who asks is sent to the officer.

Source: PIPL article 49 (close relatives' rights to a dead person's information, for their own lawful interests).
"""

from __future__ import annotations

from datetime import date

from phr.clock import DAY_MS
from phr.database import Database
from phr.errors import InputInvalid
from phr.people import contracts, granting, grants, people
from phr.people.granting import Consent
from phr.people.grants import RELATIVE, Grant
from phr.people.people import Person

DEATH = "death"  # why grants are frozen
LONGEST_DAYS = 90  # that a relative sees the record at the officer's word; this project's own choice


def report(database: Database, person: str, died_on: date, now_ms: int) -> Person:
    """The person, dead; safe to repeat. Raises NotFound, InputInvalid for a day that is not over or before birth.

    First the grants and then the person: after a crash the same is reported again.
    """
    there = people.require(database, person)
    if there.midnight_ms(died_on) > now_ms or (there.birth_on is not None and died_on < there.birth_on):
        raise InputInvalid("a day between birth and today", "/died_on")
    grants.freeze(database, person, DEATH, but=())
    return people.set_died(database, person, died_on)


def take_back(database: Database, person: str) -> Person:
    """The report was wrong: all is as it was. Safe to repeat. Raises NotFound."""
    alive = people.set_died(database, person, None)
    grants.thaw(database, person, DEATH)
    return alive


def requests(database: Database, organisation: str, now_ms: int) -> list[Grant]:
    """What relatives ask of dead people who were under contract with the organisation; its officer answers."""
    made = contracts.of_organisation(database, organisation, now_ms)
    residents = {one.person for one in made if one.grant.accepted_at_ms is not None}
    asked = {one: granting.of_person(database, one) for one in residents}
    dead = {one.id for one in people.find_many(database, [*asked]).values() if one.died_on is not None}
    open_ = [one for person in sorted(dead) for one in asked[person] if one.state(now_ms) == "proposed"]
    return [one for one in open_ if one.kind == RELATIVE]


def accept(database: Database, asked: Grant, consent: Consent, now_ms: int) -> Grant:
    """The relative sees what was asked for, reading only, for 90 days at most. Raises GrantSettled, TextOutdated."""
    latest_ms = now_ms + LONGEST_DAYS * DAY_MS
    limited = {"verbs": ["read"], "until_ms": min(asked.until_ms or latest_ms, latest_ms)}
    database["grants"].update_one({"_id": asked.id, "awaits": asked.person}, {"$set": limited})
    return granting.accept_for(database, asked, consent, now_ms)
