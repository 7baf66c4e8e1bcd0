"""What becomes of readings in a chunk: identity, corrections, caps. No database."""

from __future__ import annotations

from typing import Any

import pytest
from bson import encode

from phr.readings.chunk import TOO_DENSE, TOO_OFTEN_CORRECTED, Merged, Setting, decode_rows, encode_rows, merge
from phr.readings.columnwise import EXTRA_KEYS, ChunkDoc, Slice
from phr.readings.revisions import HISTORY_BYTES, HISTORY_CAP
from phr.vocabulary.reading import DURATION, Run
from tests.cast import T0
from tests.readings.builders import a_run

SETTING = Setting(T0, cap=100, extras_bytes=100_000, history=(), offsetless_runs=frozenset())
PRESSURE = {"systolic": 1280, "diastolic": 820}


def a_slice(run: Run | None = None, **changes: Any) -> Slice:
    run = a_run() if run is None else run
    return Slice(run, **({"run_no": 0, "low": 0, "high": len(run), "arrived_at_ms": T0} | changes))


def contextual(context: Any, **changes: Any) -> Slice:
    return a_slice(a_run(extras={0: {"context": context}} if context else {}), **changes)


def merged(*slices: Slice, chunk: ChunkDoc | None = None, setting: Setting = SETTING) -> Merged:
    return merge(chunk, slices, setting)


def of(*slices: Slice) -> ChunkDoc:
    """A chunk with these in it."""
    chunk = merged(*slices).chunk
    assert chunk is not None
    return chunk


def counts(result: Merged) -> tuple[int, int, int, int]:
    """stored, duplicate, corrected, refused."""
    ones = result.outcomes
    refused = sum(len(one.refused) for one in ones)
    return sum(o.stored for o in ones), sum(o.duplicate for o in ones), sum(o.corrected for o in ones), refused


@pytest.mark.parametrize(
    "run",
    [
        a_run(),
        a_run(value=PRESSURE, metric="blood-pressure"),
        a_run(value={"": 5000, DURATION: 60_000}, metric="steps"),
        a_run(value={}, metric="af-event"),
        a_run(seq=[3]),
    ],
    ids=["number", "components", "period", "event", "seq"],
)
def test_the_same_again_is_a_duplicate_and_changes_nothing(run: Run) -> None:
    chunk = of(a_slice(run))
    again = merged(a_slice(run), chunk=chunk)
    assert (again.chunk, counts(again)) == (None, (0, 1, 0, 0))


@pytest.mark.parametrize(
    "values",
    [{"": 5}, {"": 5, DURATION: 60_000}, PRESSURE, {**PRESSURE, "pulse": None}, {}],
    ids=["number", "period", "components", "absent-component", "event"],
)
def test_appended_is_the_same_as_written_row_by_row(values: dict[str, Any]) -> None:
    early, late = a_run([T0, T0 + 5], values), a_run([T0 + 6, T0 + 70_000], values)
    grown = merged(a_slice(late, run_no=1), chunk=of(a_slice(early)))
    backwards = merged(a_slice(early), chunk=of(a_slice(late, run_no=1)))
    assert decode_rows(grown.chunk or {}, T0) == decode_rows(backwards.chunk or {}, T0)
    assert len(decode_rows(grown.chunk or {}, T0)) == 4


def test_another_value_replaces_and_the_old_one_stays_in_the_history() -> None:
    result = merged(a_slice(a_run(value=800), sent_at_ms=T0 + 7), chunk=of(a_slice()))
    assert result.chunk is not None
    assert decode_rows(result.chunk, T0)[T0, 0].values == (("", 800),)
    assert [(line["v"], line["by"]) for line in result.revisions] == [([["", 720]], T0 + 7)]
    assert counts(result) == (0, 0, 1, 0)


def test_one_component_more_is_another_value() -> None:
    cuff, with_pulse = ({**PRESSURE, "pulse": pulse} for pulse in (None, 700))
    assert counts(merged(a_slice(a_run(value=with_pulse)), chunk=of(a_slice(a_run(value=cuff))))) == (0, 0, 1, 0)


@pytest.mark.parametrize("extra", [{"flag": "above-range"}, {"value": {"code": "taken"}}])
def test_flag_and_structured_value_are_part_of_the_value(extra: dict[str, Any]) -> None:
    assert counts(merged(a_slice(a_run(extras={0: extra})), chunk=of(a_slice()))) == (0, 0, 1, 0)


