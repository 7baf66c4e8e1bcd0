"""A notice's whole way out: real roles, a real scheduler process, a server that stands in for WeChat and a gateway."""

from __future__ import annotations

import json
import re
import secrets
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from notifications.channels.wechat import PATH
from ops import administration, processes
from phr import clock
from phr.auth import texts
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.notices import addresses, allowances, deliveries, outbox, preferences
from phr.notices.outbox import Telling
from phr.notices.preferences import Preferences
from phr.people import openids, seals
from phr.people.people import NewPerson
from tests.api.test_wechat_push import KEY, TOKEN, sealed, signature
from tests.notifications.standin import HANGS, Asked, Standin, standing_in
from tests.real.installation import VENDOR, Installation, installed, spawned
from tests.telling import tells

SECRET, APPID, TEMPLATE = "s3cret", "wx1", "tmpl-1"
WITHIN_S = 60.0  # figures: benchmarks
HIGH = {"systolic": 185, "diastolic": 125}


@pytest.fixture(scope="module")
def outside() -> Iterator[Standin]:
    with standing_in() as standin:
        yield standin


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, outside: Standin) -> Iterator[Installation]:
    settings = {
        "sms_url": f"{outside.url}/sms",
        "sms_secret": SECRET,
        "wechat_url": outside.url,
        "wechat_appid": APPID,
        "wechat_secret": "x",
        "wechat_template": TEMPLATE,
        "wechat_push_token": TOKEN,
        "wechat_push_key": KEY,
    }
    with installed(tmp_path_factory.mktemp("sending"), **settings) as made:
        yield made


@pytest.fixture(autouse=True)
def said_before(outside: Standin) -> None:
    outside.asked.clear()
    outside.answers = {
        "/cgi-bin/stable_token": [(200, {"access_token": "t1", "expires_in": 7_200})],
        PATH: [(200, {"errcode": 0, "msgid": 4711})],
        "/sms": [(200, {})],
    }


def test_what_a_device_publishes_reaches_a_phone_once_and_says_no_value(
    running: Installation, outside: Standin
) -> None:
    ana, phone = somebody(running, "sms")
    with schedulers(running, 1):
        measured_high(running, ana)
        wait_for(lambda: to_phone(outside, phone))
        wait_for(lambda: 'phr_deliveries_total{channel_outcome="sms_sent"}' in figures(running))
    (told,) = to_phone(outside, phone)
    assert "健康提醒" in told.json["text"]
    assert not tells(told.body.decode(), "185", "125", ana)
    name, at_s = told.headers["webhook-id"], told.headers["webhook-timestamp"]
    assert told.headers["webhook-signature"] == texts.signature(SECRET, name, at_s, told.body)


def test_message_that_wechat_takes_and_does_not_deliver_goes_by_phone(running: Installation, outside: Standin) -> None:
    ana, phone = somebody(running, "wechat", "sms")
    preferences.choose(running.operator.database, ana, Preferences(kinds={"alert": ("wechat",)}), 0)
    with schedulers(running, 1):
        measured_high(running, ana)
        (card, *_) = wait_for(lambda: [one for one in outside.asked if one.path.startswith(PATH)])
        assert not tells(card.body.decode(), "185")
        assert to_phone(outside, phone) == []
        assert wechat_says(running, "4711", "43101") == "success"
        wait_for(lambda: to_phone(outside, phone))
        assert wechat_says(running, "4711", "43101") == "success"
    assert len(to_phone(outside, phone)) == 1
    (row,) = running.operator.database["deliveries"].find({"person": ana, "channel": "wechat"})
    assert row["state"] == deliveries.FAILED


def test_channel_that_hangs_holds_up_no_other(running: Installation, outside: Standin) -> None:
    outside.answers[PATH] = [HANGS]
    ana, phone = somebody(running, "wechat", "sms")
    with schedulers(running, 1):
        measured_high(running, ana)
        wait_for(lambda: [one for one in outside.asked if one.path.startswith(PATH)])
        wait_for(lambda: to_phone(outside, phone))


