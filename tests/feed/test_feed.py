"""Positions in the order of commits, whoever writes at the same time and however long a transaction stays open."""

from __future__ import annotations

import threading

import pytest
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from phr.database import DURABLE, Database, transact
from phr.feed import feed
from phr.feed.feed import EntryChange, SpanChange


def a_change(entry: str = "n1", version: int = 1, person: str = "ana") -> EntryChange:
    return EntryChange(person, entry, version, ("notes",), is_deleted=False)


def a_span(from_ms: int = 0, version: int = 1, person: str = "ana") -> SpanChange:
    return SpanChange(person, "heart-rate", "acme/cuff-1", from_ms, from_ms + 1, version)


def tell(database: Database, change: EntryChange) -> None:
    transact(database, lambda session: feed.entry_changed(session, database, change))


def told(database: Database, since: int = 0, person: str = "ana") -> list[tuple[int, str, int]]:
    found = feed.since(database, person, since, 100)
    return [
        (
            one.position,
            one.change.entry if isinstance(one.change, EntryChange) else one.change.metric,
            one.change.version,
        )
        for one in found
    ]


def test_no_position_is_given_out_while_a_lower_one_is_not_committed(database: Database) -> None:
    tell(database, a_change("n0"))
    client = database.client
    with client.start_session() as slow, client.start_session() as fast:
        slow.start_transaction(ReadConcern("snapshot"), DURABLE)
        feed.entry_changed(slow, database, a_change("slow"))
        fast.start_transaction(ReadConcern("snapshot"), DURABLE)
        with pytest.raises(PyMongoError) as refused:
            feed.entry_changed(fast, database, a_change("fast"))
        assert refused.value.has_error_label("TransientTransactionError")
        fast.abort_transaction()
        assert told(database) == [(1, "n0", 1)]
        slow.commit_transaction()
    tell(database, a_change("fast"))
    assert told(database, 1) == [(2, "slow", 1), (3, "fast", 1)]


def test_second_writer_waits_for_the_first_and_comes_after_it(database: Database) -> None:
    tell(database, a_change("n0"))
    with database.client.start_session() as slow:
        slow.start_transaction(ReadConcern("snapshot"), DURABLE)
        feed.entry_changed(slow, database, a_change("slow"))
        has_tried = threading.Event()

        def work(session: ClientSession) -> None:
            try:
                feed.entry_changed(session, database, a_change("fast"))
            finally:
                has_tried.set()

        fast = threading.Thread(target=transact, args=(database, work))
        fast.start()
        assert has_tried.wait(10)
        assert told(database) == [(1, "n0", 1)]
        slow.commit_transaction()
        fast.join(10)
    assert told(database, 1) == [(2, "slow", 1), (3, "fast", 1)]


def test_writers_of_other_people_do_not_wait(database: Database) -> None:
    with database.client.start_session() as slow:
        tell(database, a_change("n0"))
        slow.start_transaction(ReadConcern("snapshot"), DURABLE)
        feed.entry_changed(slow, database, a_change("slow"))
        tell(database, a_change("n1", person="ben"))
        assert told(database, person="ben") == [(1, "n1", 1)]
        slow.abort_transaction()
    assert told(database) == [(1, "n0", 1)]


def test_many_first_writers_of_a_person_lose_and_double_no_position(database: Database) -> None:
    threads = [threading.Thread(target=tell, args=(database, a_change(f"n{n}"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [position for position, _, _ in told(database)] == list(range(1, 9))


def test_thing_that_changes_again_is_told_once_at_its_last_position(database: Database) -> None:
    for change in (a_change("n1"), a_change("n2"), a_change("n1", 2)):
        tell(database, change)
    assert told(database) == [(2, "n2", 1), (3, "n1", 2)]


def test_spans_of_many_people_are_told_each_in_its_own_feed(database: Database) -> None:
    people = [f"p{n}" for n in range(feed.PEOPLE_AT_ONCE + 1)]
    feed.spans_changed(database, [a_span(n, person=person) for person in people for n in range(2)])
    assert all([position for position, *_ in told(database, person=person)] == [1, 2] for person in people)


@pytest.mark.parametrize(
    ("sight", "is_told"), [("notes", True), ("mental", False), ("mental,notes", True), ("", False)]
)
def test_who_saw_it_before_hears_of_it_when_it_is_hidden(database: Database, sight: str, is_told: bool) -> None:
    tell(database, a_change())
    hidden = EntryChange("ana", "n1", 2, ("mental", "notes"), is_deleted=False, former=(("notes",),))
    tell(database, hidden)
    (one,) = feed.since(database, "ana", 0, 10)
    assert one.change == hidden
    assert one.change.is_told(sight.split(",")) == is_told


def test_change_that_fails_is_not_told(database: Database) -> None:
    def work(session: ClientSession) -> None:
        feed.entry_changed(session, database, a_change())
        raise KeyError

    with pytest.raises(KeyError):
        transact(database, work)
    assert told(database) == []


def test_epoch_stays_until_it_is_ended(database: Database) -> None:
    first = feed.epoch(database)
    assert feed.epoch(database) == first
    feed.begin_anew(database)
    assert feed.epoch(database) != first
