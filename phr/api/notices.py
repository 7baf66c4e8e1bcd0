"""What a person was told, read or not; by which channels they want to be told, where, and how much is said there."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, caller, expected_version, returns, takes
from phr.api.installation import database, installation
from phr.api.overview import NoticeTold, notice_json
from phr.api.shapes import At, Clock
from phr.clock import now_ms, rfc3339, to_ms
from phr.errors import InputInvalid
from phr.intake import devices
from phr.notices import addresses, allowances, outbox, preferences, proofs, push_key, wechat_templates
from phr.notices.addresses import CHANNELS, LONGEST, UNPROVED, Address
from phr.notices.allowances import RESULTS, Allowance
from phr.notices.outbox import Notice
from phr.notices.preferences import KINDS, Preferences
from phr.people import openids, people
from phr.people.access import Ask, Caller, visible
from phr.reminders import ledger

blueprint = Blueprint("notices", __name__)

MOST_READ = 200
ADDED = ("email", "web-push", "webhook", "device", "sms", "wechat-official")
_EMAIL = re.compile(r"[^@\s<>,;:\"]{1,64}@[^@\s<>,;:\"]{1,185}\.[^@\s<>,;:\".]{2,63}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_CODE = re.compile(r"[0-9 ]{6,20}", re.ASCII)
_TEMPLATE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class NoticeWithState(NoticeTold):
    """``urgency``: from 1, which can wait, to 4; ``expires_at``: from when it is not sent any more."""

    urgency: int
    link: str | None
    expires_at: At | None
    read_at: At | None


class NoticesTold(TypedDict):
    notices: list[NoticeWithState]
    next_cursor: str | None


class ReadTold(TypedDict):
    read: list[str]


QuietTold = TypedDict("QuietTold", {"from": Clock, "to": Clock})


class PreferencesTold(TypedDict):
    """``kinds``: channels of each kind; ``details``: channels that may say what a notice is about."""

    kinds: dict[str, list[str]]
    quiet: QuietTold | None
    details: list[str]
    digest_at: Clock | None


class AddressTold(TypedDict):
    """``why``: of one that takes nothing any more."""

    id: str
    channel: str
    state: str
    why: str | None


class AddressMadeTold(AddressTold):
    """``secret``: what a webhook's messages are signed with, told once; None of other channels."""

    secret: str | None


class AddressesTold(TypedDict):
    """``web_push_key``: what a browser subscribes with (applicationServerKey, base64url); null: no web push here."""

    addresses: list[AddressTold]
    web_push_key: str | None


class AllowanceTold(TypedDict):
    template: str
    kinds: list[str]
    left: int
    ask_again: bool


class AllowancesTold(TypedDict):
    allowances: list[AllowanceTold]


class NoticesQuery(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.String(validate=validate.Length(1, 400))


class ReadBody(Schema):
    ids = fields.List(
        fields.String(validate=validate.Length(1, 300)), required=True, validate=validate.Length(1, MOST_READ)
    )


class QuietBody(Schema):
    begins = fields.String(required=True, data_key="from", validate=validate.Regexp(_CLOCK.pattern + r"\Z"))
    ends = fields.String(required=True, data_key="to", validate=validate.Regexp(_CLOCK.pattern + r"\Z"))


class PreferencesBody(Schema):
    """``kinds``: channels by kind, all of them for a kind that is not named; a list that is empty: the app alone."""

    kinds = fields.Dict(
        keys=fields.String(validate=validate.OneOf(KINDS)),
        values=fields.List(fields.String(validate=validate.OneOf(tuple(CHANNELS)))),
        load_default=dict,
    )
    quiet = fields.Nested(QuietBody, load_default=None, allow_none=True)
    details = fields.List(fields.String(validate=validate.OneOf(tuple(CHANNELS))), load_default=list)
    digest_at = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(_CLOCK.pattern + r"\Z"))


class PlaceBody(Schema):
    email = fields.String(validate=validate.Length(1, 254))
    device = fields.String(validate=validate.Length(1, 128))
    url = fields.String(validate=validate.Length(1, LONGEST))
    endpoint = fields.String(validate=validate.Length(1, LONGEST))
    p256dh = fields.String(validate=validate.Length(1, 200))
    auth = fields.String(validate=validate.Length(1, 100))


class AddressBody(Schema):
    """``address``: {"email"}, {"device"}, {"url"}, or a browser's {"endpoint", "p256dh", "auth"}; for "sms" nothing:
    it is the phone of the profile; nor for "wechat-official": it is the login by the official account.
    """

    channel = fields.String(required=True, validate=validate.OneOf(ADDED))
    address = fields.Nested(PlaceBody, load_default=dict)


