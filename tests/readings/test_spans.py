"""How time is cut."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from phr.clock import to_ms
from phr.readings.raw import bucket_start_ms
from phr.readings.spans import SPANS, Span, bucket_id, bucket_start_text, local_day, possible_local_days
from phr.vocabulary.metric import Density
from tests.cast import T0
from tests.readings.builders import DAY_MS, HOUR_MS, MINUTE_MS

DOCUMENT_BYTES = 16 * 2**20
HISTORY_AND_NUMBERS = 5 * 2**20
spans = pytest.mark.parametrize("span", SPANS.values(), ids=list(SPANS))


def test_every_density_has_a_span() -> None:
    assert set(SPANS) == set(Density)


@spans
def test_chunks_fill_a_bucket_exactly(span: Span) -> None:
    assert span.bucket_ms % span.chunk_ms == 0


@spans
def test_extras_of_a_full_bucket_fit_into_a_document(span: Span) -> None:
    assert span.extras_bytes * (span.bucket_ms // span.chunk_ms) <= DOCUMENT_BYTES - HISTORY_AND_NUMBERS


def test_one_reading_a_second_fits() -> None:
    assert SPANS[Density.SECOND].cap >= SPANS[Density.SECOND].chunk_ms // 1000


@spans
@pytest.mark.parametrize("year", [999, 1899, 1970, 2026, 2999])
def test_bucket_id_gives_its_start_back(span: Span, year: int) -> None:
    start_ms = to_ms(datetime(year, 7, 1, 13, tzinfo=UTC)) // span.bucket_ms * span.bucket_ms
    assert bucket_start_ms(bucket_id("ana", "weight", start_ms, "acme/a:b:c")) == start_ms


def test_start_as_text_sorts_as_the_instant_does() -> None:
    starts = [to_ms(datetime(year, 1, 1, hour, tzinfo=UTC)) for year in (999, 1899, 1970, 2026) for hour in (0, 6, 18)]
    assert sorted(starts, key=bucket_start_text) == starts


@pytest.mark.parametrize(
    ("clock", "offset_min", "day"),
    [("23:59:59", 0, 23), ("16:00", 480, 24), ("15:59:59", 480, 23), ("09:59", 840, 23), ("10:00", 840, 24)],
)
def test_local_day_changes_at_local_midnight(clock: str, offset_min: int, day: int) -> None:
    t_ms = to_ms(datetime.fromisoformat(f"2026-11-23T{clock}+00:00"))
    assert local_day(t_ms, offset_min) == (date(2026, 11, day) - date(1970, 1, 1)).days


@pytest.mark.parametrize("t_ms", [T0, -1, 0, 10 * HOUR_MS, 10 * HOUR_MS - 1, 12 * HOUR_MS, 12 * HOUR_MS - 1])
def test_possible_days_are_those_of_every_offset_in_use(t_ms: int) -> None:
    of_offsets = {local_day(t_ms, offset_min) for offset_min in range(-720, 841, 15)}
    assert set(possible_local_days(t_ms)) == of_offsets
    assert (t_ms + 840 * MINUTE_MS) // DAY_MS == max(of_offsets)
