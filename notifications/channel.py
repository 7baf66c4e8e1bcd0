"""What a channel is: something that sends one message to one address, and says in one of four ways that it did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from phr.errors import PhrError


@dataclass(frozen=True, slots=True)
class Message:
    """``key``: the same for the same message, however often it is sent; ``count``: of how many notices it speaks.

    ``zh``, ``en``: neutral words, unless the person wants details here and they may be told.
    """

    key: str
    person: str
    kind: str
    urgency: int
    zh: str
    en: str
    count: int = 1
    link: str | None = None
    at_ms: int = 0  # when it is sent


class Channel(Protocol):
    """``send`` returns when the other side has taken the message, and within TIMEOUT_S; it raises an Unsent otherwise.

    It returns what the other side calls the message where that may be told later not to have arrived, else None.

    What else it raises counts as ``Later``: a channel may be wrong without harm to another.
    """

    name: str

    def send(self, address: Mapping[str, str], message: Message) -> str | None: ...


class Unsent(PhrError):
    """The other side has not taken a message; ``detail`` says in a word why, and never to whom."""

    code: ClassVar[str] = "unsent"
    status: ClassVar[int] = 502


class Later(Unsent):
    """It may be taken another time; ``after_ms``: no sooner, None: as the tries before had it."""

    def __init__(self, detail: str, after_ms: int | None = None) -> None:
        super().__init__(detail)
        self.after_ms = after_ms


class Refused(Unsent):
    """This message is never taken; the next one may be."""


class NoneLeft(Refused):
    """The person has to allow the next message first; until then another channel tells it."""


class AddressGone(Unsent):
    """Nothing is taken for this address any more."""
