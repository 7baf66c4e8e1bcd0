"""What WeChat tells of subscribe messages: believed by its signature alone, heard once, followed by another channel."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from werkzeug.test import TestResponse

from notifications import dispatcher
from phr.auth.wechat_push import Doorkeeper, PushRefused, doorkeeper
from phr.clock import now_ms
from phr.errors import SettingInvalid
from phr.notices import addresses, allowances, deliveries, outbox
from phr.notices.deliveries import FAILED, SENT, WAITING, Delivery
from phr.notices.outbox import Telling
from phr.people import openids
from phr.people.openids import OpenId
from tests.cast import T0, Cast

TOKEN, KEY, APPID, TEMPLATE = "AAAAA", "b" * 43, "wx1", "tmpl-1"
PATH = "/v1/wechat/push"


@pytest.fixture(params=["plain", "safe"])
def mode(request: pytest.FixtureRequest, cast: Cast) -> str:
    key = KEY if request.param == "safe" else None
    changes = {"wechat_appid": APPID, "wechat_template": TEMPLATE, "wechat_push_token": TOKEN, "wechat_push_key": key}
    cast.installation.settings = replace(cast.installation.settings, **changes)  # type: ignore[arg-type]
    return str(request.param)


@pytest.fixture
def ana(cast: Cast) -> str:
    """Somebody who comes by WeChat, as o-ana."""
    return openids.person_of(cast.database, OpenId(APPID, "o-ana"), "Asia/Shanghai", T0)


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def sealed(message: bytes, appid: str = APPID) -> str:
    key = base64.b64decode(f"{KEY}=")
    plain = b"r" * 16 + len(message).to_bytes(4, "big") + message + appid.encode()
    padding = 32 - len(plain) % 32
    writer = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(writer.update(plain + bytes([padding]) * padding) + writer.finalize()).decode()


def push(cast: Cast, mode: str, body: bytes, **changes: str) -> TestResponse:
    at, nonce = str(now_ms() // 1000), "1514711492"
    asked = {"timestamp": at, "nonce": nonce, "signature": signature(TOKEN, at, nonce)}
    if mode == "safe":
        text = sealed(body)
        asked["msg_signature"] = signature(TOKEN, at, nonce, text)
        body = json.dumps({"ToUserName": "gh_1", "Encrypt": text}).encode()
    return cast.http.post(PATH, query_string=asked | changes, data=body)


def event(kind: str, *rows: dict[str, Any], who: str = "o-ana", at: str = "1795390200") -> bytes:
    told = {"ToUserName": "gh_1", "FromUserName": who, "CreateTime": at, "MsgType": "event", "Event": kind}
    return json.dumps(told | {"List": list(rows)}).encode()


def popup(said: str, **changes: str) -> bytes:
    row = {"TemplateId": TEMPLATE, "SubscribeStatusString": said, "PopupScene": "0"}
    return event("subscribe_msg_popup_event", row, **changes)


def left(cast: Cast, person: str) -> list[tuple[int, bool]]:
    return [(one.left, one.is_banned) for one in allowances.of_person(cast.database, person)]


def test_published_example_of_a_signature_is_ours() -> None:
    keeper = Doorkeeper(APPID, "AAAAA")
    asked = {"timestamp": "1714036504", "nonce": "1514711492", "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696"}
    keeper.check(asked, 1714036504)
    with pytest.raises(PushRefused):
        keeper.check(asked | {"nonce": "1514711493"}, 1714036504)
    with pytest.raises(PushRefused):
        keeper.check(asked, 1714036504 + 601)


def test_address_is_confirmed_by_its_echo(cast: Cast, mode: str) -> None:
    at = str(now_ms() // 1000)
    asked = {"timestamp": at, "nonce": "1", "signature": signature(TOKEN, at, "1"), "echostr": "4375120948345356249"}
    answer = cast.http.get(PATH, query_string=asked)
    assert (answer.status_code, answer.text) == (200, "4375120948345356249")
    assert answer.mimetype == "text/plain"
    assert cast.http.get(PATH, query_string=asked | {"echostr": "<script>"}).status_code == 403
    assert cast.http.get(PATH, query_string=asked | {"signature": "0" * 40}).status_code == 403


def test_accept_counts_once_however_often_it_is_told(cast: Cast, mode: str, ana: str) -> None:
    for _ in range(3):
        assert push(cast, mode, popup("accept")).text == "success"
    assert left(cast, ana) == [(1, False)]
    push(cast, mode, popup("accept", at="1795390260"))
    assert left(cast, ana) == [(2, False)]
    push(cast, mode, popup("reject", at="1795390300"))
    assert left(cast, ana) == [(2, False)]  # of what was allowed before nothing is taken back


def test_xml_says_the_same(cast: Cast, mode: str, ana: str) -> None:
    body = f"""<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o-ana]]></FromUserName>
    <CreateTime>1795390200</CreateTime><MsgType><![CDATA[event]]></MsgType>
    <Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent>
    <List><TemplateId><![CDATA[{TEMPLATE}]]></TemplateId><SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString>
    <PopupScene>2</PopupScene></List></SubscribeMsgPopupEvent></xml>""".encode()
    assert push(cast, mode, body).text == "success"
    assert left(cast, ana) == [(1, False)]
    push(cast, mode, popup("accept"))  # the same event, told as JSON this time
    assert left(cast, ana) == [(1, False)]


def test_who_switches_it_off_at_wechat_is_asked_no_more(cast: Cast, mode: str, ana: str) -> None:
    push(cast, mode, popup("accept"))
    row = {"TemplateId": TEMPLATE, "SubscribeStatusString": "reject"}
    push(cast, mode, event("subscribe_msg_change_event", row, at="1795390900"))
    assert left(cast, ana) == [(0, True)]


def a_sent_message(cast: Cast, person: str) -> None:
    """Told by WeChat, with a phone as the next."""
    outbox.tell(cast.database, Telling("n1", person, "device-clock", "提醒", "a notice"), T0)
    addresses.put(cast.database, person, "wechat", {"appid": APPID, "openid": "o-ana"}, T0)
    addresses.put(cast.database, person, "sms", {"phone": "13800000000"}, T0)
    one = next(one for one in addresses.of_people(cast.database, [person]) if one.channel == "wechat")
    planned = Delivery(person=person, notice="n1", channel="wechat", address=one.id, urgency=1, due_ms=T0)
    deliveries.plan(cast.database, [planned])
    taken = deliveries.claim(cast.database, "wechat", T0)
    assert taken
    assert deliveries.sent(cast.database, [taken], "wechat:1700827132819554304", T0) == 1


def sent_event(number: str) -> bytes:
    row = {"TemplateId": TEMPLATE, "MsgID": "1700827132819554304", "ErrorCode": number, "ErrorStatus": "failed"}
    return event("subscribe_msg_sent_event", row)


def states(cast: Cast) -> dict[str, str]:
    return {row["channel"]: row["state"] for row in deliveries.of_notice(cast.database, "n1")}


def test_message_that_did_not_arrive_is_told_by_another_channel_once(cast: Cast, mode: str, ana: str) -> None:
    a_sent_message(cast, ana)
    for _ in range(2):
        assert push(cast, mode, sent_event("43101")).text == "success"
    assert states(cast)["wechat"] == FAILED
    assert dispatcher.follow_some(cast.database, T0) == 1
    assert dispatcher.follow_some(cast.database, T0) == 0
    assert states(cast) == {"wechat": FAILED, "sms": WAITING}
    (row,) = [one for one in deliveries.of_notice(cast.database, "n1") if one["channel"] == "wechat"]
    assert row["why"] == "told later: 43101 failed"
    push(cast, mode, sent_event("43101"))
    assert dispatcher.follow_some(cast.database, T0) == 0


def test_planner_that_dies_between_plans_the_same_again(cast: Cast, mode: str, ana: str) -> None:
    a_sent_message(cast, ana)
    push(cast, mode, sent_event("43101"))
    found = deliveries.to_follow(cast.database, 10)
    dispatcher.fall_back(cast.database, found, T0)  # and died
    assert dispatcher.follow_some(cast.database, T0) == 1
    assert states(cast) == {"wechat": FAILED, "sms": WAITING}


def test_event_that_comes_before_the_sending_is_written_down_counts(cast: Cast, mode: str, ana: str) -> None:
    for _ in range(2):
        push(cast, mode, sent_event("43101"))
    a_sent_message(cast, ana)
    assert states(cast)["wechat"] == FAILED
    assert [dispatcher.follow_some(cast.database, T0) for _ in range(2)] == [1, 0]
    assert states(cast) == {"wechat": FAILED, "sms": WAITING}


def test_message_that_arrived_stays_sent(cast: Cast, mode: str, ana: str) -> None:
    a_sent_message(cast, ana)
    push(cast, mode, sent_event("0"))
    assert states(cast)["wechat"] == SENT


def test_stranger_and_other_events_change_nothing(cast: Cast, mode: str, ana: str) -> None:
    people_before = cast.database["people"].count_documents({})
    for body in (
        popup("accept", who="o-nobody"),
        event("user_enter_tempsession"),
        b"{}",
        event("subscribe_msg_sent_event"),
    ):
        assert push(cast, mode, body).text == "success"
    assert cast.database["people"].count_documents({}) == people_before
    assert left(cast, ana) == []


@pytest.mark.parametrize(
    "changes",
    [{"signature": "0" * 40, "msg_signature": "0" * 40}, {"timestamp": "1"}, {"nonce": "x"}, {"timestamp": "١٢٣"}],
)
def test_what_is_not_signed_now_is_refused(cast: Cast, mode: str, ana: str, changes: dict[str, str]) -> None:
    assert push(cast, mode, popup("accept"), **changes).status_code == 403
    assert left(cast, ana) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b"{" * 5_000,
        b"<xml>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>',
        b"\xff\xfe",
    ],
)
def test_rubbish_is_refused_and_costs_nothing(cast: Cast, mode: str, body: bytes) -> None:
    assert push(cast, mode, body).status_code in (400, 403)


def test_safe_mode_takes_nothing_in_plain_nor_of_another_app(cast: Cast, mode: str, ana: str) -> None:
    if mode == "safe":
        at = str(now_ms() // 1000)
        asked = {"timestamp": at, "nonce": "1", "signature": signature(TOKEN, at, "1")}
        assert cast.http.post(PATH, query_string=asked, data=popup("accept")).status_code == 403
        text = sealed(popup("accept"), appid="wx2")
        asked["msg_signature"] = signature(TOKEN, at, "1", text)
        assert cast.http.post(PATH, query_string=asked, json={"Encrypt": text}).status_code == 403
        assert left(cast, ana) == []


def test_client_counts_no_accept_that_wechat_tells_of_itself(cast: Cast, mode: str, ana: str) -> None:
    body = {"template": TEMPLATE, "result": "accept"}
    answer = cast.send(ana, "POST", f"/v1/people/{ana}/wechat-allowances", json=body)
    assert answer.status_code == 200, answer.text
    assert left(cast, ana) == []
    push(cast, mode, popup("accept"))
    assert left(cast, ana) == [(1, False)]
    assert [one.channel for one in addresses.of_people(cast.database, [ana])] == ["wechat"]


def test_without_a_token_there_is_no_such_address(cast: Cast) -> None:
    assert cast.http.post(PATH, data=b"{}").status_code == 404


@pytest.mark.parametrize(
    ("appid", "token", "key"), [(None, "t", None), ("wx1", None, KEY), ("wx1", "t", "short"), ("wx1", "t", "!" * 43)]
)
def test_half_a_setting_is_refused(appid: str | None, token: str | None, key: str | None) -> None:
    with pytest.raises(SettingInvalid):
        doorkeeper(appid, token, key)
