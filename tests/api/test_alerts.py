"""Alerts over HTTP: seen by who may see what they are of, acknowledged, put off, ended, asked about."""

from __future__ import annotations

from typing import Any

import pytest

from phr.alerts import escalating, raising
from phr.clock import now_ms
from phr.people import grants
from phr.vocabulary.alert import Alert
from tests.alerts.test_calling import _of as whose
from tests.alerts.test_episode import OXYGEN, PRESSURE, an_alert
from tests.cast import Cast, a_grant

PATH = "/v1/people/{owner}/alerts"


def raised(cast: Cast, *alerts: Alert) -> str:
    """The id of the alert."""
    raising.take(cast.database, [whose(one, cast.owner) for one in alerts or [an_alert()]], now_ms())
    return (alerts[0] if alerts else an_alert()).key


def listed(cast: Cast, who: str, query: str = "") -> list[dict[str, Any]]:
    answer = cast.send(who, "GET", PATH + query)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json["alerts"]  # type: ignore[index]
    return found


def test_what_is_open_is_listed_with_both_its_times_and_who_watches(cast: Cast) -> None:
    raised(cast)
    (one,) = listed(cast, cast.owner)
    assert (one["rule"], one["level"], one["state"], one["is_late"]) == (PRESSURE, 2, "open", False)
    assert one["measured_at"] != one["received_at"]
    assert "夜里没有人值守" in cast.send(cast.owner, "GET", PATH).json["nobody_watches"]["zh"]  # type: ignore[index]


def test_it_shows_the_words_of_its_rule_and_that_nobody_has_reviewed_them(cast: Cast) -> None:
    shown = cast.send(cast.owner, "GET", f"{PATH}/{raised(cast)}").json
    assert (shown["message"], shown["reviewed"]) == ({"zh": "zh", "en": "en"}, False)  # type: ignore[index]


def test_who_may_not_see_what_it_is_of_does_not_see_it(cast: Cast) -> None:
    name = raised(cast, an_alert(categories=("mental", "readings")))
    other = cast.stranger
    grants.create(cast.database, a_grant(cast.owner, other, categories=("readings",)))
    assert listed(cast, other) == []
    for way in ("", "/acknowledge", "/resolve"):
        answer = cast.send(other, "POST" if way else "GET", f"{PATH}/{name}{way}")
        assert (answer.status_code, answer.json["code"]) == (404, "not-found")  # type: ignore[index]
    assert listed(cast, cast.owner)[0]["acknowledged"] == []


def test_a_relative_acknowledges_and_a_second_time_changes_nothing(cast: Cast) -> None:
    name = raised(cast)
    for _ in range(2):
        shown = cast.send(cast.relative, "POST", f"{PATH}/{name}/acknowledge").json
    assert [one["by"] for one in shown["acknowledged"]] == [cast.relative]  # type: ignore[index]


@pytest.mark.parametrize("way", ["acknowledge", "resolve"])
@pytest.mark.parametrize(
    ("rule", "who", "is_told"),
    [(PRESSURE, "owner", False), (OXYGEN, "owner", True), (OXYGEN, "doctor", False)],
)
def test_of_an_emergency_only_a_professional_spares_the_team(
    cast: Cast, way: str, rule: str, who: str, is_told: bool
) -> None:
    name = raised(cast, an_alert(0, rule))
    if rule == PRESSURE:
        while escalating.escalate_one(cast.database, now_ms() + 25 * 60 * 60_000):
            pass
    wanted = {"person": cast.doctor, "rule": "alert-of-resident", "state": "pending"}
    assert cast.database["notices"].count_documents(wanted) == 1
    assert cast.send(getattr(cast, who), "POST", f"{PATH}/{name}/{way}").status_code == 200
    assert cast.database["notices"].count_documents(wanted) == is_told


