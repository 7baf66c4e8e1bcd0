"""Who types the code that an address was sent has shown that it is theirs: in time, within five tries, once."""

from __future__ import annotations

import pytest

from phr.clock import DAY_MS
from phr.database import Database
from phr.errors import InputInvalid, NotFound, TooManyTries
from phr.notices import addresses, deliveries, proofs
from phr.notices.addresses import Address
from phr.notices.proofs import LIFE_MS
from phr.people import people
from tests.cast import T0, a_person

PLACE = "ana@example.org"


@pytest.fixture
def address(database: Database) -> Address:
    ana = people.create(database, a_person(name="ana")).id
    return addresses.put(database, ana, "email", {"email": PLACE}, T0)


def asked(database: Database, address: Address, now_ms: int = T0) -> str:
    """The code that is sent."""
    proofs.ask(database, address, PLACE, now_ms)
    one = deliveries.claim(database, "email", now_ms)
    assert one is not None
    sending = proofs.to_send(database, one, now_ms)
    assert sending is not None
    deliveries.sent(database, [one], None, now_ms)
    return sending.code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def use(database: Database, address: Address, code: str, now_ms: int = T0) -> Address:
    return proofs.use(database, address.person, address.id, code, now_ms)


def test_code_makes_its_address_active_once(database: Database, address: Address) -> None:
    code = asked(database, address)
    assert use(database, address, code).is_active
    with pytest.raises(InputInvalid):
        use(database, address, code)


@pytest.mark.parametrize(("at_ms", "is_good"), [(T0 + LIFE_MS - 1, True), (T0 + LIFE_MS, False)])
def test_code_is_good_for_half_an_hour(database: Database, address: Address, at_ms: int, is_good: bool) -> None:
    code = asked(database, address)
    if is_good:
        assert use(database, address, code, at_ms).is_active
    else:
        with pytest.raises(InputInvalid):
            use(database, address, code, at_ms)


@pytest.mark.parametrize(("tries", "is_good"), [(4, True), (5, False)])
def test_code_has_five_tries(database: Database, address: Address, tries: int, is_good: bool) -> None:
    code = asked(database, address)
    for _ in range(tries):
        with pytest.raises(InputInvalid):
            use(database, address, wrong(code))
    if is_good:
        assert use(database, address, code).is_active
    else:
        with pytest.raises(InputInvalid):
            use(database, address, code)
    assert addresses.find(database, address.person, address.id).is_active == is_good


def test_code_before_the_last_is_worth_nothing_and_is_not_sent_any_more(database: Database, address: Address) -> None:
    proofs.ask(database, address, PLACE, T0)
    late = deliveries.claim(database, "email", T0)
    assert late is not None
    code = asked(database, address, T0 + 1)
    assert proofs.to_send(database, late, T0 + 1) is None
    assert use(database, address, code).is_active


def test_code_is_of_its_address_and_person_alone(database: Database, address: Address) -> None:
    code = asked(database, address)
    other = addresses.put(database, address.person, "email", {"email": "other@example.org"}, T0)
    ben = people.create(database, a_person(name="ben")).id
    with pytest.raises(InputInvalid):
        use(database, other, code)
    with pytest.raises(NotFound):
        proofs.use(database, ben, address.id, code, T0)
    addresses.remove(database, address.person, address.id)
    with pytest.raises(NotFound):
        use(database, address, code)


def test_address_that_was_disabled_is_proved_anew(database: Database, address: Address) -> None:
    use(database, address, asked(database, address))
    addresses.disable(database, address.id, "smtp 550")
    again = addresses.put(database, address.person, "email", {"email": PLACE}, T0)
    assert (again.id, again.state, again.why) == (address.id, addresses.UNPROVED, None)


def test_limit_of_a_place_holds_for_all_people_and_ends_with_its_day(database: Database, address: Address) -> None:
    ben = people.create(database, a_person(name="ben")).id
    others = addresses.put(database, ben, "email", {"email": PLACE}, T0)
    for number in range(5):
        proofs.ask(database, (address, others)[number % 2], PLACE, T0)
    with pytest.raises(TooManyTries) as found:
        proofs.ask(database, others, PLACE.upper(), T0 + DAY_MS - 1)
    assert found.value.retry_after_s == 1
    proofs.ask(database, others, PLACE, T0 + DAY_MS)


def test_limit_of_a_person_holds_for_all_places(database: Database, address: Address) -> None:
    for number in range(10):
        proofs.ask(database, address, f"{number}@example.org", T0)
    with pytest.raises(TooManyTries):
        proofs.ask(database, address, "10@example.org", T0)
    assert address.person not in str(list(database["proof_counts"].find()))