class ProofBody(Schema):
    code = fields.String(required=True, validate=validate.Regexp(_CODE.pattern + r"\Z", error="six digits"))


class AllowanceBody(Schema):
    template = fields.String(required=True, validate=validate.Regexp(_TEMPLATE.pattern + r"\Z"))
    result = fields.String(required=True, validate=validate.OneOf(RESULTS))


@blueprint.get("/v1/people/<person>/notices")
@access("notices.read")
@takes(NoticesQuery, location="query")
@returns()
def list_notices(person: str, query: dict[str, Any]) -> NoticesTold:
    """What the person was told, newest first, with when it was read."""
    before = _place(query["cursor"]) if "cursor" in query else None
    found = outbox.of_person(database(), person, before, query["limit"])
    return {
        "notices": [_json(one) for one in found if _may_see(caller(), one)],
        "next_cursor": _cursor(found[-1]) if len(found) == query["limit"] else None,
    }


@blueprint.post("/v1/people/<person>/notices/read")
@access("notices.write")
@takes(ReadBody)
@returns()
def read_notices(person: str, body: dict[str, Any]) -> ReadTold:
    """The person has seen these: nothing more is sent of them. Ids that are none of the person's are left out."""
    now = now_ms()
    read = outbox.set_read(database(), person, body["ids"], now)
    for key in read:
        ledger.heard(database(), key, ledger.OPENED, now)
    return {"read": sorted(read)}


@blueprint.get("/v1/people/<person>/notice-preferences")
@access("notices.read")
@returns()
def show_preferences(person: str) -> Answer[PreferencesTold]:
    """How the person is told; before a choice, by every channel of theirs, in neutral words."""
    return _preferences(preferences.of(database(), [person]).get(person, Preferences()))


@blueprint.put("/v1/people/<person>/notice-preferences")
@access("notices.write")
@takes(PreferencesBody)
@returns()
def choose_preferences(person: str, body: dict[str, Any]) -> Answer[PreferencesTold]:
    """Instead of those before (If-Match, "0" where there were none).

    What is urgent is told in quiet hours, too. Only some channels may say what a notice is about, and never of
    mental, reproductive or other specially protected data.
    """
    known = preferences.of(database(), [person]).get(person, Preferences())
    version, quiet = expected_version(known.version), body["quiet"]
    wanted = Preferences(
        {kind: tuple(dict.fromkeys(channels)) for kind, channels in body["kinds"].items()},
        (_minutes(quiet["begins"]), _minutes(quiet["ends"])) if quiet else None,
        tuple(dict.fromkeys(body["details"])),
        _minutes(body["digest_at"]) if body["digest_at"] else None,
    )
    return _preferences(preferences.choose(database(), person, wanted, version))


@blueprint.get("/v1/people/<person>/notice-addresses")
@access("notices.read")
@returns()
def list_addresses(person: str) -> AddressesTold:
    """Where the person is told outside the app. What takes nothing any more is disabled, and says why."""
    found = addresses.of_people(database(), [person], is_active=False)
    return {"addresses": [_address(one) for one in found], "web_push_key": push_key.public(installation().settings)}


@blueprint.post("/v1/people/<person>/notice-addresses")
@access("notices.write")
@takes(AddressBody)
@returns(status=201)
def add_address(person: str, body: dict[str, Any]) -> AddressMadeTold:
    """A webhook's answer has the secret that its messages are signed with; it is told once.

    An e-mail address is "unproved" at first: it is sent a code of six digits, good for 30 minutes, and nothing else
    until that is given back at ``…/proof``. Add it again for another code.
    """
    channel, given = body["channel"], dict(body["address"])
    if channel == "webhook":
        given["secret"] = f"whsec_{secrets.token_hex(24)}"
    if channel == "sms":
        given = {"phone": _phone(person)}
    if channel == "wechat-official":
        openid = openids.of_person(database(), person, installation().settings.wechat_web_appid)
        if openid is None:
            raise InputInvalid("this person has no login by the official account", "/channel")
        given = {"appid": openid.appid, "openid": openid.openid}
    if channel == "email" and not _EMAIL.fullmatch(given.get("email", "")):
        raise InputInvalid("this is no e-mail address", "/address/email")
    if channel == "device" and given.get("device") not in {one.ref for one in devices.of_person(database(), person)}:
        raise InputInvalid("no device of this person", "/address/device")
    if channel in ("web-push", "webhook"):
        name = "endpoint" if channel == "web-push" else "url"
        if not given.get(name, "").startswith("https://"):
            raise InputInvalid("an https address", f"/address/{name}")
    now = now_ms()
    made = addresses.put(database(), person, channel, given, now)
    if made.state == UNPROVED:
        proofs.ask(database(), made, given["email"], now)
    return {**_address(made), "secret": given["secret"] if channel == "webhook" else None}


