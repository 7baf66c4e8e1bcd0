"""Short messages, webhooks, web push and device displays against servers that stand in for the others'."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import http_ece
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from notifications import posting
from notifications.channel import AddressGone, Channel, Later, Message, Refused, Unsent
from notifications.channels import channels
from notifications.channels.device import Device
from notifications.channels.sms import Sms
from notifications.channels.web_push import WebPush
from notifications.channels.webhook import Webhook
from phr import outgoing
from phr.auth import texts
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people import people
from tests.cast import T0, a_person
from tests.notifications.standin import BAD_WAYS, CUT_OFF, DRIPS, HANGS, Standin, standing_in
from tests.test_outgoing import HOST, signed_for

MESSAGE = Message("a|n1", "ana", "account", 1, "您有一项健康提醒", "You have a health reminder.", at_ms=T0)
PATH = "/in"
PHONES = {"ana": "13800000000"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.3)
    with standing_in() as standin:
        standin.answers = {PATH: [(202, {})]}
        yield standin


def test_short_message_is_signed_and_bears_one_id_for_one_message(server: Standin) -> None:
    channel = Sms(server.url + PATH, "s3cret", PHONES.get)
    for _ in range(2):
        channel.send({"phone": "13800000000"}, MESSAGE)
    first, again = server.asked
    assert first.json == {"phone": "13800000000", "text": "您有一项健康提醒"}
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    name, at_s = first.headers["webhook-id"], first.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] == texts.signature("s3cret", name, at_s, first.body)
    assert "n1" not in name


@pytest.mark.parametrize(
    ("answer", "kind"),
    [*(((status, {}), Later) for status in (500, 503, 429, 408)), *(((status, {}), Refused) for status in (400, 404))],
)
def test_gateways_answer_is_told_apart(server: Standin, answer: tuple[int, object], kind: type[Unsent]) -> None:
    server.answers[PATH] = [answer]
    with pytest.raises(kind):
        Sms(server.url + PATH, "s3cret", PHONES.get).send({"phone": "13800000000"}, MESSAGE)


def test_phone_that_the_person_has_given_up_is_gone(server: Standin) -> None:
    with pytest.raises(AddressGone):
        Sms(server.url + PATH, "s3cret", PHONES.get).send({"phone": "13911111111"}, MESSAGE)
    assert server.asked == []


@pytest.mark.parametrize("way", [HANGS, DRIPS, CUT_OFF])
def test_gateway_that_hangs_is_asked_later(server: Standin, way: str) -> None:
    server.answers[PATH] = [way]
    with pytest.raises(Later):
        Sms(server.url + PATH, "s3cret", PHONES.get).send({"phone": "13800000000"}, MESSAGE)


def test_gateway_that_is_away_is_asked_later() -> None:
    with pytest.raises(Later):
        Sms("http://127.0.0.1:1/", "s3cret", PHONES.get).send({"phone": "13800000000"}, MESSAGE)


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Standin, int, str]]:
    """An https server known as hook.example, its port, and who signed for it; where private addresses count as open."""
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(outgoing, "is_public", lambda _: True)
    pem = tmp_path / "hook.pem"
    pem.write_bytes(signed_for(HOST))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with standing_in(context) as standin:
        standin.answers = {PATH: [(200, {})]}
        yield standin, int(standin.url.rpartition(":")[2]), str(pem)


def webhook(partner: tuple[Standin, int, str]) -> tuple[Webhook, dict[str, str]]:
    _, port, pem = partner
    channel = Webhook({f"{HOST}:{port}"}, lambda *_: ["127.0.0.1"], pem)
    return channel, {"url": f"https://{HOST}:{port}{PATH}", "secret": "whsec_x"}


def test_partner_is_told_without_an_id_of_anybody(partner: tuple[Standin, int, str]) -> None:
    channel, address = webhook(partner)
    channel.send(address, replace(MESSAGE, link="reminders"))
    (asked,) = partner[0].asked
    assert asked.json == {
        "kind": "account",
        "urgency": 1,
        "count": 1,
        "at": "2026-11-22T23:30:00Z",
        "message": {"zh": "您有一项健康提醒", "en": "You have a health reminder."},
        "link": "reminders",
    }
    name, at_s = asked.headers["webhook-id"], asked.headers["webhook-timestamp"]
    assert asked.headers["webhook-signature"] == texts.signature("whsec_x", name, at_s, asked.body)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [((410, {}), AddressGone), ((500, {}), Later), ((302, {}), Refused), *((way, Later) for way in BAD_WAYS[:2])],
)
def test_partners_answer_is_told_apart(
    partner: tuple[Standin, int, str], answer: tuple[int, object] | str, kind: type[Unsent]
) -> None:
    partner[0].answers[PATH] = [answer]
    channel, address = webhook(partner)
    with pytest.raises(kind):
        channel.send(address, MESSAGE)


def test_nothing_goes_into_a_private_network(
    partner: tuple[Standin, int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, address = webhook(partner)
    monkeypatch.undo()
    with pytest.raises(Refused):
        channel.send(address, MESSAGE)
    with pytest.raises(Refused):
        replace(channel, allowed={"another.example"}).send(address, MESSAGE)
    assert partner[0].asked == []


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def a_browser(partner: tuple[Standin, int, str]) -> tuple[WebPush, dict[str, str], ec.EllipticCurvePrivateKey, bytes]:
    _, port, pem = partner
    key, secret = ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef"
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    vapid = Vapid02()
    vapid.generate_keys()
    channel = WebPush(vapid, "mailto:ops@example.org", {f"{HOST}:{port}"}, lambda *_: ["127.0.0.1"], pem)
    address = {"endpoint": f"https://{HOST}:{port}{PATH}", "p256dh": base64url(point), "auth": base64url(secret)}
    return channel, address, key, secret


def test_push_opens_in_its_browser_alone(partner: tuple[Standin, int, str]) -> None:
    channel, address, key, secret = a_browser(partner)
    channel.send(address, replace(MESSAGE, urgency=4))
    (asked,) = partner[0].asked
    opened = http_ece.decrypt(asked.body, private_key=key, auth_secret=secret, version="aes128gcm")
    assert json.loads(opened)["zh"] == MESSAGE.zh
    assert (asked.headers["ttl"], asked.headers["urgency"], asked.headers["content-encoding"]) == (
        "3600",
        "high",
        "aes128gcm",
    )
    claims = json.loads(base64.urlsafe_b64decode(asked.headers["authorization"].split(".")[1] + "=="))
    assert (claims["aud"], claims["sub"]) == (f"https://{HOST}:{partner[1]}", "mailto:ops@example.org")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [*(((status, {}), AddressGone) for status in (404, 410)), ((413, {}), Refused), ((429, {}), Later), (HANGS, Later)],
)
def test_push_services_answer_is_told_apart(
    partner: tuple[Standin, int, str], answer: tuple[int, object] | str, kind: type[Unsent]
) -> None:
    partner[0].answers[PATH] = [answer]
    channel, address, *_ = a_browser(partner)
    with pytest.raises(kind):
        channel.send(address, MESSAGE)


@pytest.mark.parametrize("changed", [{"p256dh": "AAAA"}, {"p256dh": "!"}, {"auth": "é"}])
def test_browser_with_keys_that_are_none_is_gone(partner: tuple[Standin, int, str], changed: dict[str, str]) -> None:
    channel, address, *_ = a_browser(partner)
    with pytest.raises(AddressGone):
        channel.send(address | changed, MESSAGE)


def test_display_says_only_that_there_is_something_and_only_its_owners(database: Database) -> None:
    ana, ben = (people.create(database, a_person(name=name)).id for name in ("ana", "ben"))
    devices.create_vendor(database, "acme", T0)
    devices.create_device(database, NewDevice(vendor="acme", name="cuff-1", bindings=(("", ana),)), T0)
    channel = Device(database)
    channel.send({"device": "acme/cuff-1"}, replace(MESSAGE, person=ana, zh="秘密"))
    (command,) = database["commands"].find()
    assert (command["code"], "秘密" in str(command)) == ("remind", False)
    for person, device in ((ben, "acme/cuff-1"), (ana, "acme/none")):
        with pytest.raises(AddressGone):
            channel.send({"device": device}, replace(MESSAGE, person=person))


KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
ALL = {
    "sms_url": "https://sms.example",
    "sms_secret": "x",
    "wechat_appid": "wx1",
    "wechat_secret": "x",
    "wechat_template": "t",
    "wechat_web_appid": "wx2",
    "wechat_web_secret": "x",
    "wechat_web_template": "t",
    "mail_host": "mail.example:465",
    "mail_from": "a@b.example",
    "mail_tls": "tls",
    "push_key": KEY.decode(),
    "push_contact": "mailto:a@b.example",
    "outgoing_allow": "Hook.example, other.example:8443",
}


def test_an_installation_has_the_channels_that_its_settings_name(database: Database) -> None:
    made: list[Channel] = channels(Settings(**ALL), database)
    assert [one.name for one in made] == ["device", "email", "sms", "web-push", "webhook", "wechat", "wechat-official"]
    assert [one.name for one in channels(Settings(), database)] == ["device"]


@pytest.mark.parametrize(
    "changed",
    [
        {"sms_secret": None},
        {"wechat_secret": None},
        {"wechat_subscription": "twice"},
        {"wechat_template_fields": "x"},
        {"wechat_templates": "reminder"},
        {"wechat_template": None, "wechat_templates": "reminder=t2"},
        {"wechat_web_templates": "reminder=t2 thing1"},
        {"wechat_web_secret": None},
        {"wechat_web_secret": None, "wechat_web_appid": None},
        {"mail_from": None},
        {"mail_tls": "none"},
        {"mail_host": "mail.example:x"},
        {"push_contact": None},
        {"push_key": "x"},
        {"outgoing_allow": ""},
    ],
)
def test_half_of_a_channel_stops_the_start(database: Database, changed: dict[str, str | None]) -> None:
    with pytest.raises(SettingInvalid, match="PHR_"):
        channels(Settings(**(ALL | changed)), database)  # type: ignore[arg-type]
