"""The order in which residents need somebody, and what may be told of them. Pure."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from string import Formatter

import pytest

from phr.errors import DataFileInvalid
from phr.panel import needs
from phr.panel.needs import GROUPS, Need, kinds, parsed

FIXTURE = tomllib.loads(Path(__file__).with_name("residents.toml").read_text(encoding="utf-8"))


def a_need(code: str, *categories: str) -> Need:
    return Need(code, categories or ("readings",), {})


def test_twenty_residents_stand_in_the_order_that_was_agreed() -> None:
    residents = {name: [a_need(code) for code in codes] for name, codes in FIXTURE["residents"].items()}
    names = list(residents)
    random.Random(1).shuffle(names)
    assert sorted(names, key=lambda name: needs.order(residents[name])) == FIXTURE["order"]
    assert len(names) == 20


def test_who_needs_nothing_stands_last() -> None:
    assert needs.order([]) > needs.order([a_need("early-warning")])


def test_a_need_that_may_not_be_told_does_not_move_anybody() -> None:
    both = [a_need("due", "care"), a_need("emergency", "mental", "readings")]
    told = needs.seen(both, {"care": None, "readings": None})
    assert [one.code for one in told] == ["due"]
    assert needs.order(told) == needs.order([a_need("due", "care")])


def test_each_has_the_same_words_in_both_languages_and_a_group() -> None:
    for kind in kinds().values():
        named = [{field for _, field, _, _ in Formatter().parse(text) if field} for text in (kind.zh, kind.en)]
        assert named[0] == named[1]
    assert {kind.group for kind in kinds().values()} == set(GROUPS)


ONE = '[needs.{}]\nweight = 1\ngroup = "{}"\nzh = "a"\nen = "a"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x", "needs.toml"),
        (ONE.format("a", "no"), "group"),
        (ONE.format("a", "due") + ONE.format("b", "due"), "same weight"),
    ],
)
def test_a_fault_in_the_table_is_named(text: str, fault: str) -> None:
    with pytest.raises(DataFileInvalid, match=fault):
        parsed(text)
