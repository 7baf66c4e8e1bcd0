"""Open mHealth and IEEE 1752.1 data points: one, an array of them, or one a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from phr.formats import openmhealth
from phr.interchange.formats import Batch, Wish
from phr.interchange.json_items import payloads

NAME = "openmhealth"
SUFFIXES = (".omh.json", ".omh.ndjson")


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    return payloads(file, wish, openmhealth.decode)
