"""Streams of changes: what lands is heard at once, by those who may, for as long as they may."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pymongo.errors import AutoReconnect

from phr import clock, syncing
from phr.auth import revocations, tickets
from phr.live import hub as hubs
from phr.live import stream as streams
from phr.notices import outbox
from phr.people import access, grants, organisations
from phr.readings import store, void
from phr.readings.void import Act, Source, Wanted
from tests.api.test_changes import all_since, made, measured
from tests.cast import T0, Cast, a_clinic, a_grant
from tests.live.listening import Event, Listener
from tests.notices.test_outbox import ALERT
from tests.readings.builders import a_metric, a_run, arriving

STREAM = "/v1/people/{owner}/stream"
TICKET = "/v1/people/{owner}/stream-ticket"
ENTRIES = "/v1/people/{owner}/entries"

Opened = Callable[..., Listener]


@pytest.fixture
def listen(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens a stream as the server does; ends them all, and with them their thread."""
    monkeypatch.setattr(hubs, "IDLE_MS", 0)
    monkeypatch.setattr(hubs, "CHECK_EVERY_MS", 20)
    monkeypatch.setattr(hubs, "AWAIT_MS", 20)
    opened: list[Listener] = []

    def listening(
        who: str | None = None, since: str | None = None, token: str | None = None, ticket: str | None = None
    ) -> Listener:
        served, ours = socket.socketpair()
        headers = {"Last-Event-ID": since} if since else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        with served:
            environ = {"gunicorn.socket": served}
            path = f"{STREAM}?ticket={ticket}" if ticket else STREAM
            answer = cast.send(who or cast.owner, "GET", path, headers=headers, environ_overrides=environ)
        assert answer.status_code == 200, answer.json
        opened.append(Listener(ours))
        assert opened[-1].head().startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream")
        return opened[-1]

    yield listening
    for one in opened:
        one.connection.close()
    for thread in threading.enumerate():
        if thread.name == "streams":
            thread.join(10)
            assert not thread.is_alive()


def begun(listener: Listener) -> str:
    """The position at which the stream opened."""
    first = listener.next()
    assert first is not None
    assert (first.name, first.body) == ("open", {})
    assert first.id
    return first.id


def test_entry_is_heard_as_it_is_written(cast: Cast, listen: Opened) -> None:
    one, other = listen(), listen(cast.relative)
    begun(one), begun(other)
    made(cast)
    for listener in (one, other):
        event = listener.next()
        assert event is not None
        assert (event.name, event.body["id"], event.body["entry"]["text"]) == ("entry", "n1", "头晕")


def test_readings_are_heard_as_they_land_and_as_they_go(cast: Cast, listen: Opened) -> None:
    listener = listen()
    begun(listener)
    measured(cast)
    source = Source(cast.owner, a_metric("heart-rate"), "acme/cuff-1")
    void.void(cast.database, source, Wanted(frozenset({(T0, 0)})), Act(cast.owner, "not mine", T0))
    heard = [listener.next() for _ in range(2)]
    assert [(one.name, one.body["metric"], one.body["version"]) for one in heard if one] == [
        ("readings", "heart-rate", 1),
        ("readings", "heart-rate", 2),
    ]


def alarmed(cast: Cast) -> None:
    high = {"systolic": 182, "diastolic": 96}
    item = {"metric": "blood-pressure", "value": high, "unit": "mm[Hg]", "device": "acme/cuff-1", "t": clock.now_ms()}
    cast.send(cast.owner, "POST", "/v1/people/me/readings", json={"readings": [item]})


def notices(listener: Listener, most: int) -> list[str]:
    """The rules of the notices among the next events."""
    heard = [listener.next() for _ in range(most)]
    return [one.body["rule"] for one in heard if one and one.name == "notice"]


