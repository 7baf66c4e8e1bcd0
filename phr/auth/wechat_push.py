"""What WeChat sends us of itself: who really sent it, opened and read. Pure.

Source: developers.weixin.qq.com, "Message push" (signature by SHA-1 over the sorted token, timestamp and nonce; in safe
mode over the ciphertext too, which is AES-256-CBC of 16 random bytes, a length, the message and the app's id), and
"Subscribe messages" (events as XML or JSON).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from phr.errors import AccessDenied, InputInvalid, SettingInvalid

BLOCK = 32  # PKCS #7 over blocks of 32 bytes, as WeChat pads
RANDOM_BYTES, LENGTH_BYTES = 16, 4
FRESH_S = 600  # how old a push may be: WeChat tries again for seconds, who has copied one comes later
MOST_ROWS = 50
LISTS = ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent")


class PushRefused(AccessDenied):
    """It is not from WeChat, or it is an old one."""

    code = "push-refused"


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """``key``: 32 bytes of safe mode, None where pushes come in plain."""

    appid: str
    token: str = field(repr=False)
    key: bytes | None = field(default=None, repr=False)

    def check(self, asked: Mapping[str, str], now_s: int, sealed: str | None = None) -> None:
        """Raises PushRefused unless who signed it knows the token, and did so just now."""
        parts = [self.token, asked.get("timestamp", ""), asked.get("nonce", "")]
        if sealed is not None:
            parts.append(sealed)
        signed = asked.get("signature" if sealed is None else "msg_signature", "")
        expected = hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()
        if not hmac.compare_digest(expected.encode(), signed.encode("utf-8", "replace")):
            raise PushRefused("not signed with the token of PHR_WECHAT_PUSH_TOKEN")
        at = asked.get("timestamp", "")
        if not at.isascii() or not at.isdigit() or abs(now_s - int(at[:12])) > FRESH_S:
            raise PushRefused("signed too long ago")

    def opened(self, asked: Mapping[str, str], body: bytes, now_s: int) -> dict[str, Any]:
        """The event of a push. Raises PushRefused, InputInvalid."""
        found = read(body)
        if self.key is None:
            self.check(asked, now_s)
            return found
        sealed = found.get("Encrypt")
        if not isinstance(sealed, str):
            raise PushRefused("safe mode is set, and this came in plain")
        self.check(asked, now_s, sealed)
        return read(self._decrypted(self.key, sealed))

    def _decrypted(self, key: bytes, sealed: str) -> bytes:
        try:
            data = base64.b64decode(sealed, validate=True)
            opener = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).decryptor()
            plain = opener.update(data) + opener.finalize()
            padding = plain[-1]
            if not 1 <= padding <= BLOCK or plain[-padding:] != bytes([padding]) * padding:
                raise ValueError
            begin = RANDOM_BYTES + LENGTH_BYTES
            end = begin + int.from_bytes(plain[RANDOM_BYTES:begin], "big")
            message, appid = plain[begin:end], plain[end:-padding].decode()
        except (ValueError, IndexError, UnicodeDecodeError) as error:
            raise PushRefused("does not open with the key of PHR_WECHAT_PUSH_KEY") from error
        if appid != self.appid:
            raise PushRefused("is for another app")
        return message


def doorkeeper(appid: str | None, token: str | None, key: str | None) -> Doorkeeper | None:
    """None where no token is set. Raises SettingInvalid for the half of one."""
    if token is None and key is None:
        return None
    if token is None or appid is None:
        raise SettingInvalid("PHR_WECHAT_PUSH_KEY needs PHR_WECHAT_PUSH_TOKEN, and both need PHR_WECHAT_APPID")
    if key is None:
        return Doorkeeper(appid, token)
    try:
        opened = base64.b64decode(f"{key}=", validate=True)
    except ValueError:
        opened = b""
    if len(opened) != 32:
        raise SettingInvalid("PHR_WECHAT_PUSH_KEY is the EncodingAESKey: 43 letters and digits")
    return Doorkeeper(appid, token, opened)


def read(body: bytes) -> dict[str, Any]:
    """An event as one flat object, rows under "List", whether it came as XML or as JSON. Raises InputInvalid."""
    text = body.strip()
    found = _of_xml(text) if text.startswith(b"<") else _of_json(text)
    rows = found.get("List", [])
    rows = rows if isinstance(rows, list) else [rows]
    found["List"] = [one for one in rows if isinstance(one, dict)][:MOST_ROWS]
    return found


def _of_json(text: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputInvalid(f"neither XML nor JSON: {error}") from error


def _of_xml(text: bytes) -> dict[str, Any]:
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise InputInvalid(f"not XML that is taken here: {type(error).__name__}") from error
    found: dict[str, Any] = {one.tag: one.text or "" for one in root if not len(one)}
    for name in LISTS:
        inner: Element | None = root.find(name)
        if inner is not None:
            found["List"] = [{part.tag: part.text or "" for part in row} for row in inner.findall("List")]
    return found
