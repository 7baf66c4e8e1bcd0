"""Reading ahead: the same things in the same order, one ahead and no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from phr.interchange.ahead import read_ahead
from phr.interchange.formats import FileBroken

PATIENCE_S = 30.0


def test_all_come_in_order() -> None:
    assert list(read_ahead(iter(range(5)))) == [0, 1, 2, 3, 4]


def test_the_next_one_is_read_while_one_is_used() -> None:
    is_read = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        is_read.set()
        yield 2

    ahead = read_ahead(items())
    assert next(ahead) == 1
    assert is_read.wait(PATIENCE_S)
    ahead.close()


def test_what_comes_before_a_fault_is_given_first() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise FileBroken("cut off")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(FileBroken):
        next(ahead)


def test_nothing_is_read_after_it_was_closed() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    ahead = read_ahead(items())
    next(ahead)
    ahead.close()
    assert read in ([0], [0, 1])