@pytest.mark.parametrize("extra", [{"quality": "suspect"}, {"sent": 72.04}])
def test_how_it_was_sent_is_no_part_of_the_value(extra: dict[str, Any]) -> None:
    assert counts(merged(a_slice(a_run(extras={0: extra})), chunk=of(a_slice()))) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("old", "new", "is_correction"),
    [
        (None, {"meal": "fasting"}, True),
        ({"meal": "fasting"}, {"meal": "after"}, True),
        ({"meal": "fasting"}, {"meal": "fasting"}, False),
        ({"meal": "fasting"}, None, False),
    ],
)
def test_new_context_on_an_equal_value_corrects_the_context(old: Any, new: Any, is_correction: bool) -> None:
    result = merged(contextual(new), chunk=of(contextual(old)))
    assert counts(result) == ((0, 0, 1, 0) if is_correction else (0, 1, 0, 0))
    assert not is_correction or decode_rows(result.chunk or {}, T0)[T0, 0].context == new


@pytest.mark.parametrize(
    ("sent_at_ms", "is_correction"), [(None, False), (T0 + 19, False), (T0 + 20, False), (T0 + 21, True)]
)
def test_value_held_before_counts_only_when_sent_later_than_its_correction(
    sent_at_ms: int | None, is_correction: bool
) -> None:
    first = of(a_slice(sent_at_ms=T0 + 10))
    second = merged(a_slice(a_run(value=800), sent_at_ms=T0 + 20), chunk=first)
    setting = SETTING._replace(history=second.revisions)
    third = merged(a_slice(sent_at_ms=sent_at_ms, arrived_at_ms=T0 + 99), chunk=second.chunk, setting=setting)
    assert counts(third) == ((0, 0, 1, 0) if is_correction else (0, 1, 0, 0))


@pytest.mark.parametrize(("sent_at_ms", "is_correction"), [(T0 + 40, False), (T0 + 41, True)])
def test_value_held_twice_is_measured_against_its_last_correction(sent_at_ms: int, is_correction: bool) -> None:
    words = [a_slice(a_run(value=value), sent_at_ms=T0 + at) for value, at in [(1, 10), (2, 20), (1, 30), (2, 40)]]
    before = merged(*words)
    setting = SETTING._replace(history=before.revisions)
    result = merged(a_slice(a_run(value=1), sent_at_ms=sent_at_ms), chunk=before.chunk, setting=setting)
    assert counts(result) == ((0, 0, 1, 0) if is_correction else (0, 1, 0, 0))


def test_value_and_its_correction_delivered_again_without_sent_at_change_nothing() -> None:
    both = (a_slice(), a_slice(a_run(value=800)))
    first = merged(*both)
    setting = SETTING._replace(history=first.revisions)
    later = tuple(one._replace(arrived_at_ms=T0 + 60_000) for one in both)
    assert counts(merged(*later, chunk=first.chunk, setting=setting)) == (0, 2, 0, 0)


def test_known_offset_replaces_an_unknown_one_without_being_a_correction() -> None:
    setting = SETTING._replace(offsetless_runs=frozenset([0]))
    result = merged(a_slice(run_no=1), chunk=of(a_slice(a_run(offset_min=None))), setting=setting)
    assert (counts(result), result.revisions) == ((0, 1, 0, 0), [])
    assert decode_rows(result.chunk or {}, T0)[T0, 0].run == 1


@pytest.mark.parametrize("offset_min", [None, 0])
def test_offset_that_is_known_stays(offset_min: int | None) -> None:
    setting = SETTING._replace(offsetless_runs=frozenset([1]))
    assert merged(a_slice(a_run(offset_min=offset_min), run_no=1), chunk=of(a_slice()), setting=setting).chunk is None


def test_unknown_offset_does_not_replace_an_unknown_one() -> None:
    setting = SETTING._replace(offsetless_runs=frozenset([0, 1]))
    nowhere = a_run(offset_min=None)
    assert merged(a_slice(nowhere, run_no=1), chunk=of(a_slice(nowhere)), setting=setting).chunk is None


