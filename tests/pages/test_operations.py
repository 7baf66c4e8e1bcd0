"""An operator's pages: a login with two factors, what comes in, rejections, devices; nobody's record."""

from __future__ import annotations

import re

import pyotp
import pytest
from flask import Flask

from ops import administration
from ops.administration import Operator
from pages.application import create
from pages.mounting import mounted
from phr.auth import page_sessions
from phr.clock import now_ms
from phr.intake import rejections, vendor_hours
from phr.intake.rejections import RejectedPayload
from phr.intake.vendor_hours import Answered
from phr.vocabulary.reading import Rejection
from tests.cast import Cast
from tests.pages.visitor import Visitor
from tests.telling import tells


@pytest.fixture
def operator(cast: Cast, application: Flask) -> Visitor:
    """Who was made by the command and has logged in with what it printed."""
    visitor = Visitor.of(cast, mounted(application, lambda: create(application)))
    made = administration.create_operator(Operator(cast.installation.settings, cast.database, now_ms()), "李强")
    secret = re.search(r"secret=(\w+)", made["second_factor"]["uri"])
    assert secret
    page = visitor.to_login("/app/")
    alone = visitor.send(page, step="log-in", way="password", login=made["login"], password=made["password"], code="")
    assert alone.status_code == 403
    both = visitor.send(
        visitor.to_login("/app/"),
        step="log-in",
        way="password",
        login=made["login"],
        password=made["password"],
        code=pyotp.TOTP(secret[1]).now(),
    )
    back = visitor.get(visitor.get(both.location).location)
    assert back.location == "/app/"
    return visitor


def test_operator_begins_with_what_comes_in_and_is_locked_when_left_alone(operator: Visitor) -> None:
    cast = operator.cast
    counted = [Answered("acme", now_ms(), (3, 17, 0, 0, 1), [Rejection("/0", "unit-missing", "", count=2)])]
    vendor_hours.count(cast.database, counted)
    assert operator.get("/app/").location == "/app/operations"
    page = operator.get("/app/operations")
    assert page.status_code == 200
    assert "缺少单位" in page.text
    assert re.search(r"acme</a></td><td>3</td><td>17</td><td>1</td>", page.text)
    assert "no ingest worker has reported" in page.text
    part = operator.get("/app/operations/intake")
    assert "<html" not in part.text
    assert "data-hours=" in part.text
    (row,) = cast.database[page_sessions.SESSIONS].find()
    assert row["work"] == page_sessions.OPERATIONS


def test_rejections_and_devices_are_found_and_say_nothing_of_anybody(operator: Visitor) -> None:
    cast = operator.cast
    why = Rejection("/readings/0/value", "value-out-of-bounds", "931 is impossible")
    refused = RejectedPayload("acme", "acme/cuff-1", "t", b'{"value":931}', (why,), now_ms())
    rejections.reject(cast.database, [refused])
    page = operator.get("/app/operations/rejections?vendor=acme&device=&code=")
    assert "数值超出可能范围" in page.text
    assert "/readings/0/value" in page.text
    assert not tells(page.text, "931")
    assert "<td>acme/cuff-1" not in operator.get("/app/operations/rejections?code=unit-missing").text
    fleet = operator.get("/app/operations/devices?prefix=acme/")
    assert "acme/cuff-1" in fleet.text
    assert cast.owner not in fleet.text + page.text
    assert "<td>acme/cuff-1" not in operator.get("/app/operations/devices?prefix=zz").text


def test_operator_sees_no_record_and_others_no_operators_page(operator: Visitor) -> None:
    cast = operator.cast
    for path in (f"/app/people/{cast.owner}", f"/app/people/{cast.owner}/report", "/app/panel", "/app/clinic"):
        assert "owner" not in operator.get(path).text
    assert operator.get(f"/app/api/people/{cast.owner}").status_code == 403
    citizen = operator.another()
    citizen.log_in()
    for path in ("/app/operations", "/app/operations/intake", "/app/operations/rejections", "/app/operations/devices"):
        assert citizen.get(path).status_code == 403


def test_filter_that_is_none_is_named(operator: Visitor) -> None:
    page = operator.get("/app/operations/devices?prefix=%24%7B")
    assert page.status_code in (400, 422)
    assert "prefix" in page.text