@pytest.mark.parametrize(("sight", "count"), [("readings", 1), ("notes", 0)])
def test_alert_is_heard_by_who_may_see_readings(cast: Cast, listen: Opened, sight: str, count: int) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=(sight,)))
    listener = listen(cast.stranger)
    begun(listener)
    alarmed(cast)
    made(cast)
    assert len(notices(listener, 1 + count)) == count


def test_alert_that_was_raised_while_the_line_was_down_is_heard(cast: Cast, listen: Opened) -> None:
    _, since = all_since(cast)
    alarmed(cast)
    listener = listen(since=since)
    begun(listener)
    assert len(notices(listener, 1)) == 1


def test_word_for_the_owner_alone_is_heard_by_nobody_else(cast: Cast, listen: Opened) -> None:
    owner, relative = listen(), listen(cast.relative)
    begun(owner), begun(relative)
    outbox.tell(cast.database, outbox.Telling("k", cast.owner, "support-use", "有人", "somebody"), clock.now_ms())
    made(cast)
    assert (notices(owner, 1), notices(relative, 1)) == (["support-use"], [])


def test_what_is_kept_quiet_is_heard_once_it_is_told(cast: Cast, listen: Opened) -> None:
    listener = listen()
    begun(listener)
    alert = replace(ALERT, person=cast.owner)
    outbox.raise_all(cast.database, [outbox.Raising(alert, is_told=False)])
    outbox.tell(cast.database, outbox.Telling("k", cast.owner, "support-use", "有人", "somebody"), clock.now_ms())
    assert notices(listener, 1) == ["support-use"]
    outbox.unquiet(cast.database, [alert.key])
    assert notices(listener, 1) == [alert.rule]


def test_nobody_hears_of_another_record(cast: Cast, listen: Opened) -> None:
    listener = listen()
    begun(listener)
    store.write(cast.database, [arriving(a_run(), person=cast.relative)])
    cast.send(cast.relative, "POST", "/v1/people/me/entries", json={"kind": "note", "text": "x", "effective_at": T0})
    made(cast, "mine")
    event = listener.next()
    assert event is not None
    assert event.body["id"] == "mine"


def test_reader_hears_of_granted_categories_only(cast: Cast, listen: Opened) -> None:
    listener = listen(cast.doctor)
    begun(listener)
    made(cast)
    measured(cast)
    event = listener.next()
    assert event is not None
    assert event.name == "readings"


def test_lost_connection_goes_on_where_it_ended(cast: Cast, listen: Opened) -> None:
    first = listen()
    begun(first)
    made(cast, "n1")
    last = first.next()
    assert last is not None
    first.connection.close()
    made(cast, "n2")
    second = listen(since=last.id)
    assert begun(second) == last.id
    event = second.next()
    assert event is not None
    assert event.body["id"] == "n2"


def test_phone_goes_on_with_the_cursor_of_its_sync_and_back(cast: Cast, listen: Opened) -> None:
    made(cast, "n1")
    _, since = all_since(cast)
    listener = listen(since=since)
    begun(listener)
    made(cast, "n2")
    event = listener.next()
    assert event is not None
    assert event.id
    assert all_since(cast, event.id)[0] == []


def test_readings_that_landed_just_before_are_not_missed(cast: Cast, listen: Opened) -> None:
    _, since = all_since(cast)
    measured(cast)
    listener = listen(since=since)
    begun(listener)
    event = listener.next()
    assert event is not None
    assert event.name == "readings"


def ended(listener: Listener) -> str | None:
    """Why the stream ended, which it must."""
    event: Event | None
    code = None
    while (event := listener.next()) is not None:
        code = event.body["code"] if event.name == "end" else code
    return code


