"""Reading a file ahead of its being taken in, so that neither the file nor the database is waited for."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items, each made by a thread of its own while the one before it is used; never more than one ahead.

    Raises what ``items`` raises, after all that came before it. Close it, so that nothing reads on.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as reader:
        coming = reader.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = reader.submit(next, items, _END)
            yield item  # type: ignore[misc] # what is not the end is an item
