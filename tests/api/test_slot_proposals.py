"""A slot of a shared device becomes somebody's only when that person, or a guardian of theirs, accepts it."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.clock import now_ms
from phr.errors import NotFound
from phr.intake import bindings, devices, proposals
from phr.intake.device import Binding
from phr.notices import outbox
from phr.people import grants
from tests.api.test_devices import BOX, code, measured, series
from tests.cast import Cast, a_grant
from tests.telling import tells

__all__ = ["code"]

NOBODY = "a" * 20


@pytest.fixture
def home(cast: Cast, code: str) -> Cast:
    """The owner has slot A; of slot B there is a reading that is nobody's."""
    bindings.bind(cast.database, BOX, Binding("A", cast.owner, 0, None))
    measured(cast.database, now_ms() - 60_000, slot="B")
    return cast


def propose(cast: Cast, who: str, person: str, slot: str = "B", device: str = BOX) -> TestResponse:
    path = f"/v1/people/me/devices/{device}/slots"
    return cast.send(who, "POST", path, json={"slot": slot, "person": person})


def proposed(cast: Cast, person: str, slot: str = "B") -> str:
    answer = propose(cast, cast.owner, person, slot)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def listed(cast: Cast, who: str) -> list[Any]:
    return list(cast.send(who, "GET", "/v1/people/me/slot-proposals").json["slot_proposals"])


def say(cast: Cast, who: str, proposal: str, answer: str = "accept", of: str = "me", **more: Any) -> TestResponse:
    return cast.send(who, "POST", f"/v1/people/{of}/slot-proposals/{proposal}", json={"answer": answer} | more)


def owner_of(cast: Cast, slot: str = "B") -> str | None:
    device = devices.find(cast.database, BOX)
    assert device
    return device.owner_at(slot, now_ms())


