"""Columns of integers as bytes: the smallest width that holds them, powers of ten divided out.

Two header bytes: the array type code (b, h, i or q) and the power of ten; then the integers, little-endian. An absent
value is the smallest integer of its width. Heart rate kept to a hundredth but sent in whole beats takes a byte a value.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate
from math import gcd
from operator import sub

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

_LIMITS = {code: (1 << (8 * array(code).itemsize - 1)) - 1 for code in "bhiq"}
_DTYPES = {code: np.dtype(f"<i{array(code).itemsize}") for code in "bhiq"}
_HEAD_BYTES = 2
_TENS = ((1000, 3), (100, 2), (10, 1))
ABSENT = np.iinfo(np.int64).min

if sys.byteorder != "little":  # array writes machine order, and what is on disk must not depend on the machine
    raise RuntimeError("phr keeps its columns little-endian and is not ported to big-endian machines")


def pack(values: Sequence[int | None]) -> bytes:
    """The bytes of a column. Raises OverflowError beyond 64 bits."""
    present: Sequence[int] = [value for value in values if value is not None] if None in values else values  # type: ignore[assignment]
    divisor, power = _common_ten(present)
    low, high = (min(present) // divisor, max(present) // divisor) if present else (0, 0)
    for code, limit in _LIMITS.items():
        if -limit <= low and high <= limit:
            return bytes((ord(code), power)) + _packed(values, code, divisor)
    raise OverflowError("a column value does not fit into 64 bits")


def unpack(data: bytes) -> IntArray:
    """The integers of a column, absent ones as ABSENT."""
    return _values(data[:_HEAD_BYTES], np.frombuffer(data, _DTYPES[chr(data[0])], offset=_HEAD_BYTES))


def unpack_many(columns: Sequence[bytes]) -> tuple[IntArray, IntArray]:
    """As ``unpack``, of many columns one after the other, and how many integers each has."""
    heads = [column[:_HEAD_BYTES] for column in columns]
    kinds = {head: number for number, head in enumerate(dict.fromkeys(heads))}
    kind = np.array([kinds[head] for head in heads], np.int64)
    width = np.array([_DTYPES[chr(head[0])].itemsize for head in kinds], np.int64)
    sizes = (np.array([len(column) for column in columns], np.int64) - _HEAD_BYTES) // width[kind]
    parts: dict[bytes, list[bytes]] = {head: [] for head in kinds}
    for head, column in zip(heads, columns, strict=True):
        parts[head].append(column[_HEAD_BYTES:])
    found = {head: _values(head, np.frombuffer(b"".join(part), _DTYPES[chr(head[0])])) for head, part in parts.items()}
    if len(found) == 1:
        return found[heads[0]], sizes
    whole, of = np.empty(int(sizes.sum()), np.int64), np.repeat(kind, sizes)
    for head, number in kinds.items():
        whole[of == number] = found[head]
    return whole, sizes


def unpack_list(data: bytes) -> list[int | None]:
    """The integers of a column as Python numbers, absent ones as None."""
    code, power = chr(data[0]), data[1]
    stored = array(code, data[2:]).tolist()
    lowest, factor = -_LIMITS[code] - 1, 10**power
    if lowest in stored:
        return [None if value == lowest else value * factor for value in stored]
    return [value * factor for value in stored] if power else list(stored)


def extended(data: bytes, values: Sequence[int | None]) -> bytes:
    """``pack(unpack(data) + values)``, without decoding where the new values fit the width and power that are there."""
    code, divisor = chr(data[0]), 10 ** data[1]
    limit = _LIMITS[code] * divisor
    if None not in values:
        numbers: Sequence[int] = values  # type: ignore[assignment]
        if -limit <= min(numbers) and max(numbers) <= limit and gcd(*numbers) % divisor == 0:
            return data + _packed(values, code, divisor)
    return pack([*unpack_list(data), *values])


def pack_increasing(values: Sequence[int]) -> bytes:
    """The bytes of an increasing column, kept as its first value and its steps."""
    return pack([values[0], *map(sub, values[1:], values)])


def extended_increasing(data: bytes, last: int, values: Sequence[int]) -> bytes:
    """An increasing column with more values after its ``last``."""
    return extended(data, [values[0] - last, *map(sub, values[1:], values)])


def unpack_increasing(data: bytes) -> IntArray:
    return np.cumsum(unpack(data))


def unpack_increasing_many(columns: Sequence[bytes]) -> tuple[IntArray, IntArray]:
    """As ``unpack_many``, of increasing columns that are not empty."""
    steps, sizes = unpack_many(columns)
    sums, starts = np.cumsum(steps), np.cumsum(sizes) - sizes
    return sums - np.repeat(sums[starts] - steps[starts], sizes), sizes


def unpack_increasing_list(data: bytes) -> list[int]:
    return list(accumulate(unpack_list(data)))  # type: ignore[arg-type]


def _values(head: bytes, stored: npt.NDArray[np.signedinteger]) -> IntArray:
    code, power = chr(head[0]), head[1]
    values = stored.astype(np.int64)
    if power:
        values *= 10**power
    lowest = -_LIMITS[code] - 1
    if stored.size and stored.min() == lowest:
        values[stored == lowest] = ABSENT
    return values


def _common_ten(values: Sequence[int]) -> tuple[int, int]:
    common = gcd(*values)  # zero for zeros only, which every power divides
    for divisor, power in _TENS:
        if common % divisor == 0:
            return divisor, power
    return 1, 0


def _packed(values: Sequence[int | None], code: str, divisor: int) -> bytes:
    lowest = -_LIMITS[code] - 1
    if None in values:
        return array(code, [lowest if v is None else v // divisor for v in values]).tobytes()
    if divisor == 1:
        return array(code, values).tobytes()  # type: ignore[type-var]
    return array(code, [v // divisor for v in values]).tobytes()  # type: ignore[operator]
