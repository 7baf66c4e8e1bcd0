"""Which messages of a batch go first: what rules look at, unless something of the same device has to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batch import Coming, watched_first
from ingest.handover import Received


def coming(name: str, number: int = 0) -> Coming:
    """Of the device called so; a capital says that a rule looks at it."""
    received = Received(f"phr/v1/acme/{name.lower()}/readings", b"", None, None, None, number, 1, 1, 0.0, 0)
    return Coming(received, is_watched=name.isupper())


def names(some: list[Coming]) -> str:
    letters = [one.device.removeprefix("acme/") for one in some]
    return "".join(letter.upper() if one.is_watched else letter for letter, one in zip(letters, some, strict=True))


@pytest.mark.parametrize(
    ("sent", "busy", "first", "rest"),
    [
        ("", "", "", ""),
        ("abc", "", "", "abc"),
        ("abC", "", "C", "ab"),
        ("acbCc", "", "cCc", "ab"),  # a device's own keep their order
        ("aBbC", "c", "Bb", "aC"),
        ("ABC", "abc", "", "ABC"),
    ],
)
def test_watched_go_first_with_all_of_their_device(sent: str, busy: str, first: str, rest: str) -> None:
    some, others = watched_first([coming(one) for one in sent], {f"acme/{one}" for one in busy})
    assert (names(some), names(others)) == (first, rest)


@given(st.text("abcABC", max_size=30), st.sets(st.sampled_from("abc")))
def test_nothing_is_lost_and_no_device_overtakes_itself(sent: str, busy: set[str]) -> None:
    every = [coming(one, number) for number, one in enumerate(sent)]
    first, rest = watched_first(every, {f"acme/{one}" for one in busy})
    assert sorted(one.received.mid for one in first + rest) == list(range(len(sent)))
    for device in "abc":
        own = [one.received.mid for one in first + rest if one.device == f"acme/{device}"]
        assert own == sorted(own)
