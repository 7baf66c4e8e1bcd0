"""A vendor's readings after the consent was taken back: out of every sum, given back as they were, or gone."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from phr import amending, withdrawing
from phr.people import access
from phr.readings import folding, raw
from phr.readings.void import Act, Source, Wanted
from phr.vocabulary.metrics import vocabulary
from phr.withdrawing import ERASED, LOCKED, OPEN, Wish
from tests.cast import T0, Cast, cast
from tests.readings.builders import MINUTE_MS
from tests.recording.builders import CUFF, HIGH, House, pressure, sent
from tests.recording.conftest import house
from tests.recording.test_crashes import fail_at

__all__ = ["cast", "house"]
PRESSURE = vocabulary().metrics["blood-pressure"]
LATER = T0 + 3_600_000


@pytest.fixture
def home(house: House) -> House:
    """Ana's cuff of acme has measured twice; so has her phone."""
    house.bind(house.ana)
    house.record(sent(pressure(T0, HIGH), pressure(T0 + MINUTE_MS)))
    return house


def wish(home: House, wanted: Wish, at_ms: int = LATER) -> None:
    withdrawing.ask(home.database, home.ana, "acme", wanted, home.ana, at_ms)


def go_on(home: House, at_ms: int = LATER) -> None:
    """What the scheduler does until nothing is left."""
    for step in range(20):
        now = at_ms + step * withdrawing.LEASE_MS
        if not withdrawing.settle_one(home.database, now) and not home.database["withdrawals"].count_documents({}):
            return
        fold(home, now)
    pytest.fail("it never ends")


def fold(home: House, at_ms: int) -> None:
    folding.fold_some(home.database, vocabulary().metrics, lambda _: lambda _t: 480, at_ms + 10**9)