@pytest.mark.parametrize("has_ticket", [False, True])
def test_token_that_is_taken_back_ends_its_stream_and_no_other(cast: Cast, listen: Opened, has_ticket: bool) -> None:
    sid = f"link-{has_ticket}"  # of its own: what is revoked is remembered by the process
    token, other = cast.token(cast.owner, sid=sid), listen()
    if has_ticket:
        given = cast.send(cast.owner, "POST", TICKET, headers={"Authorization": f"Bearer {token}"}).json
        listener = listen(ticket=given["ticket"])  # type: ignore[index]
    else:
        listener = listen(token=token)
    begun(listener), begun(other)
    revocations.revoke(cast.database, sid, clock.now_ms())
    event = listener.next()
    assert event is not None
    assert (event.name, event.body) == ("end", {"code": "access-ended"})
    assert listener.next() is None
    made(cast)
    still = other.next()
    assert still is not None
    assert still.name == "entry"


def test_grant_that_is_revoked_ends_the_stream_as_the_change_is_heard(
    cast: Cast, listen: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "DECIDE_EVERY_MS", 3_600_000)  # not because it is looked at now and then
    listener = listen(cast.doctor)
    begun(listener)
    (grant,) = grants.live(cast.database, cast.owner, cast.doctor, clock.now_ms())
    grants.revoke(cast.database, grant.id, clock.now_ms())
    assert ended(listener) == "access-ended"


def test_grant_that_ends_by_itself_ends_the_stream(cast: Cast, listen: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "DECIDE_EVERY_MS", 0)
    until_ms = clock.now_ms() + 500
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, until_ms=until_ms))
    listener = listen(cast.stranger)
    begun(listener)
    assert ended(listener) == "access-ended"


def test_stream_ends_with_its_token(cast: Cast, listen: Opened) -> None:
    listener = listen(token=cast.token(cast.owner, life_s=1))
    begun(listener)
    assert ended(listener) == "token-expired"


