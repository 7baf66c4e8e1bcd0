"""Instants: what states one, what doesn't, and whether it says where the person was."""

from __future__ import annotations

from typing import Any

import pytest

from phr.formats.building import EARLIEST_MS, LATEST_MS, ItemRefused, parse_time


@pytest.mark.parametrize(
    ("text", "t_ms", "offset_min"),
    [
        ("2026-11-23T07:30:00+08:00", 1_795_390_200_000, 480),
        ("2026-11-22T18:30:00-05:00", 1_795_390_200_000, -300),
        ("2026-11-23T05:15:00+05:45", 1_795_390_200_000, 345),
        ("2026-11-22T23:30:00+00:00", 1_795_390_200_000, 0),
        ("2026-11-22T23:30:00Z", 1_795_390_200_000, None),
        ("2026-11-22t23:30:00z", 1_795_390_200_000, None),
        ("2026-11-22 23:30:00Z", 1_795_390_200_000, None),
        ("2026-11-22T23:30:00-00:00", 1_795_390_200_000, None),
        ("2026-11-22T23:30:00.5Z", 1_795_390_200_500, None),
        ("2026-11-22T23:30:00.123999999Z", 1_795_390_200_123, None),
        (1_795_390_200_000, 1_795_390_200_000, None),
        (0, 0, None),
        (-1, -1, None),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000, None),
        ("2017-01-01T07:59:60+08:00", 1_483_228_800_000, 480),
        ("1899-12-31T23:59:59Z", -2_208_988_801_000, None),
        ("2999-01-01T00:00:00Z", 32_472_144_000_000, None),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000, None),
        (EARLIEST_MS, EARLIEST_MS, None),
        (LATEST_MS, LATEST_MS, None),
    ],
)
def test_an_instant_is_read_with_what_is_known_of_its_place(text: Any, t_ms: int, offset_min: int | None) -> None:
    assert parse_time(text, "/t") == (t_ms, offset_min)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "time-missing"),
        ("", "time-invalid"),
        ("2026-11-23T07:30:00", "time-invalid"),
        ("2026-11-23", "time-invalid"),
        ("2026-11-23T07:30+08:00", "time-invalid"),
        ("2026-11-23T07:30:00+0800", "time-invalid"),
        ("2026-11-23T07:30:00+24:00", "time-invalid"),
        ("2026-11-23T24:00:00Z", "time-invalid"),
        ("2026-11-23T07:60:00Z", "time-invalid"),
        ("2026-11-23T07:30:61Z", "time-invalid"),
        ("2026-11-23T07:30:00.1234567890Z", "time-invalid"),
        ("2026-02-29T00:00:00Z", "time-invalid"),
        ("2026-13-01T00:00:00Z", "time-invalid"),
        ("２０２６-11-23T07:30:00Z", "time-invalid"),
        ("2026-11-23T07:30:00Z\n", "time-invalid"),
        ("0000-01-01T00:00:00Z", "time-invalid"),
        ("10000-01-01T00:00:00Z", "time-invalid"),
        ("9999-12-31T23:59:60Z", "time-invalid"),
        ("yesterday", "time-invalid"),
        (1_795_390_200.5, "time-invalid"),
        (True, "time-invalid"),
        ([], "time-invalid"),
        (EARLIEST_MS - 1, "time-invalid"),
        (LATEST_MS + 1, "time-invalid"),
        (10**19, "time-invalid"),
    ],
)
def test_what_states_no_instant_is_refused(value: Any, code: str) -> None:
    with pytest.raises(ItemRefused) as refused:
        parse_time(value, "/t")
    assert (refused.value.code, refused.value.pointer) == (code, "/t")
