"""Messages on their way through a worker, and which of them go first."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from ingest.handover import Received
from ingest.topics import device_of
from phr.recording import Delivery


@dataclass(slots=True)
class Coming:
    """A message that is to be recorded."""

    received: Received
    delivery: Delivery | None = None  # what it says, once it was read
    is_watched: bool = False  # a rule looks at what it brings
    is_done: bool = False  # recorded and answered

    @property
    def device(self) -> str:
        return device_of(self.received.topic)


@dataclass(slots=True)
class Batch:
    """What is acknowledged together."""

    received: list[Received] = field(default_factory=list)
    coming: list[Coming] = field(default_factory=list)  # those of it that the gate has let in
    size: int = 0  # bytes of all payloads

    def add(self, received: Sequence[Received], coming: Sequence[Coming]) -> None:
        self.received += received
        self.coming += coming
        self.size += sum([len(one.payload) for one in received])

    @property
    def left(self) -> list[Coming]:
        return [one for one in self.coming if not one.is_done]


def watched_first(coming: Sequence[Coming], busy: Container[str] = ()) -> tuple[list[Coming], list[Coming]]:
    """Those that go first, and the rest, each in their order; all of them have been read.

    A device with a message that a rule looks at goes first with all that it has sent, so that none of its messages
    overtakes another; ``busy``: devices that have to wait, since something of theirs does.
    """
    devices = {one.device for one in coming if one.is_watched and one.device not in busy}
    if not devices:
        return [], list(coming)
    return [one for one in coming if one.device in devices], [one for one in coming if one.device not in devices]