def test_offset_brings_the_value_as_sent_in_its_own_unit_and_leaves_the_context() -> None:
    in_pounds = a_run(offset_min=None, extras={0: {"sent": 154.32, "context": {"clothes": True}}})
    in_kilograms = a_run(extras={0: {"sent": 70.0004}})
    setting = SETTING._replace(offsetless_runs=frozenset([0]))
    result = merged(a_slice(in_kilograms, run_no=1), chunk=of(a_slice(in_pounds)), setting=setting)
    assert decode_rows(result.chunk or {}, T0)[T0, 0].extra == {"o": 70.0004, "c": {"clothes": True}}


@pytest.mark.parametrize(("count", "refused"), [(99, 0), (100, 0), (101, 1)])
@pytest.mark.parametrize("is_sorted", [True, False])
def test_chunk_past_its_cap_refuses_the_excess(count: int, refused: int, is_sorted: bool) -> None:
    t = [T0 + i for i in range(count)]
    result = merged(a_slice(a_run(t if is_sorted else t[::-1])))
    assert counts(result) == (count - refused, 0, 0, refused)
    assert [one.refused for one in result.outcomes] == [[(i, TOO_DENSE) for i in range(100, count)]]


def test_full_chunk_still_knows_duplicates_and_takes_corrections() -> None:
    full = of(a_slice(a_run(range(T0, T0 + 100))))
    result = merged(a_slice(a_run([T0, T0 + 1, T0 + 200], [720, 800, 720])), chunk=full)
    assert counts(result) == (0, 1, 1, 1)


@pytest.mark.parametrize("is_sorted", [True, False])
def test_contexts_past_their_weight_are_refused_and_plain_numbers_taken(is_sorted: bool) -> None:
    texts = dict.fromkeys("abcdefgh", "x" * 250)
    instants = list(range(T0, T0 + 60))
    run = a_run(instants if is_sorted else instants[::-1], extras={i: {"context": texts} for i in range(59)})
    result = merged(a_slice(run))
    stored, _, _, refused = counts(result)
    assert (stored + refused, 40 < stored < 50) == (60, True)
    assert len(encode(result.chunk or {})) < SETTING.extras_bytes + 1_000
    assert 59 not in [index for index, _ in result.outcomes[0].refused]


def test_correction_past_the_weight_is_refused_and_the_old_value_stays() -> None:
    heavy = dict.fromkeys("abcdefgh", "x" * 250)
    result = merged(contextual(heavy), chunk=of(a_slice()), setting=SETTING._replace(extras_bytes=1_000))
    assert (result.chunk, result.outcomes[0].refused, result.revisions) == (None, [(0, TOO_DENSE)], [])


@pytest.mark.parametrize(("past", "refused"), [(HISTORY_CAP - 1, 0), (HISTORY_CAP, 1), (HISTORY_CAP + 1, 1)])
def test_history_has_an_end(past: int, refused: int) -> None:
    history = [{"t": T0, "q": 0, "v": [["", 1]], "r": 0, "by": T0}] * past
    setting = SETTING._replace(history=history)
    result = merged(a_slice(a_run(value=800)), chunk=of(a_slice()), setting=setting)
    assert [one.refused for one in result.outcomes] == [[(0, TOO_OFTEN_CORRECTED)] * refused]


def test_history_of_heavy_revisions_ends_at_its_weight() -> None:
    line = {"t": T0, "q": 0, "v": [], "r": 0, "by": T0, "x": {"v": {"values": [1] * 60_000}}}
    setting = SETTING._replace(history=[line] * (HISTORY_BYTES // len(encode(line)) + 1))
    result = merged(a_slice(a_run(value=800)), chunk=of(a_slice()), setting=setting)
    assert [one.refused for one in result.outcomes] == [[(0, TOO_OFTEN_CORRECTED)]]


def test_seq_tells_readings_of_one_instant_apart() -> None:
    result = merged(a_slice(a_run([T0, T0], [720, 730], seq=[1, 0])), a_slice(a_run(value=730)))
    assert counts(result) == (2, 1, 0, 0)
    assert list(decode_rows(result.chunk or {}, T0)) == [(T0, 0), (T0, 1)]


def test_rows_come_back_whatever_they_hold() -> None:
    extras = {0: {name: {"k": name} for name in EXTRA_KEYS}}
    rows = decode_rows(of(a_slice(a_run([T0 + 9, T0], [None, 3], seq=[0, 7], extras=extras), run_no=4)), T0)
    assert decode_rows(encode_rows(rows, T0), T0) == rows
    assert set(rows[T0 + 9, 0].extra or {}) == set(EXTRA_KEYS.values())
