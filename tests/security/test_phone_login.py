"""Logging in by a one-time code to a phone: numbers are shared, and handed on to strangers."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from werkzeug.test import TestResponse

from phr.auth import known_devices, phone_codes, texts, tries, ways
from phr.auth.texts import Webhook
from phr.auth.ways import At, CodeSent
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from phr.people import people, second_factors
from phr.people.people import Change
from tests.cast import T0, Cast, a_note, a_person
from tests.security.browser import Browser

PHONE = "13800138000"
MINUTE_MS = 60_000
LATER_MS = 4_000_000_000_000  # so far off that the database takes nothing away as over


@dataclass
class Sent:
    """A gateway that keeps what it is given."""

    messages: list[tuple[str, str]] = field(default_factory=list)

    def send(self, phone: str, text: str) -> None:
        self.messages.append((phone, text))

    def code(self) -> str:
        found = re.search(r"\d{6}", self.messages[-1][1])
        assert found
        return found[0]


@dataclass
class Phone:
    """The owner's number, at the browser."""

    browser: Browser
    sent: Sent

    def log_in(self, code: str = "", **more: str) -> TestResponse:
        page = self.browser.open()
        form = {"way": "phone", "phone": PHONE, "code": code, "step": "log-in"} | more
        return self.browser.send(page, **form)

    def come_in(self, **more: str) -> int:
        """303 where a code lets somebody in."""
        self.log_in()
        return self.log_in(self.sent.code(), **more).status_code

    def who(self) -> str:
        row = self.browser.cast.database["browser_sessions"].find_one(sort=[("auth_at_ms", -1)])
        assert row is not None
        assert row["amr"] == ["sms"]
        return str(row["person"])


def give_number(cast: Cast, person: str) -> None:
    people.patch(cast.database, person, Change(fields={"phone": PHONE}))


def write(cast: Cast, person: str) -> None:
    assert cast.send(person, "POST", f"/v1/people/{person}/entries", json=a_note()).status_code == 201


def at_once(work: Callable[[], None]) -> None:
    work()


@pytest.fixture
def phone(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Phone:
    sent = Sent()
    monkeypatch.setattr(browser.cast.http.application.extensions["phr_oauth"], "texts", sent)
    monkeypatch.setattr(texts, "soon", at_once)
    give_number(browser.cast, browser.cast.owner)
    return Phone(browser, sent)


def test_code_opens_a_record_that_is_empty(phone: Phone) -> None:
    assert (phone.come_in(), phone.who()) == (303, phone.browser.cast.owner)


def test_record_with_something_in_it_opens_where_its_person_was_before(phone: Phone) -> None:
    write(phone.browser.cast, phone.browser.cast.owner)
    before = phone.come_in()
    phone.browser.log_in(phone.browser.open())  # by the password
    phone.browser.send(phone.browser.open(), step="leave")
    assert (before, phone.come_in(), phone.who()) == (403, 303, phone.browser.cast.owner)


def test_record_that_a_clinic_has_registered_is_not_an_empty_one(phone: Phone) -> None:
    people.patch(phone.browser.cast.database, phone.browser.cast.owner, Change(fields={"identity_number": "E12345678"}))
    assert phone.come_in() == 403


def test_device_of_somebody_else_does_not_count(phone: Phone) -> None:
    cast = phone.browser.cast
    write(cast, cast.owner)
    phone.browser.http.set_cookie("phr-device", "of-a-stranger")
    known_devices.remember(cast.database, "of-a-stranger", cast.stranger, LATER_MS)
    assert phone.come_in() == 403


def test_who_shares_a_number_says_who_it_is(phone: Phone) -> None:
    cast = phone.browser.cast
    child = people.create(cast.database, a_person(name="child", birth_on=date(2001, 2, 3), phone=PHONE))
    assert phone.come_in() == 403
    assert (phone.come_in(born="2001-02-03"), phone.who()) == (303, child.id)


def test_doctor_does_not_get_in_by_a_phone(phone: Phone) -> None:
    cast = phone.browser.cast
    cast.database["people"].update_one({"_id": cast.owner}, {"$set": {"roles": ["doctor"]}})
    assert phone.come_in() == 403


def test_number_of_nobody_is_answered_alike_and_gets_no_message(phone: Phone) -> None:
    known, unknown = phone.log_in(), phone.log_in(phone="13900139000")
    assert (known.status_code, unknown.status_code) == (200, 200)
    said = [re.sub(r'name="form_token" value="[^"]+"|1[38]\d{9}|13900139000', "", one.text) for one in (known, unknown)]
    assert said[0] == said[1]
    assert [to for to, _ in phone.sent.messages] == [PHONE]


class Heard(CommandListener):
    """What a client asks of the database, by name."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Of no interest."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Of no interest."""


def test_number_of_nobody_costs_the_same_questions_so_that_time_does_not_tell(
    phone: Phone, mongod: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, later = Heard(), list[Callable[[], None]]()
    monkeypatch.setattr(texts, "soon", later.append)  # what is sent is sent by another thread
    with MongoClient(mongod, event_listeners=[heard]) as client:
        at = At(client.get_database(phone.browser.cast.database.name), texts=phone.sent)
        for number in ("13700137000", PHONE, "13900139000"):
            heard.commands.append(number)
            with pytest.raises(CodeSent):
                ways.prove(at, "phone", {"phone": number}, T0)
        asked = "/".join(heard.commands)
    _, _, after = asked.partition(f"/{PHONE}/")  # the first one has warmed the keys
    known, _, unknown = after.partition("/13900139000/")
    assert (known, len(later)) == (unknown, 1)
    assert "find" in known.split("/")


@pytest.mark.parametrize("number", ["", "12", "abc", "1" * 300, '"><script>'])
def test_odd_number_is_refused(phone: Phone, number: str) -> None:
    answer = phone.log_in(phone=number)
    assert (answer.status_code, "<script>" in answer.text) == (403, False)


def test_messages_are_not_sent_without_end(phone: Phone) -> None:
    assert [phone.log_in().status_code for _ in range(tries.FREE + 1)] == [200] * tries.FREE + [429]
    assert len(phone.sent.messages) == tries.FREE


def test_there_is_no_such_form_where_nothing_can_be_sent(browser: Browser) -> None:
    page = browser.open()
    assert 'value="phone"' not in page.text
    assert browser.send(page, way="phone", phone=PHONE, code="", step="log-in").status_code == 403


def test_code_is_good_once_for_five_minutes_and_its_number(database: Database) -> None:
    code = phone_codes.make(database, PHONE, LATER_MS)
    asked = [
        ("13900139000", LATER_MS),
        (PHONE, LATER_MS + 5 * MINUTE_MS),
        (PHONE, LATER_MS + 5 * MINUTE_MS - 1),
        (PHONE, LATER_MS),
    ]
    assert [phone_codes.use(database, number, code, at_ms) for number, at_ms in asked] == [False, False, True, False]


def test_new_code_takes_the_place_of_the_old(database: Database) -> None:
    old, new = phone_codes.make(database, PHONE, LATER_MS), phone_codes.make(database, PHONE, LATER_MS)
    found = [phone_codes.use(database, PHONE, one, LATER_MS) for one in (old, new)]
    assert found == [old == new, old != new]


@pytest.mark.parametrize(("wrong", "opens"), [(phone_codes.TRIES - 1, True), (phone_codes.TRIES, False)])
def test_code_is_not_tried_out(database: Database, wrong: int, opens: bool) -> None:
    code = phone_codes.make(database, PHONE, LATER_MS)
    other = f"{(int(code) + 1) % 10**6:06}"
    assert [phone_codes.use(database, PHONE, other, LATER_MS) for _ in range(wrong)] == [False] * wrong
    assert phone_codes.use(database, PHONE, code, LATER_MS) is opens


def test_of_many_at_once_one_is_let_in(database: Database) -> None:
    code = phone_codes.make(database, PHONE, LATER_MS)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: phone_codes.use(database, PHONE, code, LATER_MS), range(4))) == 1


