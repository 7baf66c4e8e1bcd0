"""Web push: sealed for one browser (RFC 8291), signed by this server (RFC 8292), by hosts that the operator allows."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from py_vapid import Vapid02, VapidException
from pywebpush import WebPusher, WebPushException

from notifications.channel import AddressGone, Later, Message, Refused
from phr import outgoing
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from phr.outgoing import OutgoingFailed, OutgoingRefused, Resolve

LIFE_S = 3_600  # how long a push service keeps it for a browser that is away
GONE = (404, 410)  # RFC 8030, 7.3
FOR_EVER = (400, 401, 403, 413)


@dataclass(frozen=True, slots=True)
class WebPush:
    key: Vapid02 = field(repr=False)
    contact: str
    allowed: Collection[str]
    resolve: Resolve = outgoing.resolved
    ca_file: str | None = None
    name: str = "web-push"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        said = {"zh": message.zh, "en": message.en, "link": message.link, "urgency": message.urgency}
        parts = urlsplit(address["endpoint"])
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "sub": self.contact,
            "exp": message.at_ms // 1000 + 12 * 3_600,
        }
        keys = {"p256dh": address["p256dh"], "auth": address["auth"]}
        try:
            sealed = WebPusher({"endpoint": address["endpoint"], "keys": keys}).encode(json.dumps(said).encode())
            headers = {
                **self.key.sign(claims),
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "TTL": str(LIFE_S),
                "Urgency": "high" if message.urgency >= 3 else "normal",
            }
        except (WebPushException, VapidException, ValueError, LookupError, TypeError) as error:
            raise AddressGone("its keys are none") from error
        self._post(address["endpoint"], bytes(sealed["body"]), headers)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            outgoing.send(outgoing.destination(url, self.allowed, self.resolve), body, headers, self.ca_file)
        except OutgoingRefused as error:
            raise Refused("not allowed") from error
        except OutgoingFailed as error:
            if error.answered in GONE:
                raise AddressGone(f"status {error.answered}") from error
            if error.answered in FOR_EVER:
                raise Refused(f"status {error.answered}") from error
            raise Later(error.detail) from error


def of(settings: Settings, _database: Database) -> WebPush | None:
    """Raises SettingInvalid for the half of one, and for a key that is none."""
    if settings.push_key is None:
        return None
    if not settings.push_contact or not settings.push_contact.startswith(("mailto:", "https://")):
        raise SettingInvalid("PHR_PUSH_KEY needs PHR_PUSH_CONTACT, a mailto: or https: address")
    hosts = outgoing.allowed(settings.outgoing_allow)
    if not hosts:
        raise SettingInvalid("PHR_PUSH_KEY needs the push services' hosts in PHR_OUTGOING_ALLOW")
    try:
        key = Vapid02.from_pem(settings.push_key.encode())
    except (VapidException, ValueError) as error:
        raise SettingInvalid("PHR_PUSH_KEY is no PEM of an EC P-256 key") from error
    return WebPush(key, settings.push_contact, hosts)