def test_what_waited_is_sent_once_by_several_of_which_one_leaves(running: Installation, outside: Standin) -> None:
    people = dict(somebody(running, "sms") for _ in range(30))
    now = clock.now_ms()
    for person in people:
        outbox.tell(running.operator.database, Telling(f"n:{person}", person, "device-clock", "提醒", "a notice"), now)
    with schedulers(running, 3) as those:
        wait_for(lambda: outside.asked)
        wait_for(lambda: leaves_when_told(those[0]))  # it may be another one that was so quick
        assert processes.stop(those[0]) == 0
        wait_for(lambda: {one.json["phone"] for one in outside.asked} >= set(people.values()))
    assert sorted(one.json["phone"] for one in outside.asked) == sorted(people.values())


def somebody(running: Installation, *channels: str) -> tuple[str, str]:
    """A new person with addresses of these channels, and their phone."""
    database, now = running.operator.database, clock.now_ms()
    phone, openid = f"139{secrets.randbelow(10**8):08}", f"o-{secrets.token_hex(4)}"
    draft = NewPerson(zone="Asia/Shanghai", phone=phone, is_demo=True)
    person = str(administration.create_person(running.operator, draft)["person_id"])
    given = {"sms": {"phone": phone}, "wechat": {"appid": APPID, "openid": openid}}
    for name in channels:
        addresses.put(database, person, name, given[name], now)
    if "wechat" in channels:
        login = {"_id": secrets.token_bytes(12), "person": person, "kind": openids.WECHAT, "made_at_ms": now}
        login["sealed"] = seals.seal(database, person, openids.PLACE, [APPID, openid])
        database[openids.LOGINS].insert_one(login)
        allowances.report(database, person, TEMPLATE, "accept", now)
    return person, phone


def measured_high(running: Installation, person: str) -> None:
    """A pressure that tells its person to see to it today, published by a cuff of theirs."""
    cuff, now = f"c-{secrets.token_hex(4)}", clock.now_ms()
    draft = NewDevice(vendor=VENDOR, name=cuff, format="phr-v1", bindings=(("", person),))
    devices.create_device(running.operator.database, draft, now)
    reading = {"metric": "blood-pressure", "t": now, "unit": "mm[Hg]", "value": HIGH}
    payload = json.dumps({"id": "m1", "readings": [reading]}).encode()
    assert running.gateway.send(cuff, payload, "application/vnd.phr.readings+json", "m1")["stored"] == 1


def wechat_says(running: Installation, message: str, number: str) -> str:
    """What the installation answers to an event of WeChat's, in safe mode."""
    row = {"TemplateId": TEMPLATE, "MsgID": message, "ErrorCode": number, "ErrorStatus": "failed"}
    text = sealed(json.dumps({"Event": "subscribe_msg_sent_event", "List": row}).encode())
    at = str(clock.now_ms() // 1000)
    asked = {"timestamp": at, "nonce": "1", "msg_signature": signature(TOKEN, at, "1", text)}
    url = f"{running.url}/v1/wechat/push?{urllib.parse.urlencode(asked)}"
    request = urllib.request.Request(url, data=json.dumps({"Encrypt": text}).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def to_phone(outside: Standin, phone: str) -> list[Asked]:
    return [one for one in outside.asked if one.path == "/sms" and one.json["phone"] == phone]


def figures(running: Installation) -> str:
    with urllib.request.urlopen(f"{running.url}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


@contextmanager
def schedulers(running: Installation, count: int) -> Iterator[list[processes.Process]]:
    those = [spawned("scheduler", running.operator.settings) for _ in range(count)]
    try:
        yield those
    finally:
        for one in those:
            processes.stop(one)


def leaves_when_told(one: processes.Process) -> bool:
    """True once the process has said what to do when it is told to end."""
    caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{one.pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def wait_for(look: Callable[[], Any]) -> Any:
    """What is found once there is something."""
    until = time.monotonic() + WITHIN_S
    while not (found := look()):
        assert time.monotonic() < until, "it has not happened in time"
        time.sleep(0.05)
    return found