def test_neither_number_nor_code_is_stored(database: Database) -> None:
    code = phone_codes.make(database, PHONE, LATER_MS)
    stored = str(database[phone_codes.CODES].find_one())
    assert [one for one in (PHONE, f"'{code}'") if one in stored] == []


def test_gateway_gets_a_signed_request(caplog: pytest.LogCaptureFixture) -> None:
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        Webhook(f"http://127.0.0.1:{server.server_port}/sms", "secret").send(PHONE, "123456")
        thread.join(10)
    ((headers, body),) = got
    expected = texts.signature("secret", headers["webhook-id"], headers["webhook-timestamp"], body)
    assert (headers["webhook-signature"], PHONE.encode() in body) == (expected, True)
    assert ("status 500" in caplog.text, PHONE in caplog.text) == (True, False)


def test_signature_is_that_of_standard_webhooks() -> None:
    """Computed apart, by openssl: HMAC-SHA256 over "msg_1.1700000000.{}" under "secret"."""
    assert texts.signature("secret", "msg_1", "1700000000", b"{}") == "v1,A5oIrJxXPB/PkULSoVu0e4khvPiqpF9vljmhkSKg0FI="


@pytest.mark.parametrize(
    "changes",
    [{"sms_url": "https://sms.example"}, {"sms_secret": "x"}, {"sms_url": "http://sms.example", "sms_secret": "x"}],
)
def test_half_a_gateway_stops_the_start(settings: Settings, changes: dict[str, str]) -> None:
    with pytest.raises(SettingInvalid):
        texts.of(replace(settings, **changes))


def test_who_has_a_second_factor_is_asked_it_at_the_phone_too(phone: Phone) -> None:
    cast = phone.browser.cast
    codes = second_factors.enrol(cast.database, cast.owner, T0).recovery_codes
    assert [phone.come_in(), phone.come_in(second="000000"), phone.come_in(second=codes[0])] == [403, 403, 303]
    row = cast.database["browser_sessions"].find_one({"person": cast.owner})
    assert row is not None
    assert row["amr"] == ["sms", "otp", "mfa"]
    assert phone.come_in(second=codes[0]) == 403  # it was used


def test_second_factor_is_said_to_be_missing_in_words(phone: Phone) -> None:
    second_factors.enrol(phone.browser.cast.database, phone.browser.cast.owner, T0)
    phone.log_in()
    page = phone.log_in(phone.sent.code())
    assert (page.status_code, "双重验证" in page.text or "second factor" in page.text) == (403, True)


def test_second_factor_is_not_tried_out_by_who_has_the_phone(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "FIRST_WAIT_MS", tries.LONGEST_WAIT_MS)
    cast = phone.browser.cast
    second_factors.enrol(cast.database, cast.owner, T0)

    def tried() -> int:
        cast.database[tries.TRIES].delete_many({"_id": {"$regex": "^phone:"}})  # as after a long wait for messages
        return phone.come_in(second="000000")

    assert [tried() for _ in range(tries.FREE + 1)] == [403] * tries.FREE + [429]
