"""Delta sync: nothing is missed, nothing is shown to who may not see it."""

from __future__ import annotations

from typing import Any

import pytest

from phr import syncing
from phr.clock import now_ms
from phr.feed import feed
from phr.people import access, grants
from phr.readings import folding, store, void
from phr.readings.void import Act, Source, Wanted
from phr.syncing import Cursor, Reader, begin, latest
from phr.timeline import listing
from phr.timeline.categories import all_categories
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Sight
from tests.cast import T0, Cast, a_grant, a_note
from tests.readings.builders import DAY_MS, a_metric, a_run, arriving

CHANGES = "/v1/people/{owner}/changes"
ENTRIES = "/v1/people/{owner}/entries"


def made(cast: Cast, entry: str = "n1", **changes: Any) -> str:
    """The ETag of a new note."""
    return cast.send(cast.owner, "POST", ENTRIES, json=a_note(id=entry, **changes)).headers["ETag"]


def measured(cast: Cast, t_ms: int = T0, value: int = 700) -> None:
    store.write(cast.database, [arriving(a_run(t_ms, value), person=cast.owner)])


def fold(cast: Cast) -> None:
    folding.fold_some(cast.database, vocabulary().metrics, lambda _: lambda _t_ms: 480, T0 + DAY_MS)


def asked(cast: Cast, since: str | None = None, who: str | None = None, **query: Any) -> Any:
    named = query | ({"since": since} if since else {})
    return cast.send(who or cast.owner, "GET", CHANGES, query_string=named)


def all_since(cast: Cast, since: str | None = None, who: str | None = None, limit: int = 200) -> tuple[list[Any], str]:
    """Every change on all pages, and the cursor of the last."""
    found: list[Any] = []
    while True:
        page = asked(cast, since, who, limit=limit).json
        found, since = found + page["changes"], page["next_since"]
        assert len(page["changes"]) <= limit or not page["has_more"]
        if not page["has_more"]:
            return found, str(since)


def names(changes: list[Any]) -> list[tuple[str, int]]:
    return [(one.get("id") or one["metric"], one["version"]) for one in changes]


def test_stranger_gets_nowhere(cast: Cast) -> None:
    assert asked(cast, who=cast.stranger).status_code == 403
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"


def test_sync_is_in_the_access_log_with_what_was_shown(cast: Cast) -> None:
    asked(cast, who=cast.doctor)
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.about, line.role, line.categories) == ("GET changes", "family-doctor", ("readings",))


def test_first_sync_gives_all_there_is_and_the_next_what_changed(cast: Cast) -> None:
    made(cast)
    measured(cast)
    first, since = all_since(cast)
    assert names(first) == [("n1", 1), ("heart-rate", 1)]
    assert first[0]["entry"]["text"] == "头晕"
    made(cast, "n2")
    assert ("n2", 1) in names(all_since(cast, since)[0])
    assert ("n1", 1) not in names(all_since(cast, since)[0])


def test_edit_and_deletion_are_told_with_a_tombstone(cast: Cast) -> None:
    etag = made(cast)
    _, since = all_since(cast)
    answer = cast.send(cast.owner, "PATCH", f"{ENTRIES}/n1", json={"text": "好了"}, headers={"If-Match": etag})
    changes, later = all_since(cast, since)
    assert [(one["version"], one["entry"]["text"]) for one in changes] == [(2, "好了")]
    cast.send(cast.owner, "DELETE", f"{ENTRIES}/n1", headers={"If-Match": answer.headers["ETag"]})
    for cursor in (since, later):
        tombstone = {"kind": "entry", "id": "n1", "version": 3, "is_deleted": True}
        assert all_since(cast, cursor)[0] == [tombstone]


def test_readings_are_told_by_span_before_and_after_they_are_folded(cast: Cast) -> None:
    _, since = all_since(cast)
    measured(cast)
    span = {
        "kind": "readings",
        "metric": "heart-rate",
        "device": "acme/cuff-1",
        "from": "2026-11-22T18:00:00Z",
        "to": "2026-11-23T00:00:00Z",
        "version": 1,
    }
    assert all_since(cast, since)[0] == [span]
    fold(cast)
    changes, later = all_since(cast, since)
    assert changes == [span]
    assert all_since(cast, later)[0] == []


def test_readings_taken_out_are_told(cast: Cast) -> None:
    measured(cast)
    fold(cast)
    _, since = all_since(cast)
    source = Source(cast.owner, a_metric("heart-rate"), "acme/cuff-1")
    void.void(cast.database, source, Wanted(frozenset({(T0, 0)})), Act(cast.owner, "not mine", T0))
    assert names(all_since(cast, since)[0]) == [("heart-rate", 2)]
    fold(cast)
    assert names(all_since(cast, since)[0]) == [("heart-rate", 2)]


def test_pages_of_any_size_give_the_same(cast: Cast) -> None:
    for n in range(5):
        made(cast, f"n{n}")
        measured(cast, T0 + n * DAY_MS)
    fold(cast)
    whole = all_since(cast)[0]
    assert len(whole) == 6  # the readings are one year of one source
    assert [all_since(cast, limit=limit)[0] for limit in (1, 2, 5, 6)] == [whole] * 4


def test_change_during_the_first_sync_is_not_missed(cast: Cast) -> None:
    for n in range(3):
        made(cast, f"n{n}")
    page = asked(cast, limit=2).json
    etag = cast.send(cast.owner, "GET", f"{ENTRIES}/n0").headers["ETag"]
    cast.send(cast.owner, "DELETE", f"{ENTRIES}/n0", headers={"If-Match": etag})
    measured(cast)
    fold(cast)
    rest = all_since(cast, page["next_since"])[0]
    assert names(rest)[:1] == [("n2", 1)]
    assert {("n0", 2), ("heart-rate", 1)} <= set(names(rest))


