"""What becomes of subscribe messages at WeChat: allowed, refused by hand, and sent or not after it was taken.

An event may come twice, and is heard once: an allowance remembers the last it has heard, and what was sent can fail
but once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from phr.database import Database
from phr.notices import allowances, deliveries
from phr.notices.allowances import Heard
from phr.people import openids
from phr.people.openids import OpenId

POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
ACCEPTED = "accept"
GOOD = "0"


def hear(database: Database, appid: str, event: Mapping[str, Any], now_ms: int) -> None:
    """Other events, and those of a user whom nobody here knows, change nothing."""
    kind, rows = str(event.get("Event", "")), event.get("List", [])
    if kind == SENT:
        for row in rows:
            _sent(database, row, now_ms)
    elif kind in (POPUP, CHANGE):
        person = openids.known_person(database, OpenId(appid, str(event.get("FromUserName", ""))))
        for row in rows if person else []:
            assert person is not None
            template, said = str(row.get("TemplateId", "")), str(row.get("SubscribeStatusString", ""))
            heard = _name(event, template)
            # At the window one message more is allowed, or nothing is; in the settings all of them are taken back.
            if said == ACCEPTED or kind == CHANGE:
                allowances.hear(
                    database, person, Heard(heard, template, "accept" if said == ACCEPTED else "ban"), now_ms
                )


def _sent(database: Database, row: Mapping[str, Any], now_ms: int) -> None:
    number, name = str(row.get("ErrorCode", GOOD)), str(row.get("MsgID", ""))
    if number != GOOD and name:
        why = f"told later: {number[:12]} {str(row.get('ErrorStatus', ''))[:60]}".rstrip()
        deliveries.fail_after_all(database, f"wechat:{name}", why, now_ms)


def _name(event: Mapping[str, Any], template: str) -> str:
    parts = [str(event.get(name, "")) for name in ("FromUserName", "CreateTime", "Event")]
    return hashlib.sha256("\0".join([*parts, template]).encode()).hexdigest()[:24]
