"""What a lookout records at once, what it keeps for the next batch, and how much of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ingest import lookout as module
from ingest.batch import Batch, Coming
from ingest.handover import HandOver, Received
from ingest.lookout import Lookout
from tests.ingest.running import WAIT_S, wait_until


class Source:
    """Messages by one letter: of the device called so, a capital is watched."""

    def __init__(self) -> None:
        self._queue = HandOver(1_000, 1_000_000)
        self.sent = 0

    def send(self, letters: str) -> None:
        for letter in letters:
            self.sent += 1
            topic = f"phr/v1/acme/{letter.lower()}/readings"
            one = Received(topic, letter.encode(), None, None, None, self.sent, 1, 1, 0.0, 0)
            self._queue.put([one], WAIT_S)

    def gather(self, *args: Any) -> list[Received]:
        return self._queue.take(*args)


class Listener:
    """As a scribe: what it is to record it keeps, unless it is to fail."""

    def __init__(self) -> None:
        self.ahead = ""
        self.error: Exception | None = None
        self.gate_error: Exception | None = None

    def let_in(self, messages: Sequence[Received]) -> Batch:
        if self.gate_error:
            raise self.gate_error
        batch = Batch()
        batch.add(messages, [Coming(one) for one in messages if one.payload != b"x"])
        return batch

    def read(self, coming: Sequence[Coming]) -> None:
        for one in coming:
            one.is_watched = one.received.payload.isupper()

    def record(self, coming: Sequence[Coming]) -> None:
        if self.error:
            raise self.error
        self.ahead += letters([one.received for one in coming])


class Bench:
    def __init__(self) -> None:
        self.source, self.listener = Source(), Listener()
        self.lookout = Lookout(self.source, self.listener)  # type: ignore[arg-type]

    def sent(self, some: str) -> None:
        """Returns once they have been read."""
        before = self.lookout.waiting[0]
        self.source.send(some)
        wait_until(lambda: self.lookout.waiting[0] == before + len(some))

    def taken(self) -> Batch:
        return self.lookout.take(0.0, 0.0)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.lookout.start()
    yield bench
    bench.lookout.finish()


def letters(some: Sequence[Received]) -> str:
    return "".join(one.payload.decode() for one in some)


def left(batch: Batch) -> str:
    return letters([one.received for one in batch.coming])


def test_watched_is_recorded_ahead_and_acknowledged_in_its_turn(bench: Bench) -> None:
    bench.sent("abC")
    batch = bench.taken()
    assert (bench.listener.ahead, letters(batch.received), left(batch)) == ("C", "abC", "ab")


def test_device_waits_as_long_as_something_of_it_does(bench: Bench) -> None:
    bench.sent("a")
    batch = bench.taken()
    bench.sent("AB")
    assert bench.listener.ahead == "B"
    bench.lookout.done(batch)
    bench.sent("A")
    assert bench.listener.ahead == "B"  # the one before waits in turn
    bench.lookout.done(bench.taken())
    bench.sent("A")
    assert bench.listener.ahead == "BA"


def test_device_whose_all_was_recorded_ahead_does_not_wait(bench: Bench) -> None:
    bench.sent("A")
    bench.sent("A")
    assert bench.listener.ahead == "AA"


def test_what_the_gate_refuses_is_acknowledged_and_holds_up_nobody(bench: Bench) -> None:
    bench.sent("x")
    bench.sent("X")
    assert bench.listener.ahead == "X"
    assert letters(bench.taken().received) == "xX"


def test_what_fails_goes_with_its_batch(bench: Bench) -> None:
    bench.listener.error = RuntimeError("no")
    bench.sent("aB")
    assert left(bench.taken()) == "aB"


def test_no_more_is_read_than_may_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MOST", 2)
    monkeypatch.setattr(module, "BATCH_MOST", 2)
    bench.sent("a")
    bench.sent("b")
    bench.source.send("c")
    threading.Event().wait(2 * module.IDLE_WAIT_S)
    assert letters(bench.taken().received) == "ab"
    wait_until(lambda: bench.lookout.waiting[0] == 1)
    assert letters(bench.taken().received) == "c"


@pytest.mark.parametrize(("name", "most"), [("BATCH_MOST", 2), ("BATCH_MOST_BYTES", 2)])
def test_batch_has_its_bounds(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    for letter in "abc":
        bench.sent(letter)
    monkeypatch.setattr(module, name, most)
    assert [letters(bench.taken().received) for _ in range(3)] == ["ab", "c", ""]


def test_the_last_is_read_whether_there_is_room_or_not(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MOST", 1)
    bench.sent("a")
    bench.source.send("bc")
    bench.lookout.finish()
    assert letters(bench.taken().received) == "abc"


def test_what_ends_the_thread_is_said(bench: Bench) -> None:
    bench.listener.gate_error = RuntimeError("broken")
    bench.source.send("a")
    bench.lookout.finish()
    with pytest.raises(RuntimeError, match="broken"):
        bench.taken()