def values(home: House) -> list[int]:
    lane = raw.Lane(home.database, home.ana, PRESSURE, lambda _: 0)
    return [int(value) // PRESSURE.scale for part in raw.read(lane, (0, 2**42)) for value in part.values["systolic"]]


def told(home: House) -> list[str]:
    """What the owner's access log says that was done, the first one first."""
    return [one.about for one in access.lines(home.database, home.ana)]


def alerts(home: House) -> int:
    return home.database["notices"].count_documents({"person": home.ana, "state": "pending", "metric": PRESSURE.key})


def test_locked_is_out_and_comes_back_as_it_was(home: House) -> None:
    before, raised = values(home), alerts(home)
    assert raised == 1
    wish(home, LOCKED)
    go_on(home)
    assert (values(home), alerts(home)) == ([], 0)
    wish(home, OPEN, LATER + 1)
    go_on(home, LATER + 1)
    assert (values(home), alerts(home)) == (before, raised)


def test_owner_finds_each_in_the_access_log_once(home: House) -> None:
    for number, wanted in enumerate((LOCKED, OPEN, ERASED)):
        wish(home, wanted, LATER + number)
        go_on(home, LATER + number)
    did = ("took a vendor's readings out", "gave a vendor's readings back", "erased a vendor's readings")
    assert told(home) == [f"{one}: acme" for one in did]


def test_where_nothing_was_measured_the_log_says_nothing(home: House) -> None:
    withdrawing.ask(home.database, home.ben, "acme", ERASED, home.ben, LATER)
    go_on(home)
    assert list(access.lines(home.database, home.ben)) == []


def test_without_its_line_nothing_is_erased(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    wish(home, ERASED)

    def fail(*_: object) -> None:
        raise AutoReconnect

    with monkeypatch.context() as broken:
        broken.setattr("phr.people.access_lines.append", fail)
        with pytest.raises(AutoReconnect):
            withdrawing.settle_one(home.database, LATER)
    assert len(values(home)) == 2


def test_what_was_taken_out_for_another_reason_does_not_come_back(home: House) -> None:
    source = Source(home.ana, PRESSURE, CUFF)
    amending.take_out(home.database, source, Wanted(frozenset({(T0, 0)})), Act(home.ana, "a guest", T0))
    wish(home, LOCKED)
    go_on(home)
    wish(home, OPEN, LATER + 1)
    go_on(home, LATER + 1)
    assert values(home) == [122]


def test_erased_leaves_nothing_of_it_in_any_store(home: House) -> None:
    fold(home, LATER)
    wish(home, ERASED)
    go_on(home)
    assert values(home) == []
    for name in ("readings", "summaries", "hours", "sources"):
        assert home.database[name].count_documents({"p": home.ana, "d": CUFF}) == 0, name
    assert home.database["withdrawals"].count_documents({}) == 0


def test_erased_waits_for_the_sums(home: House) -> None:
    fold(home, LATER)
    wish(home, ERASED)
    assert withdrawing.settle_one(home.database, LATER)
    assert home.database["readings"].count_documents({"p": home.ana}) == 1  # its days are still to be summed up anew
    assert not withdrawing.settle_one(home.database, LATER)
    fold(home, LATER)
    assert withdrawing.settle_one(home.database, LATER + withdrawing.AGAIN_MS)
    assert home.database["readings"].count_documents({"p": home.ana}) == 0


def test_other_vendors_and_other_people_keep_theirs(home: House) -> None:
    other = {"p": home.ana, "m": PRESSURE.key, "d": "acmex/cuff-1"}
    home.database["sources"].insert_one({"_id": ":".join(other.values())} | other)
    assert [one.device for one in withdrawing.sources(home.database, home.ana, "acme")] == [CUFF]
    assert withdrawing.sources(home.database, home.ben, "acme") == []


def test_latest_wish_counts(home: House) -> None:
    wish(home, ERASED)
    wish(home, OPEN, LATER + 1)
    go_on(home, LATER + 1)
    assert len(values(home)) == 2


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("wanted", [LOCKED, ERASED])
def test_end_is_the_same_wherever_it_was_broken_off(
    home: House, wanted: Wish, is_written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold(home, LATER)
    wish(home, wanted)
    for number in range(1, 40):
        with monkeypatch.context() as broken:
            fail_at(broken, number.__eq__, is_written=is_written)
            with contextlib.suppress(AutoReconnect):
                withdrawing.settle_one(home.database, LATER + number * withdrawing.LEASE_MS)
        fold(home, LATER)
    go_on(home, LATER + 100 * withdrawing.LEASE_MS)
    assert values(home) == []
    assert alerts(home) == 0
    assert len(told(home)) == 1
    left = home.database["readings"].count_documents({"p": home.ana, "d": CUFF})
    assert left == (1 if wanted == LOCKED else 0)


@pytest.mark.parametrize(("stored", "wanted"), [(None, LOCKED), ("lock", LOCKED), ("erase", ERASED), ("keep", None)])
def test_owner_chooses_when_the_consent_is_taken_back(cast: Cast, stored: str | None, wanted: str | None) -> None:
    body: dict[str, Any] = {"consent": False} | ({} if stored is None else {"stored": stored})
    answer = cast.send(cast.owner, "PUT", "/v1/people/{owner}/consents/vendor:acme", json=body)
    assert answer.status_code == 200, answer.text
    row = cast.database["withdrawals"].find_one({"person": cast.owner})
    assert (row["wanted"] if row else None) == wanted
    if wanted:
        given = {"consent": True, "text": {"version": 1, "language": "zh"}}
        assert cast.send(cast.owner, "PUT", "/v1/people/{owner}/consents/vendor:acme", json=given).status_code == 200
        row = cast.database["withdrawals"].find_one({"person": cast.owner})
        assert row
        assert row["wanted"] == OPEN


def test_relative_can_not_erase(cast: Cast) -> None:
    body = {"consent": False, "stored": "erase"}
    assert cast.send(cast.relative, "PUT", "/v1/people/{owner}/consents/vendor:acme", json=body).status_code == 403
