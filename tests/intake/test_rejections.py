"""What could not be taken, kept within a budget."""

from dataclasses import replace

import pytest

from phr.database import Database
from phr.errors import InputInvalid
from phr.intake import rejections
from phr.intake.rejections import RejectedPayload
from phr.vocabulary.reading import Rejection
from tests.cast import T0

WHY = Rejection("/readings/0/value", "value-invalid", "not a number")
ONE = RejectedPayload("acme", "acme/cuff-1", "phr/v1/acme/cuff-1/readings", b"{}", (WHY,), T0)


def numbered(n: int, size: int = 10) -> RejectedPayload:
    return replace(ONE, payload=str(n).encode().rjust(size, b"."), received_at_ms=T0 + n)


def test_same_payload_is_one_row(database: Database) -> None:
    assert [rejections.reject(database, [ONE, ONE]), rejections.reject(database, [ONE])] == [1, 0]


@pytest.mark.parametrize(("length", "kept"), [(4095, 4095), (4096, 4096), (4097, 4096)])
def test_payload_is_kept_up_to_four_kibibytes(database: Database, length: int, kept: int) -> None:
    rejections.reject(database, [replace(ONE, payload=b"\xff" * length)])
    row = rejections.recent(database, "acme", 1).rows[0]
    assert (len(row.payload), row.payload_bytes) == (kept, length)


def test_at_most_a_hundred_rejections_are_listed_and_all_are_counted(database: Database) -> None:
    rejections.reject(database, [replace(ONE, rejections=(replace(WHY, count=3),) * 101)])
    row = rejections.recent(database, "acme", 1).rows[0]
    assert (len(row.rejections), row.rejected_count) == (100, 303)


def test_beyond_the_budget_payloads_are_counted_and_one_in_a_hundred_is_kept(database: Database) -> None:
    kept = rejections.reject(database, [numbered(n, 1000) for n in range(500)], day_budget_bytes=50_000)
    assert 40 < kept < 70
    assert rejections.counted(database, "acme", "2026-11-22") == 500 - kept


def test_budget_is_a_vendors_own(database: Database) -> None:
    rejections.reject(database, [numbered(n, 1000) for n in range(50)], day_budget_bytes=10_000)
    assert rejections.reject(database, [replace(ONE, vendor="other", topic="other")], day_budget_bytes=10_000) == 1


def test_pages_give_every_row_once_latest_first(database: Database) -> None:
    rejections.reject(database, [replace(numbered(n), received_at_ms=T0 + n // 2) for n in range(7)])
    seen, cursor = [], None
    while True:
        page = rejections.recent(database, "acme", 2, cursor)
        seen += page.rows
        if (cursor := page.next_cursor) is None:
            break
    assert len({row.id for row in seen}) == 7
    assert [row.received_at_ms for row in seen] == sorted((row.received_at_ms for row in seen), reverse=True)


@pytest.mark.parametrize("cursor", ["", "x", "1.2", f"-1.{'a' * 64}"])
def test_cursor_of_no_list_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(InputInvalid):
        rejections.recent(database, "acme", 1, cursor)


@pytest.mark.parametrize(
    ("payload", "excerpt"),
    [
        (b"", ""),
        (b'{"a":\t1}\n', '{"a":·1}·'),
        ("体温".encode(), "体温"),
        (b"\xff\x00a", "\ufffd·a"),
        (b"a" * 199, "a" * 199),
        (b"a" * 200, "a" * 200),
        (b"a" * 201, "a" * 200),
        ("值".encode() * 201, "值" * 200),
    ],
)
def test_excerpt_is_short_and_can_be_printed(database: Database, payload: bytes, excerpt: str) -> None:
    rejections.reject(database, [replace(ONE, payload=payload)])
    assert rejections.recent(database, "acme", 1).rows[0].excerpt == excerpt
