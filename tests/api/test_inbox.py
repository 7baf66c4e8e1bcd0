"""A household is asked whose a reading is and learns no value before somebody says "mine"."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import now_ms
from phr.intake import bindings
from phr.intake.device import Binding
from tests.api.test_devices import BOX, claimed, code, measured, series
from tests.cast import Cast
from tests.recording.builders import HIGH

__all__ = ["code"]


@pytest.fixture
def home(cast: Cast, code: str) -> Cast:
    """The owner and the relative have slots A and B; a reading of slot C is nobody's."""
    for slot, person in (("A", cast.owner), ("B", cast.relative)):
        bindings.bind(cast.database, BOX, Binding(slot, person, None, None))
    measured(cast.database, now_ms() - 60_000, slot="C", value=HIGH)
    return cast


def asked(cast: Cast, who: str) -> list[Any]:
    return list(cast.send(who, "GET", "/v1/people/me/inbox").json["inbox"])


def answer(cast: Cast, who: str, said: Any, question: str = "") -> int:
    path = f"/v1/people/me/inbox/{question or asked(cast, cast.owner)[0]['id']}"
    return cast.send(who, "POST", path, json={"answer": said}).status_code


def test_question_has_no_value_and_no_exact_time(home: Cast) -> None:
    for who in (home.owner, home.relative):
        text = home.send(who, "GET", "/v1/people/me/inbox").text
        (row,) = asked(home, who)
        assert ("182" in text, "96," in text, row["t"].endswith(":00Z"), row["slot"]) == (False, False, True, "C")


def test_stranger_is_asked_nothing_and_answers_nothing(home: Cast) -> None:
    assert asked(home, home.stranger) == []
    assert answer(home, home.stranger, "mine") == 404
    assert home.send(home.stranger, "GET", "/v1/people/{owner}/inbox").status_code == 403


def test_mine_brings_it_into_ones_own_record_once(home: Cast) -> None:
    question = asked(home, home.owner)[0]["id"]
    assert [answer(home, home.owner, "mine", question) for _ in range(2)] == [204, 204]
    assert (series(home, home.owner), series(home, home.relative)) == ([182], [])
    assert asked(home, home.relative) == []


def test_two_can_not_both_have_it(home: Cast) -> None:
    question = asked(home, home.owner)[0]["id"]
    assert answer(home, home.owner, "mine", question) == 204
    assert answer(home, home.relative, "mine", question) == 404
    assert series(home, home.relative) == []


def test_member_is_proposed_and_answers_alone(home: Cast) -> None:
    assert answer(home, home.owner, {"person": home.relative}) == 204
    assert (asked(home, home.relative)[0]["is_proposed"], series(home, home.relative)) == (True, [])
    assert answer(home, home.relative, "mine") == 204
    assert series(home, home.relative) == [182]


def test_nobody_outside_the_household_is_proposed(home: Cast) -> None:
    assert [answer(home, home.owner, {"person": who}) for who in (home.stranger, "nobody")] == [404, 404]


@pytest.mark.parametrize("said", ["guest", "not-ours"])
def test_guest_does_not_stick_to_the_slot(home: Cast, said: str) -> None:
    answer(home, home.owner, said)
    measured(home.database, now_ms(), slot="C")
    assert sorted(str(one["answer"]) for one in asked(home, home.owner)) == sorted(["None", said])
    assert series(home, home.owner) == []


def test_undone_answer_takes_reading_and_alert_back_and_mine_again_returns_them(home: Cast) -> None:
    question = asked(home, home.owner)[0]["id"]
    seen = []
    for _ in range(2):
        answer(home, home.owner, "mine", question)
        seen.append((series(home, home.owner), [one["state"] for one in home.database["notices"].find()]))
        home.send(home.owner, "DELETE", f"/v1/people/me/inbox/{question}")
        seen.append((series(home, home.owner), [one["state"] for one in home.database["notices"].find()]))
    assert seen == [([182], ["pending"]), ([], ["withdrawn"])] * 2
    assert asked(home, home.relative)[0]["answer"] is None


def test_what_was_measured_before_the_claim_is_asked_and_not_given(cast: Cast, code: str) -> None:
    measured(cast.database, now_ms() - 120_000, value=HIGH)
    measured(cast.database, now_ms() - 1000)
    claimed(cast, cast.stranger, code)
    assert (len(asked(cast, cast.stranger)), series(cast, cast.stranger)) == (1, [122])


def test_next_household_is_not_asked_about_the_one_before(home: Cast) -> None:
    for slot in "AB":
        bindings.unbind(home.database, BOX, slot, now_ms())
    bindings.bind(home.database, BOX, Binding("A", home.stranger, now_ms(), None))
    assert asked(home, home.stranger) == []
    assert [len(asked(home, who)) for who in (home.owner, home.relative)] == [1, 1]


def test_who_stays_is_asked_on_about_what_was_before_another_left(home: Cast) -> None:
    bindings.unbind(home.database, BOX, "B", now_ms())
    measured(home.database, now_ms(), slot="C", value=HIGH)
    assert [len(asked(home, who)) for who in (home.owner, home.relative)] == [2, 1]


@pytest.mark.parametrize("said", [None, "yours", {}, {"person": 5}, ["mine"]])
def test_other_answers_are_pointed_at(home: Cast, said: Any) -> None:
    assert answer(home, home.owner, said) == 400