def test_what_was_there_before_there_was_a_feed_comes_with_the_first_sync(cast: Cast) -> None:
    made(cast)
    measured(cast)
    fold(cast)
    for name in ("feed", "feed_heads"):
        cast.database[name].delete_many({})
    assert names(all_since(cast)[0]) == [("n1", 1), ("heart-rate", 1)]


def test_reader_is_told_of_granted_categories_only(cast: Cast) -> None:
    made(cast)
    measured(cast)
    changes, since = all_since(cast, who=cast.doctor)
    assert names(changes) == [("heart-rate", 1)]
    made(cast, "n2")
    fold(cast)
    assert names(all_since(cast, since, cast.doctor)[0]) == [("heart-rate", 1)]


def test_categories_of_several_grants_are_put_together(cast: Cast) -> None:
    made(cast)
    measured(cast)
    grants.create(cast.database, a_grant(cast.owner, cast.doctor, categories=("notes",)))
    assert names(all_since(cast, who=cast.doctor)[0]) == [("n1", 1), ("heart-rate", 1)]


def test_entry_that_becomes_sensitive_is_gone_for_who_may_not_see_that(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.doctor, categories=("notes",)))
    etag = made(cast)
    _, since = all_since(cast, who=cast.doctor)
    change = {"json": {"sensitive": ["mental"]}, "headers": {"If-Match": etag}}
    assert cast.send(cast.owner, "PATCH", f"{ENTRIES}/n1", **change).status_code == 200
    gone = {"kind": "entry", "id": "n1", "version": 2, "is_deleted": True}
    assert all_since(cast, since, cast.doctor)[0] == [gone]


def refused(cast: Cast, since: str, who: str | None = None) -> tuple[int, str]:
    answer = asked(cast, since, who)
    return answer.status_code, answer.json["code"]


RESYNC = (410, "resync-required")


def test_who_may_see_more_begins_anew(cast: Cast) -> None:
    """What was passed over before the grant would stay unseen."""
    _, since = all_since(cast, who=cast.doctor)
    grants.create(cast.database, a_grant(cast.owner, cast.doctor, categories=("notes",)))
    assert refused(cast, since, cast.doctor) == RESYNC


def test_cursor_from_before_a_restore_begins_anew(cast: Cast) -> None:
    _, since = all_since(cast)
    feed.begin_anew(cast.database)
    assert refused(cast, since) == RESYNC


def test_cursor_that_is_ahead_of_the_record_begins_anew(cast: Cast) -> None:
    made(cast)
    _, since = all_since(cast)
    cast.database["feed_heads"].update_one({"_id": cast.owner}, {"$inc": {"n": -1}})
    assert refused(cast, since) == RESYNC


def a_cursor(cast: Cast, days_old: float) -> Cursor:
    return latest(cast.database, a_reader(cast, -days_old))


def a_reader(cast: Cast, in_days: float = 0, person: str | None = None) -> Reader:
    return Reader(person or cast.owner, Sight.of(all_categories()), now_ms() + int(in_days * DAY_MS))


@pytest.mark.parametrize(("days_old", "status"), [(366, 200), (399.9, 200), (400.1, 410)])
def test_phone_may_be_away_for_a_year_and_not_for_ever(cast: Cast, days_old: float, status: int) -> None:
    assert asked(cast, a_cursor(cast, days_old).text()).status_code == status


def test_cursor_ages_until_the_last_page(cast: Cast) -> None:
    """Rows that it has yet to pass expire by their own age."""
    old = a_cursor(cast, 399)
    for n in range(2):
        made(cast, f"n{n}")
    page = asked(cast, old.text(), limit=1).json
    aged = a_reader(cast, 2)
    with pytest.raises(syncing.ResyncRequired):
        syncing.resumed(cast.database, aged, page["next_since"])
    last = asked(cast, page["next_since"]).json
    assert not last["has_more"]
    syncing.resumed(cast.database, aged, last["next_since"])


@pytest.mark.parametrize("since", ["x", "é", "W10", "AAAA", "a" * 1_024, "=" * 8, "W10="])
def test_cursor_that_is_none_is_pointed_at(cast: Cast, since: str) -> None:
    answer = asked(cast, since)
    assert (answer.status_code, answer.json["pointer"]) == (400, "/since")


def test_cursor_of_another_record_is_refused(cast: Cast) -> None:
    assert refused(cast, begin(cast.database, a_reader(cast, person=cast.relative)).text()) == (400, "input-invalid")


@pytest.mark.parametrize(("limit", "status"), [(0, 400), (1, 200), (1_000, 200), (1_001, 400), ("x", 400)])
def test_limit_has_its_bounds(cast: Cast, limit: object, status: int) -> None:
    assert asked(cast, limit=limit).status_code == status


def test_unsettled_readings_have_an_end_and_none_is_lost(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phr.syncing.MOST_UNSETTLED", 2)
    _, since = all_since(cast)
    for n in range(4):
        measured(cast, T0 + n * DAY_MS)
    assert len(all_since(cast, since)[0]) == 2
    fold(cast)
    assert len(all_since(cast, since)[0]) == 4


def test_entry_that_is_gone_altogether_is_told_as_deleted(cast: Cast) -> None:
    _, since = all_since(cast)
    made(cast)
    cast.database["entries"].delete_many({"person": cast.owner})
    assert [one["is_deleted"] for one in all_since(cast, since)[0]] == [True]
    assert listing.standing(cast.database, cast.owner, ["n1"]) == {}
