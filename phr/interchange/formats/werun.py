"""WeRun (WeChat's steps): what wx.getWeRunData gives, decrypted with the login's session key, or decrypted already.

{"encryptedData", "iv"} with ``mapping`` = {"session_key", "app_id"}: AES-128-CBC, PKCS#7, all in base64; then
watermark.appid must be ours. Inside: {"stepInfoList": [{"timestamp": seconds, "step"}], "watermark"}: a total a day
for about 31 days, from the local midnight that ``timestamp`` is. Kept as steps over a day, from a source of its own
which is never added to others. Source: WeChat documentation, "open data" decryption and wx.getWeRunData.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from phr.clock import DAY_MS
from phr.errors import InputInvalid
from phr.formats.building import Item, ItemRefused, parse_time, take
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import refuse
from phr.vocabulary.metrics import vocabulary

NAME = "werun"
SUFFIXES = (".werun.json",)
LARGEST_BYTES = 1024 * 1024
SOURCE = "wechat-werun"


def check(wish: Wish) -> None:
    """Raises InputInvalid for a key that is none."""
    said = wish.mapping or {}
    if said and (len(_bytes(said.get("session_key"))) != 16 or not isinstance(said.get("app_id"), str)):
        raise InputInvalid("session_key is 16 bytes in base64 and app_id a text", "/mapping/session_key")


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken: no JSON, not ours, not encrypted with this key."""
    check(wish)
    content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise FileBroken(f"more than {LARGEST_BYTES} bytes for a month of steps")
    said = _object(content)
    if "encryptedData" in said:
        said = _object(_decrypted(said, wish))
    days = said.get("stepInfoList")
    if not isinstance(days, list):
        raise FileBroken("not WeRun data: no stepInfoList in it")
    batch = Batch(records=len(days))
    for index, day in enumerate(days):
        _take(batch, day, f"/stepInfoList/{index}")
    yield batch


def _take(batch: Batch, day: Any, path: str) -> None:
    try:
        at = day.get("timestamp") if isinstance(day, dict) else None
        if type(at) is not int:
            raise ItemRefused("time-invalid", "a day begins at a number of seconds since 1970", "/timestamp")
        t_ms, _ = parse_time(at * 1_000, "/timestamp")
        item = Item(path, vocabulary().metrics["steps"], t_ms, day.get("step"), None, end_ms=t_ms + DAY_MS)
        item.context = {"total_of": "day"}
        take(batch.of(SOURCE), item)
    except ItemRefused as refused:
        refuse(batch, SOURCE, path + refused.pointer, (refused.code, refused.detail))


def _decrypted(said: dict[str, Any], wish: Wish) -> bytes:
    if wish.mapping is None:
        raise FileBroken("the steps are encrypted; the mapping needs session_key and app_id")
    try:
        cipher = Cipher(algorithms.AES128(_bytes(wish.mapping["session_key"])), modes.CBC(_bytes(said.get("iv"))))
        open_ = cipher.decryptor()
        padded = open_.update(_bytes(said["encryptedData"])) + open_.finalize()
        unpad = PKCS7(128).unpadder()
        plain = unpad.update(padded) + unpad.finalize()
    except ValueError as error:
        raise FileBroken("the steps do not open with this session key") from error
    marked = _object(plain).get("watermark")
    if not isinstance(marked, dict) or marked.get("appid") != wish.mapping["app_id"]:
        raise FileBroken("these steps were given to another mini program")
    return plain


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        return b""


def _object(content: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileBroken("not JSON") from error
    if not isinstance(said, dict):
        raise FileBroken("not a JSON object")
    return said
