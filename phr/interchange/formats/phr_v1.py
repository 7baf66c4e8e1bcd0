"""The record's own payload, version 1 (docs/payload.md): one, an array of them, or one a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from phr.formats import phr_v1
from phr.interchange.formats import Batch, Wish
from phr.interchange.json_items import payloads

NAME = "phr-v1"
SUFFIXES = (".readings.json", ".readings.ndjson")


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    return payloads(file, wish, phr_v1.decode)
