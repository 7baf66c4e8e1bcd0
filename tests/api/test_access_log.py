"""The owner reads who looked, in plain words; nobody else does."""

from __future__ import annotations

import pytest
from flask import Flask

from phr.api import access_words
from phr.api.access_words import Who
from phr.audit import chaining
from phr.clock import now_ms
from phr.people import grants
from phr.people.access_lines import LOG, Line
from tests.cast import T0, Cast, a_grant

LOG_PATH = "/v1/people/{owner}/access-log"
CHINA_MIN = 480


def a_line(**changes: object) -> Line:
    valid = {"at_ms": T0, "who": "d" * 20, "client_id": "app", "act": None, "role": "family-doctor", "grant": "g",
             "person": "a" * 20, "verb": "read", "categories": ("readings",), "about": "GET series/blood-pressure",
             "outcome": "allowed"}  # fmt: skip
    return Line(**(valid | changes))  # type: ignore[arg-type]


def words(line: Line, name: str | None = "陈医生", organisation: str | None = "社区诊所") -> tuple[str, str]:
    said = access_words.sentence(line, Who(name, organisation), "李建国", CHINA_MIN)
    return said["zh"], said["en"]


MARCH = "?from=2026-03-01T00:00:00%2B08:00&to=2026-04-01T00:00:00%2B08:00"


@pytest.mark.parametrize(
    ("query", "zh", "en"),
    [
        ("", "", ""),
        (MARCH, "2026年3月", " of March 2026"),
        ("?from=2026-03-01T00:00:00%2B08:00&to=2026-03-31T00:00:00%2B08:00", "2026年3月1日至2026年3月30日",
         " of 1 March 2026 to 30 March 2026"),
        ("?from=2026-03-05T00:00:00%2B08:00&to=2026-03-06T00:00:00%2B08:00", "2026年3月5日", " of 5 March 2026"),
        ("?from=2025-12-31T16:00:00Z&to=2026-12-31T16:00:00Z", "2026年", " of 2026"),
        ("?from=2026-03-05T00:00:00%2B08:00", "2026年3月5日以来", " since 5 March 2026"),
        ("?to=2026-03-05T00:00:00%2B08:00", "2026年3月4日以前", " until 4 March 2026"),
        ("?from=99-99", "", ""),
    ],
)  # fmt: skip
def test_period_is_said_in_days_of_the_owner(query: str, zh: str, en: str) -> None:
    said = words(a_line(about=f"GET series/blood-pressure{query}"))
    assert said == (f"陈医生（社区诊所）查看了您{zh}的血压", f"陈医生, 社区诊所, looked at your blood pressure{en}")


@pytest.mark.parametrize(
    ("line", "name", "en"),
    [
        (a_line(role="owner"), "x", "You looked at your blood pressure"),
        (a_line(role="proxy"), "Li Na", "Li Na for 李建国 looked at your blood pressure"),
        (a_line(role="support", act="root"), "x", "Operator root looked at your blood pressure"),
        (a_line(who="erased-x"), None, "Somebody who was erased looked at your blood pressure"),
        (a_line(outcome="refused", role="none"), None,
         "Somebody without a grant tried to look at your blood pressure and was refused"),
        (a_line(role="support", act="root", about="operator's token: a call"), "x",
         "Operator root took temporary access"),
        (a_line(role="scheduler", who="scheduler", about="erased a vendor's readings: acme"), None,
         "The system erased all readings of acme, since the consent to it was withdrawn"),
        (a_line(role="operator", about="something new"), "x", "Operator " + "d" * 20 + " did this: something new"),
        (a_line(about="GET series/no-metric"), "Wu", "Wu looked at your no-metric"),
        (a_line(about="DELETE devices/acme/cuff"), "Wu", "Wu gave up your device acme/cuff"),
        (a_line(about="GET series/{x}"), "Wu", "Wu looked at your {x}"),
        (a_line(about=""), "Wu", "Wu did this: read"),
    ],
)  # fmt: skip
def test_who_is_named_as_they_stand_to_the_owner(line: Line, name: str | None, en: str) -> None:
    assert words(line, name, None)[1] == en


