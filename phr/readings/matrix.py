"""Columns of integers in one binary field: read without a Python object for each number.

k  rows        f  a code for each column: b, h, i, q (width), or = (all rows alike)        c  their bytes in a row
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phr.database import Document
from phr.readings.columns import IntArray

_WIDTHS = {code: np.dtype(f"<i{size}") for code, size in (("b", 1), ("h", 2), ("i", 4), ("q", 8))}
_ALIKE = "="


def pack(columns: Sequence[IntArray]) -> Document:
    """Columns of equal length, each in the smallest width that holds it."""
    codes = [_code(column) for column in columns]
    parts = [_bytes(column, code) for column, code in zip(columns, codes, strict=True)]
    return {"k": int(columns[0].size), "f": "".join(codes), "c": b"".join(parts)}


def unpack(packed: Document) -> list[IntArray]:
    size, data, at = packed["k"], packed["c"], 0
    columns: list[IntArray] = []
    for code in packed["f"]:
        width = _WIDTHS["q" if code == _ALIKE else code]
        count = 1 if code == _ALIKE else size
        column = np.frombuffer(data, width, count, at)
        at += count * width.itemsize
        columns.append(np.full(size, column[0], np.int64) if code == _ALIKE else column.astype(np.int64))
    return columns


def _code(column: IntArray) -> str:
    if not column.size:
        return "b"
    low, high = int(column.min()), int(column.max())
    if low == high:
        return _ALIKE
    return next(code for code, width in _WIDTHS.items() if np.iinfo(width).min <= low and high <= np.iinfo(width).max)


def _bytes(column: IntArray, code: str) -> bytes:
    return column[:1].astype(_WIDTHS["q"]).tobytes() if code == _ALIKE else column.astype(_WIDTHS[code]).tobytes()
