"""E-mail addresses of an earlier version wait for their proof, and their people are told so once."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.migrations import m0009_prove_emails
from phr.notices import addresses, outbox
from phr.notices.addresses import ACTIVE, ADDRESSES, DISABLED, UNPROVED
from phr.people import people
from tests.cast import T0, a_person

EMAILS = [{"email": f"{name}@example.org"} for name in ("a", "b", "c")]


@pytest.fixture
def ana(database: Database) -> str:
    found = people.create(database, a_person(name="ana")).id
    for one in EMAILS:
        addresses.put(database, found, "email", one, T0)
    database[ADDRESSES].update_many({}, {"$set": {"state": ACTIVE}})
    addresses.put(database, found, "sms", {"phone": "13800000000"}, T0)
    return found


def states(database: Database, person: str) -> list[tuple[str, str]]:
    return sorted((one.channel, one.state) for one in addresses.of_people(database, [person], is_active=False))


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_they_wait_though_it_is_cut_off(
    database: Database, ana: str, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(m0009_prove_emails, "BATCH", 1)
    begun = m0009_prove_emails.run(database)
    assert [next(begun) for _ in range(rounds)] == [1] * rounds
    assert sum(m0009_prove_emails.run(database)) == len(EMAILS) - rounds
    assert states(database, ana) == [("email", UNPROVED)] * 3 + [("sms", ACTIVE)]
    assert [one.rule for one in outbox.of_person(database, ana, None, 9)] == ["address-unproved"] * 3
    assert sum(m0009_prove_emails.run(database)) == 0


def test_proved_and_disabled_ones_stay_as_they_are(database: Database, ana: str) -> None:
    first, second, _ = [one for one in addresses.of_people(database, [ana]) if one.channel == "email"]
    database[ADDRESSES].update_one({"_id": first.id}, {"$set": {addresses.PROVED: T0}})
    addresses.disable(database, second.id, "smtp 550")
    assert sum(m0009_prove_emails.run(database)) == 1
    assert states(database, ana) == [("email", ACTIVE), ("email", DISABLED), ("email", UNPROVED), ("sms", ACTIVE)]