def test_slot_binds_only_once_the_person_accepts(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    measured(home.database, now_ms(), slot="B", value={"systolic": 131, "diastolic": 80})
    assert (owner_of(home), series(home, home.stranger)) == (None, [])
    assert say(home, home.stranger, proposal).status_code == 200
    measured(home.database, now_ms() + 1, slot="B", value={"systolic": 135, "diastolic": 80})
    assert (owner_of(home), series(home, home.stranger), series(home, home.owner)) == (
        home.stranger,
        [122, 131, 135],
        [],
    )


def test_proposal_is_found_by_both_and_by_nobody_else(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    shown = {"id": proposal, "device": BOX, "slot": "B", "by": home.owner, "person": home.stranger, "state": "open"}
    for who in (home.owner, home.stranger):
        (one,) = listed(home, who)
        assert one.items() >= shown.items()
        assert not tells(str(one), "122")
    assert listed(home, home.relative) == []
    assert home.send(home.relative, "GET", "/v1/people/{owner}/slot-proposals").status_code == 403


def told(cast: Cast, who: str) -> list[dict[str, Any]]:
    return list(cast.database["notices"].find({"person": who, "rule": "slot-proposed"}))


def test_whose_slot_it_would_be_is_told_without_a_name(home: Cast) -> None:
    proposed(home, home.stranger)
    (notice,) = told(home, home.stranger)
    said = "".join(outbox.words(home.database, notice))
    assert not [word for word in (BOX, BOX.partition("/")[2], home.owner, "122", "B ") if word in said]
    assert told(home, home.owner) == []


def test_who_proposes_again_and_again_is_heard_once_a_day(home: Cast) -> None:
    for _ in range(3):
        proposal = proposed(home, home.stranger)
        proposed(home, home.stranger)
        home.send(home.owner, "DELETE", f"/v1/people/me/slot-proposals/{proposal}")
    assert len(told(home, home.stranger)) == 1


def test_notice_that_a_crash_prevented_comes_with_the_same_proposal_again(home: Cast) -> None:
    proposals.propose(home.database, proposals.Offer(BOX, "B", home.owner, home.stranger), now_ms())
    proposed(home, home.stranger)
    assert len(told(home, home.stranger)) == 1


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_nobody_answers_for_another(home: Cast, answer: str) -> None:
    proposal = proposed(home, home.stranger)
    for who in (home.owner, home.relative):
        assert say(home, who, proposal, answer).status_code == 404
        assert say(home, who, proposal, answer, of=home.stranger).status_code == 403
    assert owner_of(home) is None


def test_declined_is_declined(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    assert [say(home, home.stranger, proposal, "decline").status_code for _ in range(2)] == [200, 200]
    assert say(home, home.stranger, proposal).status_code == 404
    assert (owner_of(home), series(home, home.stranger), listed(home, home.stranger)) == (None, [], [])
    assert listed(home, home.owner)[0]["state"] == "declined"


def test_accepted_twice_is_accepted_once(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    assert [say(home, home.stranger, proposal).json["slot"] for _ in range(2)] == ["B", "B"]
    assert len(devices.find(home.database, BOX).bindings) == 2  # type: ignore[union-attr]
    assert series(home, home.stranger) == [122]


def test_acceptance_that_broke_off_gives_the_readings_when_it_is_sent_again(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    proposals.accept(home.database, home.stranger, proposal)  # and nothing was recorded
    assert say(home, home.stranger, proposal).status_code == 200
    assert series(home, home.stranger) == [122]


def test_acceptance_does_not_return_a_slot_that_was_given_up(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    say(home, home.stranger, proposal)
    bindings.unbind(home.database, BOX, "B", now_ms())
    assert say(home, home.stranger, proposal).status_code == 404
    assert owner_of(home) is None


def test_earlier_readings_may_be_left_in_the_inbox(home: Cast) -> None:
    assert say(home, home.stranger, proposed(home, home.stranger), earlier=False).json["stored"] == 0
    (question,) = home.send(home.stranger, "GET", "/v1/people/me/inbox").json["inbox"]
    assert (question["slot"], series(home, home.stranger)) == ("B", [])


def test_what_a_guest_measured_is_not_given(home: Cast) -> None:
    (question,) = home.send(home.owner, "GET", "/v1/people/me/inbox").json["inbox"]
    home.send(home.owner, "POST", f"/v1/people/me/inbox/{question['id']}", json={"answer": "guest"})
    measured(home.database, now_ms() - 30_000, slot="C")
    assert say(home, home.stranger, proposed(home, home.stranger)).json["stored"] == 0
    assert series(home, home.stranger) == []


def test_what_acceptance_gave_can_be_undone(home: Cast) -> None:
    say(home, home.stranger, proposed(home, home.stranger))
    (question,) = home.send(home.stranger, "GET", "/v1/people/me/inbox").json["inbox"]
    assert question["answer"] == "mine"
    assert home.send(home.stranger, "DELETE", f"/v1/people/me/inbox/{question['id']}").status_code == 204
    assert series(home, home.stranger) == []


def test_household_before_is_not_given_along(cast: Cast, code: str) -> None:
    now = now_ms()
    bindings.bind(cast.database, BOX, Binding("A", cast.doctor, 0, now - 50_000))
    measured(cast.database, now - 60_000, slot="B")
    bindings.bind(cast.database, BOX, Binding("A", cast.owner, now - 40_000, None))
    say(cast, cast.stranger, proposed(cast, cast.stranger))
    assert series(cast, cast.stranger) == []


def test_only_who_has_the_device_proposes(home: Cast) -> None:
    assert propose(home, home.relative, home.stranger).status_code == 404
    assert propose(home, home.owner, home.stranger, device="acme/none").status_code == 404
    path = f"/v1/people/{home.owner}/devices/{BOX}/slots"
    answer = home.send(home.relative, "POST", path, json={"slot": "B", "person": home.relative})
    assert answer.status_code == 403


def test_who_left_the_device_has_nothing_to_offer(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    bindings.bind(home.database, BOX, Binding("C", home.relative, 0, None))
    bindings.unbind(home.database, BOX, "A", now_ms())
    assert say(home, home.stranger, proposal).status_code == 404
    assert propose(home, home.owner, home.stranger).status_code == 404


def test_slot_that_is_taken_is_not_offered_nor_taken_again(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    assert propose(home, home.owner, home.stranger, slot="A").status_code == 409
    assert propose(home, home.owner, home.relative).status_code == 409
    assert proposed(home, home.stranger) == proposal
    bindings.bind(home.database, BOX, Binding("B", home.relative, now_ms(), None))
    assert say(home, home.stranger, proposal).status_code == 409
    assert owner_of(home) == home.relative


def test_proposal_taken_back_is_void_and_frees_the_slot(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    path = f"/v1/people/me/slot-proposals/{proposal}"
    assert home.send(home.stranger, "DELETE", path).status_code == 404
    assert home.send(home.owner, "DELETE", path).status_code == 204
    assert say(home, home.stranger, proposal).status_code == 404
    assert (listed(home, home.owner), propose(home, home.owner, home.relative).status_code) == ([], 201)


def test_proposal_does_not_tell_who_exists(home: Cast) -> None:
    assert propose(home, home.owner, NOBODY).status_code == 201
    assert told(home, NOBODY) == []


def test_open_proposals_of_a_device_are_limited(home: Cast) -> None:
    answers = [propose(home, home.owner, NOBODY, slot=f"S{n}").status_code for n in range(proposals.MOST_OPEN + 1)]
    assert answers == [201] * proposals.MOST_OPEN + [409]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"slot": "B"}, "/person"),
        ({"slot": "B", "person": "x"}, "/person"),
        ({"slot": "x" * 33, "person": NOBODY}, "/slot"),
        ({"person": NOBODY}, "/slot"),
        ({"slot": 5, "person": NOBODY}, "/slot"),
        ({"slot": "B", "person": NOBODY, "more": 1}, "/more"),
    ],
)
def test_field_at_fault_is_named(home: Cast, body: Any, pointer: str) -> None:
    answer = home.send(home.owner, "POST", f"/v1/people/me/devices/{BOX}/slots", json=body)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


@pytest.mark.parametrize("answer", ["", "yes", None, 1])
def test_other_answers_are_pointed_at(home: Cast, answer: Any) -> None:
    said = say(home, home.stranger, proposed(home, home.stranger), answer)
    assert (said.status_code, said.json["pointer"]) == (400, "/answer")


def test_guardian_accepts_for_a_child_and_a_relative_does_not(home: Cast) -> None:
    child, everything = home.stranger, {"verbs": ("read", "write")}
    proposal = proposed(home, child)
    grants.create(home.database, a_grant(child, home.doctor, **everything))
    grants.create(home.database, a_grant(child, home.relative, kind=grants.GUARDIAN, **everything))
    assert say(home, home.doctor, proposal, of=child).status_code == 403
    assert say(home, home.relative, proposal, of=child).status_code == 200
    assert (owner_of(home), series(home, child), series(home, home.relative)) == (child, [122], [])


def test_reading_that_the_record_refuses_stays_a_question(home: Cast) -> None:
    proposal = proposed(home, home.stranger)
    home.database["people"].update_one({"_id": home.stranger}, {"$set": {"consent_withdrawn": True}})
    assert say(home, home.stranger, proposal).json["stored"] == 0
    (question,) = home.send(home.owner, "GET", "/v1/people/me/inbox").json["inbox"]
    assert question["answer"] is None


def test_wrong_id_is_no_proposal(home: Cast) -> None:
    with pytest.raises(NotFound):
        proposals.accept(home.database, home.stranger, "none")