@blueprint.post("/v1/people/<person>/notice-addresses/<address>/proof")
@access("notices.write")
@takes(ProofBody)
@returns()
def prove_address(person: str, address: str, body: dict[str, Any]) -> AddressTold:
    """The code that was sent to the address: it is active from now on. Of each code there are five tries."""
    return _address(proofs.use(database(), person, address, body["code"], now_ms()))


@blueprint.delete("/v1/people/<person>/notice-addresses/<address>")
@access("notices.write")
@returns(status=204)
def remove_address(person: str, address: str) -> None:
    """Nothing is sent there from now on."""
    addresses.remove(database(), person, address)


@blueprint.get("/v1/people/<person>/wechat-allowances")
@access("notices.read")
@returns()
def list_allowances(person: str) -> AllowancesTold:
    """Of each template how many messages WeChat may still show, which kinds it tells first, and whether to ask for more
    at the next tap.
    """
    return {"allowances": [_allowance(allowances.find(database(), person, one)) for one in _templates()]}


@blueprint.post("/v1/people/<person>/wechat-allowances")
@access("notices.write")
@takes(AllowanceBody)
@returns()
def report_allowance(person: str, body: dict[str, Any]) -> AllowanceTold:
    """What wx.requestSubscribeMessage gave for one template; for each accept one message more.

    Report each result once, with an Idempotency-Key.
    """
    now = now_ms()
    openid = openids.of_person(database(), person, installation().settings.wechat_appid)
    if openid is None:
        raise InputInvalid("this person has no login by WeChat; join one first", "/template")
    if body["template"] not in _templates():
        raise InputInvalid(f"this house sends by {', '.join(_templates()) or 'no template'}", "/template")
    is_heard = installation().settings.wechat_push_token is not None  # WeChat tells of each accept itself
    if is_heard and body["result"] == "accept":
        found = allowances.find(database(), person, body["template"])
    else:
        found = allowances.report(database(), person, body["template"], body["result"], now)
    if body["result"] == "accept":
        addresses.put(database(), person, "wechat", {"appid": openid.appid, "openid": openid.openid}, now)
    return _allowance(found)


def _may_see(who: Caller, one: Notice) -> bool:
    """The owner sees all; who stands in, of what a rule raised, that of which they may see all it was made of."""
    if who.subject == one.person and who.act is None:
        return True
    ask = Ask(one.person, "read", one.categories, "notices", by_period=True)
    return bool(one.metric) and visible(database(), who, ask, now_ms()).sees(one.categories, to_ms(one.measured_at))


def _json(one: Notice) -> NoticeWithState:
    return {
        **notice_json(one),
        "urgency": one.urgency,
        "link": one.link,
        "expires_at": None if one.expires_at_ms is None else rfc3339(one.expires_at_ms),
        "read_at": None if one.read_at_ms is None else rfc3339(one.read_at_ms),
    }


def _preferences(one: Preferences) -> Answer[PreferencesTold]:
    body: PreferencesTold = {
        "kinds": {kind: list(one.kinds.get(kind, tuple(CHANNELS))) for kind in KINDS},
        "quiet": {"from": _clock(one.quiet[0]), "to": _clock(one.quiet[1])} if one.quiet else None,
        "details": list(one.details),
        "digest_at": None if one.digest_at is None else _clock(one.digest_at),
    }
    return Answer(body, version=one.version)


def _address(one: Address) -> AddressTold:
    return {"id": one.id, "channel": one.channel, "state": one.state, "why": one.why}


def _allowance(one: Allowance) -> AllowanceTold:
    kinds = list(_templates()[one.template])
    return {"template": one.template, "kinds": kinds, "left": one.left, "ask_again": one.asks_again}


def _templates() -> Mapping[str, tuple[str, ...]]:
    """By id those that notices are sent by, with the kinds that each tells first."""
    found = wechat_templates.of(installation().settings)
    return found.kinds() if found else {}


def _phone(person: str) -> str:
    found = people.find(database(), person)
    if found is None or found.phone is None:
        raise InputInvalid("there is no phone in this person's profile", "/channel")
    return found.phone


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _cursor(one: Notice) -> str:
    return base64.urlsafe_b64encode(f"{to_ms(one.raised_at)} {one.key}".encode()).decode()


def _place(cursor: str) -> tuple[int, str]:
    """Raises InputInvalid for a cursor that this server did not give."""
    try:
        at, _, key = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        number = int(at)
        rfc3339(number)
    except (ValueError, binascii.Error, OverflowError) as error:
        raise InputInvalid("this is no cursor of this list", "/cursor") from error
    return number, key
