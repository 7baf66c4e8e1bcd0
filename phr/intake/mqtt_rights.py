"""Who may publish and read which topics: one table, for mosquitto's access list and for brokers that ask over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import unquote

Verb = Literal["read", "write"]

SERVER_USER = "phr-server"
# ';' is in no slug and is quoted nowhere.
SECOND = ";2"  # ends the other of a device's two user names with a password
_NUMBERED = re.compile(r"(;2|;c[0-9]{1,9})\Z")

_ROOT = "phr/v1"
_SERVER: tuple[tuple[Verb, str], ...] = (
    ("read", f"{_ROOT}/+/+/readings"),
    ("read", f"{_ROOT}/+/+/status"),
    ("read", "$SYS/broker/#"),
    ("write", f"{_ROOT}/+/+/feedback/#"),
    ("write", f"{_ROOT}/+/+/commands"),
)
_OWN: tuple[tuple[Verb, str], ...] = (("write", "readings"), ("write", "status"), ("read", "feedback/#"))
_OWN_ALONE: tuple[tuple[Verb, str], ...] = (("read", "commands"),)  # a vendor's cloud does not read them


def may(username: str, verb: Verb, topic: str) -> bool:
    """True where the user may write to a topic, or read all that a topic filter stands for ("$share/group/" is off)."""
    if verb == "write" and set("+#").intersection(topic):
        return False
    if topic.startswith("$share/"):
        topic = topic.partition("/")[2].partition("/")[2]
    return any(verb == one and _covers(allowed, topic) for one, allowed in rights_of(username))


def rights_of(username: str) -> tuple[tuple[Verb, str], ...]:
    """The topics, as filters, of the server, of a vendor's cloud ("vendor") or of a device ("vendor/device")."""
    if username == SERVER_USER:
        return _SERVER
    if not username or set("+#").intersection(username):
        return ()
    name = plain_name(username)
    if "/" in name:
        return tuple((verb, f"{_ROOT}/{name}/{topic}") for verb, topic in (*_OWN, *_OWN_ALONE))
    return tuple((verb, f"{_ROOT}/{name}/+/{topic}") for verb, topic in _OWN)


def plain_name(username: str) -> str:
    """ "vendor" or "vendor/device", whose user name it is."""
    return unquote(_NUMBERED.sub("", username))


def certificate_name(username: str, number: int) -> str:
    """The common name of a device's certificates: that of the first is its user name, each later one has its own."""
    return username if number == 1 else f"{username};c{number}"


def access_list(usernames: Iterable[str]) -> str:
    """mosquitto's access file: the server; users whose name is not that of their topics, by name; all by pattern."""
    blocks = [_block(SERVER_USER, _SERVER)]
    blocks += [_block(name, rights_of(name)) for name in sorted({*usernames}) if plain_name(name) != name]
    patterns = [f"{_ROOT}/%u/{topic}" for _, topic in (*_OWN, *_OWN_ALONE)]
    patterns += [f"{_ROOT}/%u/+/{topic}" for _, topic in _OWN]
    verbs = [verb for verb, _ in (*_OWN, *_OWN_ALONE, *_OWN)]
    lines = [f"pattern {verb} {topic}\n" for verb, topic in zip(verbs, patterns, strict=True)]
    return "\n".join([*blocks, "".join(lines)])


def _block(username: str, rights: Iterable[tuple[Verb, str]]) -> str:
    return f"user {username}\n" + "".join(f"topic {verb} {topic}\n" for verb, topic in rights)


def _covers(allowed: str, wanted: str) -> bool:
    """True where every topic of the second filter is one of the first (OASIS mqtt-v5.0, section 4.7)."""
    left, right = allowed.split("/"), wanted.split("/")
    for index, level in enumerate(left):
        if level == "#":
            return True
        if index == len(right):
            return left[index:] == ["#"]
        if right[index] == "#" or (level != right[index] and (level != "+" or not right[index])):
            return False
    return len(left) == len(right)
