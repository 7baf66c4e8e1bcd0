"""No task is deeper than three taps in elder mode: counted from the day's page by every way that there is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest

from phr.clock import now_ms, rfc3339
from phr.intake import bindings
from phr.intake.device import Binding
from phr.people import grants, second_factors
from tests.api.test_devices import BOX, code, measured
from tests.cast import a_clinic, a_grant
from tests.pages.visitor import Visitor
from tests.recording.builders import HIGH

__all__ = ["code"]

MOST = 3
TASKS = (  # what people come for, by the form or the key that does it
    "/app/reminders/{id}/{id}/done",
    "/app/reminders",
    "/app/reminders/{id}/end",
    "/app/devices",
    "/app/devices/questions/{id}",
    "/app/devices/held/{id}/restamp",
    "/app/devices/held/{id}/discard",
    "/app/sharing",
    "/app/sharing/{id}/revoke",
    "/app/sharing/{id}/accept",
    "/app/sharing/invitations",
    "/app/sharing/by-code",
    "/app/consents/research",
    "/app/mine/exports",
    "/app/mine/erasure",
    "/app/mine/links/{id}/end",
    "/app/mine/browsers/{id}/forget",
    "/app/notices/addresses",
    "/app/notices/addresses/{id}/proof",
    "/app/notices/settings",
    "/app/learn/topics/{id}",
    "/app/look",
    "key send",  # a reading by hand
    "key aloud",
    "key print",  # the report
    "a question of a lesson",
)


class Page(HTMLParser):
    """The addresses that its links lead to, and what can be done on it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.acts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "a" and "download" not in given:
            self.links.append(given.get("href") or "")
        for name in ("action", "formaction"):
            if given.get(name):
                self.acts.append(str(given[name]))
        if tag == "button" and given.get("id"):
            self.acts.append(f"key {given['id']}")
        if "question" in (given.get("class") or "").split():
            self.acts.append("a question of a lesson")


@pytest.fixture
def elder(visitor: Visitor, code: str, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """With something of everything: a reminder of now, a contract that waits, a household's question, an address."""
    monkeypatch.setattr(second_factors, "is_needed", lambda *_: False)
    cast, owner = visitor.cast, visitor.cast.owner
    (doctor,) = a_clinic(cast.database, "doctor")
    team = {"kind": "family-doctor", "verbs": ("read", "write"), "purpose": "care"}
    grants.create(cast.database, a_grant(owner, "team:clinic/blue", **team))  # type: ignore[arg-type]
    contract = {"team": "blue", "starts_on": "2026-01-01", "ends_on": rfc3339(now_ms() + 300 * 86_400_000, 480)[:10]}
    assert cast.send(doctor, "POST", "/v1/people/{owner}/contracts", json=contract).status_code == 201
    for slot, person in (("A", owner), ("B", cast.relative)):
        bindings.bind(cast.database, BOX, Binding(slot, person, None, None))
    measured(cast.database, now_ms() - 60_000, slot="C", value=HIGH)
    at = rfc3339(now_ms() + 60_000, 480)
    reminder = {"kind": "medication", "text": "降压药", "rrule": "FREQ=DAILY", "times": [at[11:16]]}
    made = cast.send(owner, "POST", "/v1/people/{owner}/reminders", json=reminder | {"starts_on": at[:10]})
    assert made.status_code == 201, made.text
    place = {"channel": "email", "address": {"email": "li@example.org"}}
    assert cast.send(owner, "POST", "/v1/people/{owner}/notice-addresses", json=place).status_code == 201
    reading = {"metric": "blood-pressure", "t": rfc3339(now_ms(), 480), "unit": "mm[Hg]", "id": "b1"}
    body = {"readings": [reading | {"value": {"systolic": 136, "diastolic": 84}}]}
    cast.send(owner, "POST", "/v1/people/{owner}/readings", json=body)
    late = reading | {"t": rfc3339(now_ms() + 86_400_000, 480), "value": {"systolic": 130, "diastolic": 80}, "id": "b2"}
    cast.send(owner, "POST", "/v1/people/{owner}/readings", json={"readings": [late]})
    visitor.log_in()
    visitor.send(visitor.get("/app/look"), "/app/look", size="large")
    return visitor


def plain(act: str) -> str:
    """Without what differs from person to person."""
    known = [re.sub(re.escape("{id}"), r"[^/]+", one) for one in TASKS]
    found = next((task for task, form in zip(TASKS, known, strict=True) if re.fullmatch(form, act)), None)
    return found or act


def test_no_task_is_deeper_than_three_taps(elder: Visitor) -> None:
    taps: dict[str, int] = {}  # of each page
    deepest: dict[str, int] = {}  # of what can be done
    ways = ["/app/today"]
    taps["/app/today"] = 0
    for path in ways:
        answer = elder.get(path)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        page = Page(answer.text)
        for act in page.acts:
            deepest[plain(act)] = min(deepest.get(plain(act), 99), taps[path] + 1)
        for link in page.links:
            to = urlsplit(urljoin(path, link))
            one = to.path + (f"?{to.query}" if to.query else "")
            is_more_of_the_same = "cursor=" in to.query
            if to.path.startswith("/app/") and one not in taps and not is_more_of_the_same:
                taps[one] = taps[path] + 1
                ways.append(one)
    assert [one for one in TASKS if one not in deepest] == []
    assert {act: count for act, count in deepest.items() if count > MOST} == {}
    assert {path: count for path, count in taps.items() if count > MOST} == {}