def test_every_route_about_a_person_has_words(cast: Cast) -> None:
    """A new route: say in phr/api/access_words.toml what it does."""
    app: Flask = cast.http.application
    known = {_shape(one) for one in access_words.routes()}
    asked = set()
    for rule in app.url_map.iter_rules():
        if "scope" in app.view_functions[rule.endpoint].__dict__ and rule.rule.startswith("/v1/people/<person>"):
            path = rule.rule.partition("<person>")[2].strip("/") or "profile"
            asked |= {_shape(f"{method} {path}") for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    asked |= {"POST /v1/devices/claim", "GET panel"}  # routes without a person in them that look at records
    assert asked == known


def _shape(route: str) -> str:
    return "/".join("<>" if part.startswith("<") else part for part in route.split("/"))


def test_owner_reads_who_looked_why_and_by_what(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, purpose="a question", categories=("readings",)))
    path = "/v1/people/{owner}/series/heart-rate?from=2026-03-01T00:00:00%2B08:00&to=2026-04-01T00:00:00%2B08:00"
    assert cast.send(cast.stranger, "GET", path).status_code == 200
    chaining.link_some(cast.database, now_ms())
    page = cast.send(cast.owner, "GET", f"{LOG_PATH}?others=true").json
    (line,) = page["lines"]
    assert line["words"]["en"] == "stranger looked at your heart rate of March 2026"
    assert (line["who"]["id"], line["role"], line["outcome"]) == (cast.stranger, "relative", "allowed")
    assert [(one["kind"], one["purpose"]) for one in line["grants"]] == [("relative", "a question")]
    assert (line["client"], line["seq"], line["is_intact"]) == ({"id": "app", "name": None}, 1, True)


def test_stranger_who_was_refused_is_not_named_but_a_professional_is(cast: Cast) -> None:
    cast.database["people"].update_one({"_id": cast.doctor}, {"$set": {"organisation": "社区诊所"}})
    for who in (cast.stranger, cast.doctor):
        assert cast.send(who, "GET", "/v1/people/{owner}/devices").status_code == 403
    lines = cast.send(cast.owner, "GET", f"{LOG_PATH}?others=true").json["lines"]
    assert [(one["who"]["name"], one["who"]["organisation"]) for one in lines] == [("doctor", "社区诊所"), (None, None)]
    assert cast.stranger not in str(lines)


@pytest.mark.parametrize("who", ["relative", "doctor", "stranger"])
def test_log_is_nobody_elses(cast: Cast, who: str) -> None:
    assert cast.send(getattr(cast, who), "GET", LOG_PATH).status_code == 403


def test_guardian_reads_it(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind="guardian"))
    assert cast.send(cast.stranger, "GET", LOG_PATH).status_code == 200


def test_pages_follow_each_other_and_miss_nothing(cast: Cast) -> None:
    for _ in range(5):
        cast.send(cast.owner, "GET", "/v1/people/me")
    seen, cursor = [], ""
    while cursor is not None:
        page = cast.send(cast.owner, "GET", f"{LOG_PATH}?limit=2{cursor and '&cursor=' + cursor}").json
        seen += [one["id"] for one in page["lines"]]
        cursor = page["next_cursor"]
        if cast.database[LOG].count_documents({}) > 30:
            break
    rows = cast.database[LOG].find({"about": "GET profile"})
    assert {str(row["_id"]) for row in rows} <= set(seen)
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    "cursor", ["x", "1.x", "-1.5f5f5f5f5f5f5f5f5f5f5f5f", "99999999999999999.5f5f5f5f5f5f5f5f5f5f5f5f", "."]
)
def test_cursor_that_is_none_is_refused_by_name(cast: Cast, cursor: str) -> None:
    answer = cast.send(cast.owner, "GET", f"{LOG_PATH}?cursor={cursor}")
    assert (answer.status_code, answer.json["pointer"]) == (400, "/cursor")


def test_changed_line_says_so(cast: Cast) -> None:
    cast.send(cast.owner, "GET", "/v1/people/me")
    cast.database[LOG].update_one({}, {"$set": {"about": "GET devices"}})
    lines = cast.send(cast.owner, "GET", LOG_PATH).json["lines"]
    assert lines[-1]["is_intact"] is False


def test_what_is_no_time_does_not_come_into_the_log(cast: Cast) -> None:
    cast.send(cast.owner, "GET", "/v1/people/me/timeline?from=<script>&to=2026-03-01")
    assert cast.database[LOG].find_one({})["about"] == "GET timeline?to=2026-03-01"  # type: ignore[index]
