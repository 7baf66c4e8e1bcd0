"""Webhooks of partner systems: hosts that the operator allows, never in a private network; signed for each address."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from notifications.channel import AddressGone, Later, Message, Refused
from notifications.channels.sms import signed
from phr import outgoing
from phr.clock import rfc3339
from phr.config import Settings
from phr.database import Database
from phr.outgoing import OutgoingFailed, OutgoingRefused, Resolve

GONE = 410  # Standard Webhooks 1.0: the other side wants no more


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts {"kind", "urgency", "count", "at", "message": {"zh", "en"}, "link"}; no id of a person goes out."""

    allowed: Collection[str]
    resolve: Resolve = outgoing.resolved
    ca_file: str | None = None
    name: str = "webhook"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        said = {
            "kind": message.kind,
            "urgency": message.urgency,
            "count": message.count,
            "at": rfc3339(message.at_ms),
            "message": {"zh": message.zh, "en": message.en},
            "link": message.link,
        }
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = signed(address["secret"], message, body)
        try:
            to = outgoing.destination(address["url"], self.allowed, self.resolve)
            outgoing.send(to, body, headers, self.ca_file)
        except OutgoingRefused as error:
            raise Refused("not allowed") from error
        except OutgoingFailed as error:
            raise (AddressGone if error.answered == GONE else Later)(error.detail) from error


def of(settings: Settings, _database: Database) -> Webhook | None:
    """None where no host is allowed."""
    hosts = outgoing.allowed(settings.outgoing_allow)
    return Webhook(hosts) if hosts else None
