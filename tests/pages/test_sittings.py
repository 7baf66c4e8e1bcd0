"""Who is at a page: the login by code and PKCE, what the browser may hold, how a session ends."""

from __future__ import annotations

import re

import pytest

from pages import sittings
from phr.auth import own_client, page_sessions
from phr.clock import now_ms
from phr.people import logins
from tests.cast import T0, a_clinic
from tests.pages.visitor import PASSWORD, Visitor


def test_who_logs_in_comes_back_to_the_page_and_is_asked_nothing_more(visitor: Visitor) -> None:
    asked = visitor.get("/app/today")
    assert asked.status_code == 303
    assert asked.location == "/app/login?next=%2Fapp%2Ftoday"
    answer = visitor.log_in()
    assert answer.location == "/app/today"
    page = visitor.get(answer.location)
    assert page.status_code == 200
    assert "owner" in page.text


def test_browser_holds_no_token_and_no_script_reads_what_it_holds(visitor: Visitor) -> None:
    answer = visitor.log_in()
    cookies = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("phr-page")]
    assert len(cookies) == 1
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
    (row,) = visitor.cast.database[page_sessions.SESSIONS].find()
    held = re.findall(r"=([^;]+);", cookies[0])[0]
    assert held not in str(row)  # nor would the database give anybody in
    page = visitor.get("/app/today").text
    session = page_sessions.find(visitor.cast.database, held, now_ms())
    assert session
    assert session.tokens.access not in page
    assert session.tokens.access.encode() not in bytes(row["tokens"])


def test_code_for_another_browsers_login_is_worth_nothing(visitor: Visitor) -> None:
    mine = visitor.typed(visitor.to_login())
    other = visitor.another()
    other.to_login()  # has a login of its own under way
    refused = other.get(mine.location)
    assert refused.status_code == 400
    assert visitor.cast.database[page_sessions.SESSIONS].count_documents({}) == 0


@pytest.mark.parametrize("change", ["iss=https%3A%2F%2Fevil.example", "code="])
def test_answer_of_another_server_or_without_a_code_is_refused(visitor: Visitor, change: str) -> None:
    sent = visitor.get("/app/login").location
    visitor.typed(visitor.get(sent))
    state = re.search(r"state=([^&]+)", sent)
    assert state
    refused = visitor.get(f"{own_client.CALLBACK}?state={state[1]}&code=x&{change}")
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "//evil.example/app/", "/\\evil.example", "javascript:alert(1)", "/v1/people/me", ""],
)
def test_one_is_sent_back_to_pages_of_ours_alone(visitor: Visitor, place: str) -> None:
    assert visitor.log_in(place=place).location == "/app/"


def test_form_of_another_site_changes_nothing(visitor: Visitor) -> None:
    visitor.log_in()
    refused = visitor.post("/app/logout")
    assert refused.status_code == 403
    assert visitor.get("/app/today").status_code == 200
    theirs = visitor.another()
    theirs.log_in()
    page = theirs.get("/app/look")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token
    assert visitor.post("/app/logout", form_token=token[1]).status_code == 403


def test_script_needs_the_same_sign(visitor: Visitor) -> None:
    visitor.log_in()
    body = {"readings": [{"metric": "weight", "t": T0, "unit": "kg", "value": 61.5, "id": "w1"}]}
    path = "/app/api/people/me/readings"
    assert visitor.browser.post(path, base_url=visitor.issuer, json=body).status_code == 403
    token = re.search(r'name="form-token" content="([^"]+)"', visitor.get("/app/today").text)
    assert token
    answer = visitor.browser.post(path, base_url=visitor.issuer, json=body, headers={sittings.FORM_HEADER: token[1]})
    assert answer.status_code == 200, answer.text
    assert answer.json
    assert answer.json["stored"] == 1
    assert "61.5" in visitor.get("/app/today").text


def test_script_sees_no_more_than_its_person(visitor: Visitor) -> None:
    visitor.log_in()
    assert visitor.get("/app/api/people/me").status_code == 200
    assert visitor.get(f"/app/api/people/{visitor.cast.stranger}").status_code == 403
    assert visitor.another().get("/app/api/people/me").status_code == 401