def test_reader_who_does_not_read_is_dropped_and_others_hear_on(
    cast: Cast, listen: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_UNSENT", 40_000)
    _, quick = listen(), listen()
    begun(quick)
    for n in range(12):
        made(cast, f"n{n}", text="字" * 10_000)
        heard = quick.next()
        assert heard
        assert heard.body["id"] == f"n{n}"
    hub = cast.installation._hub
    assert hub
    assert len(hub._all()) == 1


def test_reader_who_leaves_is_forgotten(cast: Cast, listen: Opened) -> None:
    listener = listen()
    begun(listener)
    listener.connection.close()
    for thread in threading.enumerate():
        if thread.name == "streams":
            thread.join(10)  # it lives while somebody listens
            assert not thread.is_alive()


def test_quiet_stream_beats(cast: Cast, listen: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "HEARTBEAT_EVERY_MS", 0)
    listener = listen()
    begun(listener)
    made(cast)
    listener.next()
    made(cast, "n2")
    listener.next()
    assert listener.beats


def test_streams_end_when_the_database_can_not_be_followed(
    cast: Cast, listen: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listen()
    begun(listener)

    def fails(*_: object) -> None:
        raise AutoReconnect("gone")

    monkeypatch.setattr(syncing, "news", fails)
    made(cast)
    assert ended(listener) is None
    monkeypatch.undo()


@pytest.mark.parametrize(("method", "path"), [("GET", STREAM), ("POST", TICKET)])
def test_stranger_gets_nowhere(cast: Cast, method: str, path: str) -> None:
    assert cast.send(cast.stranger, method, path).status_code == 403
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"


def test_stream_is_in_the_access_log(cast: Cast, listen: Opened) -> None:
    listen(cast.doctor)
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.about, line.categories) == ("GET stream", ("readings",))


def a_ticket(cast: Cast, who: str | None = None) -> str:
    answer = cast.send(who or cast.owner, "POST", TICKET)
    assert (answer.status_code, answer.json["expires_in"]) == (201, 30)
    return str(answer.json["ticket"])


def shown(cast: Cast, ticket: str, path: str = STREAM) -> int:
    """The status of a browser that has a ticket and no token; 503 is as far as it gets without a server."""
    return cast.http.get(path.format(owner=cast.owner), query_string={"ticket": ticket}).status_code


def test_ticket_opens_a_stream_once(cast: Cast) -> None:
    ticket = a_ticket(cast)
    assert [shown(cast, ticket), shown(cast, ticket)] == [503, 401]


def test_ticket_is_worth_what_its_owner_may_see(cast: Cast) -> None:
    ticket = a_ticket(cast, cast.doctor)
    (grant,) = grants.live(cast.database, cast.owner, cast.doctor, clock.now_ms())
    grants.revoke(cast.database, grant.id, clock.now_ms())
    assert shown(cast, ticket) == 403


def test_ticket_of_one_record_opens_no_other(cast: Cast) -> None:
    assert shown(cast, a_ticket(cast), f"/v1/people/{cast.relative}/stream") == 401
    assert shown(cast, a_ticket(cast, cast.relative), "/v1/people/me/stream") == 401
    assert shown(cast, a_ticket(cast), "/v1/people/me/stream") == 503


@pytest.mark.parametrize(("age_ms", "is_good"), [(29_000, True), (30_000, False), (31_000, False)])
def test_ticket_lives_for_thirty_seconds(cast: Cast, age_ms: int, is_good: bool) -> None:
    person = cast.owner
    who = access.Caller(person, "app", frozenset({"timeline.read"}), None, "person")
    ticket = tickets.issue(cast.database, who, person, clock.now_ms() - age_ms)
    assert shown(cast, ticket) == (503 if is_good else 401)


def test_ticket_opens_nothing_else(cast: Cast) -> None:
    assert shown(cast, a_ticket(cast), "/v1/people/{owner}/changes") == 401


@pytest.mark.parametrize("token", ["", "x", "é" * 100])
def test_odd_ticket_is_refused(cast: Cast, token: str) -> None:
    assert shown(cast, token) == 401


def test_access_token_in_the_url_is_refused(cast: Cast) -> None:
    answer = cast.http.get(STREAM.format(owner=cast.owner), query_string={"access_token": cast.token(cast.owner)})
    assert (answer.status_code, answer.json["code"]) == (400, "token-in-url")


def test_who_is_far_behind_reads_the_changes_first(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    _, since = all_since(cast)
    monkeypatch.setattr("phr.api.stream.MOST_BEHIND", 1)
    for n in range(2):
        made(cast, f"n{n}")
    answer = cast.send(cast.owner, "GET", STREAM, headers={"Last-Event-ID": since})
    assert (answer.status_code, answer.json["code"]) == (409, "too-far-behind")


def test_who_has_not_read_the_record_does_that_first(cast: Cast) -> None:
    made(cast)
    since = cast.send(cast.owner, "GET", "/v1/people/{owner}/changes?limit=1").json["next_since"]
    answer = cast.send(cast.owner, "GET", STREAM, headers={"Last-Event-ID": since})
    assert (answer.status_code, answer.json["code"]) == (409, "too-far-behind")


@pytest.mark.parametrize("since", ["x", "a" * 5_000])
def test_last_event_that_is_none_of_ours_is_refused(cast: Cast, since: str) -> None:
    assert cast.send(cast.owner, "GET", STREAM, headers={"Last-Event-ID": since}).status_code == 400


@pytest.mark.parametrize("way", ["leaves the team", "leaves the organisation", "the owner locks the record"])
def test_who_holds_a_teams_grant_no_more_hears_no_more(cast: Cast, listen: Opened, way: str) -> None:
    (doctor,) = a_clinic(cast.database, "doctor")
    grants.create(cast.database, a_grant(cast.owner, "team:clinic/blue", kind="family-doctor"))
    listener = listen(doctor)
    begun(listener)
    match way:
        case "leaves the team":
            organisations.leave_team(cast.database, "clinic/blue", doctor)
        case "leaves the organisation":
            organisations.remove_member(cast.database, "clinic", doctor)
        case _:
            grants.freeze(cast.database, cast.owner, "lock")
    assert ended(listener) == "access-ended"
