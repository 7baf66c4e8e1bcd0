"""The inbox with what was read, how and where one wants to be told, and what WeChat may show."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from py_vapid import Vapid02

from phr.auth.scopes import scopes
from phr.clock import now_ms, to_datetime
from phr.errors import SettingInvalid
from phr.notices import addresses, deliveries, outbox, proofs, push_key
from phr.notices.outbox import Telling
from phr.people import grants, openids
from phr.people.openids import OpenId
from phr.reminders import ledger
from tests.cast import T0, Cast, a_grant, cast
from tests.notices.builders import raise_notices
from tests.notices.test_outbox import ALERT

__all__ = ["cast"]

PATH = "/v1/people/{owner}"
P384 = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def told(cast: Cast, *keys: str) -> None:
    for number, key in enumerate(keys):
        outbox.tell(cast.database, Telling(key, cast.owner, "support-used", "有人", "somebody"), T0 + number)


def inbox(cast: Cast, who: str | None = None, query: str = "") -> Any:
    return cast.send(who or cast.owner, "GET", f"{PATH}/notices{query}").json


def test_inbox_is_newest_first_and_pages_without_a_gap(cast: Cast) -> None:
    told(cast, "a", "b", "c")
    cast.database["notices"].update_many({"_id": {"$in": ["b", "c"]}}, {"$set": {"raised_at": to_datetime(T0 + 9)}})
    seen, query = [], "?limit=1"
    while query:
        page = inbox(cast, query=query)
        seen += [one["id"] for one in page["notices"]]
        query = page["next_cursor"] and f"?limit=1&cursor={page['next_cursor']}"
    assert seen == ["b", "c", "a"]


def test_what_was_read_says_when_and_needs_no_attention(cast: Cast) -> None:
    told(cast, "a", "b")
    answer = cast.send(cast.owner, "POST", f"{PATH}/notices/read", json={"ids": ["a", "nobody's"]})
    assert answer.json == {"read": ["a"]}
    assert [(one["id"], one["read_at"] is not None) for one in inbox(cast)["notices"]] == [("b", False), ("a", True)]
    overview = cast.send(cast.owner, "GET", f"{PATH}/overview").json
    assert [one["id"] for one in overview["attention"]] == ["b"]  # type: ignore[index]


def test_reading_anothers_notice_does_nothing(cast: Cast) -> None:
    told(cast, "a")
    answer = cast.send(cast.stranger, "POST", "/v1/people/me/notices/read", json={"ids": ["a"]})
    assert answer.json == {"read": []}
    assert inbox(cast)["notices"][0]["read_at"] is None


def test_opened_reminder_is_heard_in_the_ledger(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(ledger, "heard", lambda _, key, state, __: heard.append((key, state)))
    told(cast, "reminder:r:1")
    cast.send(cast.owner, "POST", f"{PATH}/notices/read", json={"ids": ["reminder:r:1"]})
    assert heard == [("reminder:r:1", "opened")]


def test_inbox_is_the_owners_and_theirs_who_stand_in(cast: Cast) -> None:
    told(cast, "a")
    raise_notices(cast.database, [replace(ALERT, person=cast.owner)])
    assert [cast.send(who, "GET", f"{PATH}/notices").status_code for who in (cast.relative, cast.doctor)] == [403, 403]
    guardian = a_grant(cast.owner, cast.stranger, kind="guardian")
    grants.create(cast.database, guardian)
    assert [one["id"] for one in inbox(cast, cast.stranger)["notices"]] == ["k1"]


@pytest.mark.parametrize("cursor", ["x", "eA==", "OTk5OTk5OTk5OTk5OTk5OTk5IGE="])
def test_cursor_of_another_list_is_refused(cast: Cast, cursor: str) -> None:
    assert cast.send(cast.owner, "GET", f"{PATH}/notices?cursor={cursor}").status_code in (400, 422)


def choose(cast: Cast, version: int, **body: Any) -> Any:
    headers = {"If-Match": f'"{version}"'}
    return cast.send(cast.owner, "PUT", f"{PATH}/notice-preferences", json=body, headers=headers)


def test_preferences_are_kept_as_chosen(cast: Cast) -> None:
    body = {"kinds": {"reminder": ["sms"]}, "quiet": {"from": "22:00", "to": "07:00"}, "details": ["web-push"]}
    assert choose(cast, 0, **body, digest_at="08:30").status_code == 200
    shown: Any = cast.send(cast.owner, "GET", f"{PATH}/notice-preferences").json
    assert (shown["kinds"]["reminder"], shown["quiet"], shown["details"], shown["digest_at"]) == (
        ["sms"],
        {"from": "22:00", "to": "07:00"},
        ["web-push"],
        "08:30",
    )
    assert choose(cast, 0).status_code in (409, 412)


@pytest.mark.parametrize(
    "body",
    [
        {"kinds": {"nothing": []}},
        {"kinds": {"alert": ["pigeon"]}},
        {"details": ["wechat"]},
        {"details": ["email"]},
        {"quiet": {"from": "24:00", "to": "07:00"}},
        {"quiet": {"from": "07:00", "to": "07:00"}},
        {"digest_at": "8:30"},
    ],
)
def test_preferences_that_can_not_be_are_refused(cast: Cast, body: dict[str, Any]) -> None:
    assert choose(cast, 0, **body).status_code in (400, 422)


def add(cast: Cast, channel: str, **address: str) -> Any:
    return cast.send(cast.owner, "POST", f"{PATH}/notice-addresses", json={"channel": channel, "address": address})


def test_address_is_kept_sealed_and_taken_away(cast: Cast) -> None:
    made = add(cast, "email", email="ana@example.org").json
    assert add(cast, "email", email="ana@example.org").json["id"] == made["id"]
    assert "ana@example" not in str(list(cast.database["notice_addresses"].find()))
    assert cast.send(cast.owner, "DELETE", f"{PATH}/notice-addresses/{made['id']}").status_code == 204
    assert cast.send(cast.owner, "GET", f"{PATH}/notice-addresses").json["addresses"] == []


def test_browser_is_given_the_public_half_of_the_push_key_alone(cast: Cast) -> None:
    def told() -> str | None:
        return cast.send(cast.owner, "GET", f"{PATH}/notice-addresses").json["web_push_key"]

    assert told() is None
    vapid = Vapid02()
    vapid.generate_keys()
    cast.installation.settings = replace(cast.installation.settings, push_key=vapid.private_pem().decode())
    point = base64.urlsafe_b64decode(f"{told()}=")
    numbers = vapid.public_key.public_numbers()
    assert point == b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


@pytest.mark.parametrize("pem", ["no key", P384], ids=["text", "another curve"])
def test_push_key_that_is_none_is_named(cast: Cast, pem: str) -> None:
    settings = replace(cast.installation.settings, push_key=pem)
    with pytest.raises(SettingInvalid, match="PHR_PUSH_KEY"):
        push_key.public(settings)


def test_webhooks_secret_is_told_once(cast: Cast) -> None:
    made = add(cast, "webhook", url="https://hook.example/in").json
    assert made["secret"].startswith("whsec_")
    assert "secret" not in str(cast.send(cast.owner, "GET", f"{PATH}/notice-addresses").json)


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("email", {"email": "nobody"}),
        ("email", {"email": "a@b.example\nBcc: c@d.example"}),
        ("email", {"email": "a@b.example", "more": "x"}),
        ("device", {"device": "acme/another"}),
        ("sms", {}),  # no phone in the profile
        ("webhook", {"url": "http://hook.example/"}),
        ("web-push", {"endpoint": "https://push.example/1"}),
        ("wechat", {"appid": "wx", "openid": "o"}),
    ],
)
def test_address_that_can_not_be_is_refused(cast: Cast, channel: str, address: dict[str, str]) -> None:
    assert add(cast, channel, **address).status_code in (400, 422)
    assert addresses.of_people(cast.database, [cast.owner]) == []


def prove(cast: Cast, address: str, code: str, who: str | None = None) -> Any:
    path = f"{PATH}/notice-addresses/{address}/proof"
    return cast.send(who or cast.owner, "POST", path, json={"code": code})


def code_of(cast: Cast, address: str) -> str:
    """As the scheduler brings it."""
    one = deliveries.claim(cast.database, "email", now_ms())
    assert one is not None
    assert one.address == address
    bringing = proofs.to_send(cast.database, one, now_ms())
    assert bringing is not None
    assert bringing.given == {"email": "ana@example.org"}
    return bringing.code


def test_email_address_is_active_once_the_code_that_it_was_sent_is_given(cast: Cast) -> None:
    made = add(cast, "email", email="ana@example.org").json
    assert made["state"] == "unproved"
    assert addresses.of_people(cast.database, [cast.owner]) == []
    code = code_of(cast, made["id"])
    assert code not in str(list(cast.database["address_proofs"].find()))
    proved: Any = prove(cast, made["id"], f"{code[:3]} {code[3:]}")
    assert (proved.status_code, proved.json["state"]) == (200, "active")
    assert add(cast, "email", email="ana@example.org").json["state"] == "active"  # and no other code is sent
    assert deliveries.claim(cast.database, "email", now_ms()) is None


@pytest.mark.parametrize("code", ["", "12345", "a" * 6, "\ud800" * 6, "１２３４５６", None])
def test_code_that_is_none_is_refused(cast: Cast, code: Any) -> None:
    made = add(cast, "email", email="ana@example.org").json
    assert prove(cast, made["id"], code).status_code in (400, 422)


def test_stranger_proves_nothing(cast: Cast) -> None:
    made = add(cast, "email", email="ana@example.org").json
    code = code_of(cast, made["id"])
    for who in (cast.stranger, cast.doctor):
        assert prove(cast, made["id"], code, who).status_code in (403, 404)
    assert prove(cast, "0" * 24, code).status_code == 404
    assert prove(cast, made["id"], code).status_code == 200


def test_mailbox_is_sent_five_codes_a_day_and_no_more(cast: Cast) -> None:
    assert [add(cast, "email", email="ana@example.org").status_code for _ in range(5)] == [201] * 5
    refused = add(cast, "email", email="Ana@example.org")
    assert refused.status_code == 429
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400


def test_own_device_is_an_address(cast: Cast) -> None:
    assert add(cast, "device", device="acme/cuff-1").status_code == 201


TMPL_1 = {"template": "tmpl-1", "kinds": ["alert", "lesson", "account", "digest"]}


def report(cast: Cast, who: str, result: str, template: str = "tmpl-1") -> Any:
    body = {"template": template, "result": result}
    return cast.send(who, "POST", "/v1/people/me/wechat-allowances", json=body)


def test_each_accept_allows_one_message_more_and_says_whether_to_ask(cast: Cast) -> None:
    ana = by_wechat(cast, "wx1")
    assert [report(cast, ana, "accept").json["left"] for _ in range(2)] == [1, 2]
    assert report(cast, ana, "reject").json == TMPL_1 | {"left": 2, "ask_again": True}
    for _ in range(3):
        report(cast, ana, "accept")
    shown: Any = cast.send(ana, "GET", "/v1/people/me/wechat-allowances").json
    assert shown["allowances"] == [
        {"template": "tmpl-2", "kinds": ["reminder"], "left": 0, "ask_again": True},
        TMPL_1 | {"left": 5, "ask_again": False},
    ]
    (address,) = addresses.of_people(cast.database, [ana])
    assert addresses.opened(cast.database, ana, address.id) == {"appid": "wx1", "openid": "openid-of-ana"}
    assert report(cast, ana, "ban").json == TMPL_1 | {"left": 0, "ask_again": False}


def test_template_that_nothing_is_sent_by_is_not_counted(cast: Cast) -> None:
    ana = by_wechat(cast, "wx1")
    refused: Any = report(cast, ana, "accept", "tmpl-3")
    assert (refused.status_code, refused.json["pointer"]) == (400, "/template")
    assert report(cast, ana, "accept", "tmpl-2").json["left"] == 1


def test_who_does_not_come_by_the_mini_program_has_nothing_to_allow(cast: Cast) -> None:
    for who in (cast.owner, by_wechat(cast, "wx2")):
        assert report(cast, who, "accept").status_code in (400, 422)


def test_login_by_the_official_account_is_an_address_of_its_template_messages(cast: Cast) -> None:
    body = {"channel": "wechat-official"}
    for app, status in (("wx1", 400), ("wx2", 201)):
        ana = by_wechat(cast, app)
        assert cast.send(ana, "POST", "/v1/people/me/notice-addresses", json=body).status_code == status


def by_wechat(cast: Cast, app: str) -> str:
    """Who comes by an app of WeChat's: wx1 is the mini-program, wx2 the official account."""
    apps = {"wechat_appid": "wx1", "wechat_web_appid": "wx2"}
    templates = {"wechat_template": "tmpl-1", "wechat_templates": "reminder=tmpl-2"}
    cast.installation.settings = replace(cast.installation.settings, **apps, **templates)
    return openids.person_of(cast.database, OpenId(app, "openid-of-ana"), "Asia/Shanghai", now_ms())


def test_scopes_of_notices_are_the_owners_alone() -> None:
    assert {name: scopes()[name].categories for name in ("notices.read", "notices.write")} == {
        "notices.read": ("held",),
        "notices.write": ("held",),
    }
