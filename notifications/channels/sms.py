"""Short messages by the operator's gateway, a signed webhook; it is told the same id again when it is asked again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from notifications import posting
from notifications.channel import AddressGone, Message
from phr.auth import texts
from phr.config import Settings
from phr.database import Database
from phr.people import people


@dataclass(frozen=True, slots=True)
class Sms:
    """Posts {"phone", "text"}, signed as Standard Webhooks 1.0 has it; any 2xx is taken for done."""

    url: str
    secret: str = field(repr=False)
    phone_of: Callable[[str], str | None]
    name: str = "sms"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        if self.phone_of(message.person) != address["phone"]:
            raise AddressGone("not the person's phone")  # a number that was given up is another's soon
        body = json.dumps({"phone": address["phone"], "text": message.zh}, ensure_ascii=False).encode()
        headers = signed(self.secret, message, body)
        posting.taken(posting.post(self.url, body, headers).status)


def of(settings: Settings, database: Database) -> Sms | None:
    """Raises SettingInvalid for the half of one."""
    if texts.of(settings) is None:
        return None
    assert settings.sms_url is not None and settings.sms_secret is not None  # noqa: PT018 - as texts.of has looked

    def phone_of(person: str) -> str | None:
        found = people.find(database, person)
        return None if found is None else found.phone

    return Sms(settings.sms_url, settings.sms_secret, phone_of)


def signed(secret: str, message: Message, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0; the id is the message's own, and tells nothing of it."""
    name, at_s = f"msg_{hashlib.sha256(message.key.encode()).hexdigest()[:24]}", str(message.at_ms // 1000)
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": at_s,
        "webhook-signature": texts.signature(secret, name, at_s, body),
    }