@pytest.mark.parametrize(("who", "status"), [("owner", 200), ("doctor", 200), ("relative", 403), ("stranger", 403)])
def test_who_ends_it(cast: Cast, who: str, status: int) -> None:
    name = raised(cast)
    assert cast.send(getattr(cast, who), "POST", f"{PATH}/{name}/resolve").status_code == status
    assert [one["state"] for one in listed(cast, cast.owner, "?state=all")] == ["ended" if status == 200 else "open"]


def test_put_off_it_is_so_for_the_caller_alone(cast: Cast) -> None:
    name = raised(cast)
    assert cast.send(cast.owner, "POST", f"{PATH}/{name}/snooze", json={"minutes": 60}).json["snoozed_until"]  # type: ignore[index]
    assert listed(cast, cast.relative)[0]["snoozed_until"] is None


@pytest.mark.parametrize("body", [{}, {"minutes": 0}, {"minutes": 43_201}, {"minutes": "5"}, {"minutes": 5, "x": 1}])
def test_an_odd_snooze_is_refused_by_its_field(cast: Cast, body: dict[str, Any]) -> None:
    assert cast.send(cast.owner, "POST", f"{PATH}/{raised(cast)}/snooze", json=body).status_code == 400


def test_a_yes_to_the_question_is_an_emergency_and_calls_the_chosen(cast: Cast) -> None:
    chosen = {"emergency": [cast.relative]}
    put = cast.send(cast.owner, "PUT", "/v1/people/{owner}/alert-contacts", json=chosen, headers={"If-Match": '"0"'})
    assert put.json["emergency"] == [{"person": cast.relative, "has_grant": True}]  # type: ignore[index]
    name = raised(cast)
    assert "胸痛" in listed(cast, cast.owner)[0]["question"]["zh"]
    shown = cast.send(cast.owner, "POST", f"{PATH}/{name}/symptoms", json={"has_any": True}).json
    assert (shown["level"], shown["call_120"], shown["question"]) == (4, True, None)  # type: ignore[index]
    assert {"contacts", "team"} == set(shown["called"])  # type: ignore[index]
    told = {row["rule"] for row in cast.database["notices"].find({"person": cast.relative})}
    assert told == {"alert-of-family"}


def test_a_no_is_kept_and_calls_nobody(cast: Cast) -> None:
    shown = cast.send(cast.owner, "POST", f"{PATH}/{raised(cast)}/symptoms", json={"has_any": False}).json
    assert (shown["level"], shown["has_symptoms"]) == (2, False)  # type: ignore[index]


def test_nothing_is_asked_about_others_and_about_what_has_ended(cast: Cast) -> None:
    body = {"has_any": True}
    name = raised(cast, an_alert(5, OXYGEN))
    assert cast.send(cast.owner, "POST", f"{PATH}/{name}/symptoms", json=body).status_code == 400
    name = raised(cast)
    cast.send(cast.owner, "POST", f"{PATH}/{name}/resolve")
    answer = cast.send(cast.owner, "POST", f"{PATH}/{name}/symptoms", json=body)
    assert (answer.status_code, "120" in answer.json["detail"]) == (400, True)  # type: ignore[index]


@pytest.mark.parametrize("who", ["stranger", "owner"])
def test_nobody_is_chosen_who_holds_no_grant(cast: Cast, who: str) -> None:
    chosen = {"low_glucose": [cast.relative, getattr(cast, who)]}
    answer = cast.send(cast.owner, "PUT", "/v1/people/{owner}/alert-contacts", json=chosen, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json["pointer"]) == (400, "/low_glucose/1")  # type: ignore[index]


def test_a_relative_chooses_nobody_and_a_second_choice_needs_the_version(cast: Cast) -> None:
    path = "/v1/people/{owner}/alert-contacts"
    assert cast.send(cast.relative, "PUT", path, json={}, headers={"If-Match": '"0"'}).status_code == 403
    tags = [cast.send(cast.owner, "PUT", path, json={}, headers={"If-Match": '"0"'}).status_code for _ in range(2)]
    assert tags == [200, 412]
    assert cast.send(cast.owner, "GET", path).headers["ETag"] == '"1"'