def test_token_is_renewed_before_it_ends(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.log_in()
    (before,) = visitor.cast.database[page_sessions.SESSIONS].find()
    later = now_ms() + 9 * 60_000 + 45_000
    monkeypatch.setattr(sittings, "now_ms", lambda: later)
    assert visitor.get("/app/today").status_code == 200
    (after,) = visitor.cast.database[page_sessions.SESSIONS].find()
    assert after["tokens"] != before["tokens"]


def test_link_that_the_owner_ended_ends_the_session(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.log_in()
    (link,) = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/links").json["links"]  # type: ignore[index]
    assert link["client"] == {"id": own_client.ID, "name": own_client.NAME}
    ended = visitor.cast.send(visitor.cast.owner, "DELETE", f"/v1/people/{{owner}}/links/{link['id']}")
    assert ended.status_code == 204
    assert visitor.get("/app/today").status_code == 303
    monkeypatch.setattr(sittings, "now_ms", lambda: now_ms() + 11 * 60_000)
    assert visitor.get("/app/today").status_code == 303
    assert visitor.cast.database[page_sessions.SESSIONS].count_documents({}) == 0


def test_who_logs_out_leaves_nothing(visitor: Visitor) -> None:
    visitor.log_in()
    answer = visitor.send(visitor.get("/app/look"), "/app/logout")
    assert answer.status_code == 303
    assert "storage" in answer.headers["Clear-Site-Data"]
    assert visitor.get("/app/today").status_code == 303
    assert visitor.cast.database[page_sessions.SESSIONS].count_documents({}) == 0
    assert visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/links").json == {"links": []}


def test_computer_at_work_is_asked_again_after_ten_minutes_alone(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = visitor.cast.database
    (nurse,) = a_clinic(database, "nurse")
    cookie = page_sessions.begin(
        database, nurse, page_sessions.Tokens("a", now_ms() + 600_000, "r"), T0, work=page_sessions.CLINIC
    )
    within, after = T0 + page_sessions.LOCK_MS, T0 + page_sessions.LOCK_MS + 1
    assert page_sessions.find(database, cookie, within, is_use=False)
    assert page_sessions.find(database, cookie, after, is_use=False) is None
    assert page_sessions.find(database, cookie, within) is None  # over for good
    kept = page_sessions.begin(database, nurse, page_sessions.Tokens("a", T0, "r"), T0, work=page_sessions.CLINIC)
    assert page_sessions.find(database, kept, within)  # which was a use of it
    assert page_sessions.find(database, kept, within + page_sessions.LOCK_MS)


def test_citizens_session_is_not_locked(visitor: Visitor) -> None:
    cookie = page_sessions.begin(
        visitor.cast.database, visitor.cast.owner, page_sessions.Tokens("a", T0, "r"), T0, work=None
    )
    assert page_sessions.find(visitor.cast.database, cookie, T0 + 30 * 86_400_000)


def test_another_person_at_the_same_browser_ends_the_first_session(visitor: Visitor) -> None:
    logins.create(visitor.cast.database, "stranger", PASSWORD, visitor.cast.stranger)
    visitor.log_in()
    visitor.log_in("stranger")
    assert "stranger" in visitor.get("/app/today").text
    (row,) = visitor.cast.database[page_sessions.SESSIONS].find()
    assert row["person"] == visitor.cast.stranger


def test_every_page_is_locked_down(visitor: Visitor) -> None:
    visitor.log_in()
    for path in ("/", "/app/today", "/app/nothing"):
        answer = visitor.get(path)
        if answer.status_code == 303:
            continue
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
        assert not re.search(r"\son\w+=|\sstyle=", answer.text)


def test_locked_page_is_for_sessions_at_work_alone(visitor: Visitor) -> None:
    visitor.log_in()
    assert visitor.get("/app/locked").status_code == 303
    assert visitor.get("/app/today").status_code == 200
    assert visitor.cast.database[page_sessions.SESSIONS].count_documents({}) == 1  # a citizen's own phone


def test_phone_finds_what_it_needs_to_install_the_pages(visitor: Visitor) -> None:
    found = visitor.get("/app/app.webmanifest")
    assert found.mimetype == "application/manifest+json"
    assert found.json
    for icon in found.json["icons"]:
        assert visitor.get(icon["src"]).status_code == 200, icon
