"""Which reading a client-made id stands for."""

import hashlib
from dataclasses import replace

import pytest

from phr.database import Database
from phr.errors import ServerUnavailable
from phr.intake import entered
from phr.intake.entered import MAX_TRIES, Entered
from tests.cast import T0

ONE = Entered("a" * 20, "h1", "weight", T0)


def taken(database: Database, one: Entered, count: int) -> None:
    """Other ids hold the first places that this one would try."""
    first = int.from_bytes(hashlib.sha256(one.id.encode()).digest()[:4], "big") % entered.SEQ_END
    places = [{"p": one.person, "m": one.metric, "t": one.t_ms, "q": first + n} for n in range(count)]
    database["entered"].insert_many([{"_id": f"{one.person}:other{n}"} | row for n, row in enumerate(places)])


def test_claim_is_the_same_for_ever(database: Database) -> None:
    assert entered.claim(database, [ONE]) == entered.claim(database, [ONE, ONE])[:1] != [None]


def test_id_at_another_instant_or_of_another_metric_is_taken(database: Database) -> None:
    entered.claim(database, [ONE])
    others = [replace(ONE, t_ms=T0 + 1), replace(ONE, metric="height")]
    assert entered.claim(database, others) == [None, None]


def test_first_of_one_payload_has_the_id(database: Database) -> None:
    seqs = entered.claim(database, [ONE, replace(ONE, t_ms=T0 + 1)])
    assert [seq is None for seq in seqs] == [False, True]


def test_digests_that_meet_lose_no_reading(database: Database) -> None:
    taken(database, ONE, 2)
    (seq,) = entered.claim(database, [ONE])
    assert database["entered"].count_documents({"q": seq}) == 1
    assert entered.claim(database, [ONE]) == [seq]


@pytest.mark.parametrize(("count", "is_free"), [(MAX_TRIES - 2, True), (MAX_TRIES - 1, False), (MAX_TRIES, False)])
def test_search_for_a_place_ends(database: Database, count: int, is_free: bool) -> None:
    taken(database, ONE, count)
    if is_free:
        assert entered.claim(database, [ONE]) != [None]
        return
    with pytest.raises(ServerUnavailable):
        entered.claim(database, [ONE])
