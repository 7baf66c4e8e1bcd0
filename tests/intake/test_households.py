"""A household is people whose bindings of one device overlap."""

from __future__ import annotations

import pytest

from phr.intake.device import Binding
from phr.intake.households import Span, covers, holders, spans


def bound(*rows: tuple[str, int | None, int | None]) -> list[Binding]:
    return [Binding(f"S{n}", person, since, until) for n, (person, since, until) in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "person", "expected"),
    [
        ([("ana", None, None)], "ana", [(None, None)]),
        ([("ana", None, None)], "ben", []),
        ([("ana", 10, None)], "ana", [(None, None)]),
        ([("ana", 10, None), ("ben", 20, None)], "ben", [(None, None)]),
        ([("ana", 10, None), ("ben", 20, 30)], "ana", [(None, None)]),
        ([("ana", 10, None), ("ben", 20, 30)], "ben", [(None, 30)]),
        ([("ana", 10, 20), ("ben", 15, None)], "ana", [(None, 20)]),
        ([("ana", 10, 20), ("ben", 19, None)], "ben", [(None, None)]),
        ([("ana", 10, 20), ("ben", 20, None)], "ben", [(20, None)]),
        ([("ana", 10, 20), ("ben", 30, None)], "ben", [(20, None)]),
        ([("ana", 10, 20), ("ben", 30, None)], "ana", [(None, 20)]),
        ([("ana", 10, 20), ("ben", 30, 40), ("ana", 50, None)], "ana", [(None, 20), (40, None)]),
        ([("ben", 30, None), ("ana", 10, 20)], "ben", [(20, None)]),
        ([("ana", 10, 30), ("ana", 12, 14), ("ben", 20, None)], "ana", [(None, 30)]),
    ],
)
def test_span_is_that_of_ones_household_until_one_leaves(
    rows: list[tuple[str, int | None, int | None]], person: str, expected: list[Span]
) -> None:
    assert spans(bound(*rows), person) == expected


@pytest.mark.parametrize(("t_ms", "is_in"), [(9, False), (10, True), (19, True), (20, False)])
def test_span_includes_its_beginning_and_not_its_end(t_ms: int, is_in: bool) -> None:
    assert covers([(10, 20)], t_ms) is is_in


def test_open_span_has_no_end() -> None:
    assert covers([(None, None)], -(2**53))
    assert covers([(None, None)], 2**53)


def test_holders_are_those_whose_binding_has_no_end() -> None:
    assert holders(bound(("ana", 0, None), ("ben", 0, 5))) == {"ana"}
