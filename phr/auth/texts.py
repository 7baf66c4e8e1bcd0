"""Short messages to phones, by a gateway of the operator's that takes a signed webhook.

The signature is that of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, so that the gateway knows who asks.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

import urllib3

from phr.auth import outgoing
from phr.clock import now_ms
from phr.config import Settings
from phr.errors import SettingInvalid

LOG = logging.getLogger(__name__)
SENDERS = 4


class Texts(Protocol):
    def send(self, phone: str, text: str) -> None:
        """Sends it, or logs that it could not; nothing is raised, and nothing is tried again."""
        ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts {"phone", "text"}; any answer of the 200s is taken for done."""

    url: str
    secret: str = field(repr=False)

    def send(self, phone: str, text: str) -> None:
        body = json.dumps({"phone": phone, "text": text}).encode()
        name, at_s = f"msg_{secrets.token_hex(12)}", str(now_ms() // 1000)
        headers = {"webhook-id": name, "webhook-timestamp": at_s, "content-type": "application/json"}
        headers["webhook-signature"] = signature(self.secret, name, at_s, body)
        try:
            answer = outgoing.pool().request("POST", self.url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            LOG.warning("short message not sent: %s", type(error).__name__)
            return
        if answer.status // 100 != 2:
            LOG.warning("short message not sent: status %s", answer.status)


def signature(secret: str, name: str, at_s: str, body: bytes) -> str:
    digest = hmac.digest(secret.encode(), f"{name}.{at_s}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def of(settings: Settings) -> Texts | None:
    """The gateway that the settings name, None where they name none. Raises SettingInvalid for a half of one."""
    if settings.sms_url is None and settings.sms_secret is None:
        return None
    if not settings.sms_url or not settings.sms_secret:
        raise SettingInvalid("PHR_SMS_URL and PHR_SMS_SECRET go together; set both or none")
    if not outgoing.is_safe(settings.sms_url):
        raise SettingInvalid("PHR_SMS_URL begins with https://")
    return Webhook(settings.sms_url, settings.sms_secret)


def soon(work: Callable[[], None]) -> None:
    """Done by another thread: how long an answer takes does not tell whether anything is sent."""
    _senders().submit(work)


@cache
def _senders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="texts")
