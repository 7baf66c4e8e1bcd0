"""The months of a year as one column: what is packed comes back, whatever each month has or lacks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phr.readings.packed_months import Year, joined, pack, unpack
from phr.readings.stats import Column, Stats

BIG = st.integers(-(2**62), 2**62)
COLUMNS = st.builds(Column, st.integers(1, 10**9), BIG, BIG, BIG, BIG)
PARTS = st.dictionaries(st.sampled_from(["", "diastolic", "systolic"]), COLUMNS)
MONTHS = st.builds(Stats, st.integers(1, 10**9), BIG, PARTS.map(lambda parts: tuple(sorted(parts.items()))))


DEVICES = st.sampled_from(["watch", "strap"])
YEARS = st.dictionaries(
    st.tuples(st.sampled_from([2024, 2025]), DEVICES),
    st.dictionaries(st.integers(1, 12), MONTHS),
)


@given(st.dictionaries(st.integers(1, 12), MONTHS))
def test_months_come_back_as_they_were(months: dict[int, Stats]) -> None:
    assert unpack(pack(months)) == months


@given(
    YEARS, st.dictionaries(st.tuples(st.sampled_from([202403, 202412, 202501, 209901]), DEVICES), st.none() | MONTHS)
)
def test_years_are_joined_in_order_and_others_replace_their_months(
    years: dict[tuple[int, str], dict[int, Stats]], others: dict[tuple[int, str], Stats | None]
) -> None:
    """A month's first day is its year and number here, as 202403."""
    packed = [Year(device, _starts(year), pack(months)) for (year, device), months in years.items()]
    expected: dict[tuple[int, str], Stats | None] = {
        (_starts(year)[month - 1], device): stats
        for (year, device), months in years.items()
        for month, stats in months.items()
    }
    expected |= others
    found = [((day, device), Stats.from_doc(doc)) for day, device, doc in joined(packed, others).docs()]
    assert found == sorted((key, stats) for key, stats in expected.items() if stats)


def _starts(year: int) -> list[int]:
    return [year * 100 + month for month in range(1, 13)]
