"""What both of WeChat's channels share: the access token that all processes use, templates' fields, error codes.

Source: developers.weixin.qq.com, getStableAccessToken and sendMessage: a token holds for 7,200 s at most and for 300 s
at least; one that is forced anew may be had 20 times a day and every 30 s.

Collection ``wechat_tokens``: _id  appid     sealed  the token     until_ms, forced_ms     lease_ms  of who asks
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pymongo.errors import DuplicateKeyError

from notifications import posting
from notifications.channel import AddressGone, Later, Message, NoneLeft, Refused, Unsent
from phr.clock import to_datetime
from phr.database import Database
from phr.notices.wechat_templates import LONGEST
from phr.people import openids, seals
from phr.people.keyring import INSTALLATION

TOKENS = "wechat_tokens"
EARLY_MS = 120_000  # a token is not begun to be used so short before its end
LEASE_MS = 20_000
FORCE_EVERY_MS = 4_320_000  # 20 times a day
LOSER_WAITS_MS = 2_000
CHINA = ZoneInfo("Asia/Shanghai")  # by whose days WeChat counts

TOKEN_BAD = (40001, 40014, 42001)
BAD_OPENID, NO_QUOTA, DAY_LIMIT, MINUTE_LIMIT, BUSY, CONCURRENT = 40003, 43101, 45009, 45011, -1, 43108
FOR_EVER = {40037: "template", 41030: "page", 43107: "banned", 47003: "field", 45168: "words", 40038: "too many"}
_SHORT = {True: "请马上打开应用查看", False: "您有一项健康提醒"}
_PHRASE = {True: "请马上看", False: "健康提醒"}


@dataclass(frozen=True, slots=True)
class App:
    """A mini-program or an official account; ``zone``: in which times are written."""

    url: str
    appid: str
    secret: str = field(repr=False)
    zone: ZoneInfo = CHINA


def post(database: Database, app: App, path: str, body: Mapping[str, Any], now_ms: int) -> str | None:
    """Returns when WeChat has taken it, with what it calls the message, if it says so.

    A bad token is renewed and the message sent again, once. Raises Unsent.
    """
    token = _token(database, app, None, now_ms)
    answer = _posted(app, path, token, body)
    if answer["errcode"] in TOKEN_BAD:
        answer = _posted(app, path, _token(database, app, token, now_ms), body)
    if answer["errcode"] != 0:
        raise fault(answer["errcode"], now_ms)
    name = answer.get("msgid")
    return f"wechat:{name}" if isinstance(name, int | str) and name != "" else None


def must_be_theirs(database: Database, app: App, person: str, openid: str) -> None:
    """Raises AddressGone for a login that has left the person's record, and may be another's by now."""
    known = openids.of_person(database, person, app.appid)
    if known is None or known.openid != openid:
        raise AddressGone("not the person's login")


def fault(number: Any, now_ms: int) -> Unsent:
    """What an errcode means for a message."""
    if number == NO_QUOTA:
        return NoneLeft("errcode 43101")
    if number == BAD_OPENID:
        return AddressGone("errcode 40003")
    if number == DAY_LIMIT:
        return Later("errcode 45009", _tomorrow_ms(now_ms) - now_ms)
    if number == MINUTE_LIMIT:
        return Later("errcode 45011", 60_000)
    if number in FOR_EVER:
        return Refused(f"errcode {number}: {FOR_EVER[number]}")
    return Later(f"errcode {number!r:.20}")


def data(wanted: Mapping[str, str], message: Message, app: App) -> dict[str, dict[str, str]]:
    """What fills a template: never more than that there is something, and within the limits of each field."""
    local = to_datetime(message.at_ms).astimezone(app.zone)
    return {key: {"value": _value(key.rstrip("0123456789"), message, local)} for key in wanted}


def _value(kind: str, message: Message, local: datetime) -> str:
    if kind == "time":
        return f"{local:%H:%M}"
    if kind == "date":
        return f"{local.year}年{local.month}月{local.day}日"
    is_urgent = message.urgency >= 3
    return (_SHORT if LONGEST[kind] > 5 and kind != "name" else _PHRASE)[is_urgent][: LONGEST[kind]]


def _posted(app: App, path: str, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
    sent = json.dumps(body, ensure_ascii=False).encode()
    headers = {"content-type": "application/json"}
    answer: dict[str, Any] = posting.post(f"{app.url}{path}?access_token={token}", sent, headers).json()
    if "errcode" not in answer:
        raise Later("garbage")
    return answer


def _token(database: Database, app: App, bad: str | None, now_ms: int) -> str:
    """The token that all processes use, or a new one; ``bad``: one that WeChat has refused. Raises Later."""
    row = database[TOKENS].find_one({"_id": app.appid}) or {}
    if row.get("sealed") is not None:
        known = str(seals.unseal(database, INSTALLATION, _place(app), row["sealed"]))
        if known != bad and row["until_ms"] - EARLY_MS > now_ms:
            return known
    try:
        is_free = {"_id": app.appid, "$or": [{"lease_ms": None}, {"lease_ms": {"$lte": now_ms}}]}
        database[TOKENS].update_one(is_free, {"$set": {"lease_ms": now_ms + LEASE_MS}}, upsert=True)
    except DuplicateKeyError:
        raise Later("another process asks for a token", LOSER_WAITS_MS) from None
    try:
        return _renewed(database, app, bad, row.get("forced_ms", 0), now_ms)
    finally:
        database[TOKENS].update_one({"_id": app.appid}, {"$set": {"lease_ms": None}})


def _renewed(database: Database, app: App, bad: str | None, forced_ms: int, now_ms: int) -> str:
    token, life_s = _asked(app, is_forced=False)
    if token == bad:
        if now_ms - forced_ms < FORCE_EVERY_MS:
            raise Later("WeChat refuses the token that it gives", 60_000)
        database[TOKENS].update_one({"_id": app.appid}, {"$set": {"forced_ms": now_ms}})
        token, life_s = _asked(app, is_forced=True)
    stamps = {"sealed": seals.seal(database, INSTALLATION, _place(app), token), "until_ms": now_ms + life_s * 1000}
    database[TOKENS].update_one({"_id": app.appid}, {"$set": stamps})
    return token


def _asked(app: App, *, is_forced: bool) -> tuple[str, int]:
    asked = {"grant_type": "client_credential", "appid": app.appid, "secret": app.secret, "force_refresh": is_forced}
    headers = {"content-type": "application/json"}
    answer = posting.post(f"{app.url}/cgi-bin/stable_token", json.dumps(asked).encode(), headers).json()
    token, life_s = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(life_s, int):
        number = answer.get("errcode")
        raise Later(f"no token: errcode {number!r:.20}", 60_000)
    return token, life_s


def _tomorrow_ms(now_ms: int) -> int:
    local = to_datetime(now_ms).astimezone(CHINA)
    midnight = datetime(local.year, local.month, local.day, tzinfo=CHINA) + timedelta(days=1)
    return int(midnight.timestamp() * 1000)


def _place(app: App) -> str:
    return f"wechat_tokens.{app.appid}"
