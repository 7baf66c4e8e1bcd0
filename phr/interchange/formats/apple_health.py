"""Apple Health: ``export.xml``, or the ``export.zip`` that the Health app shares, read as a stream.

Records become readings by the HealthKit names in metrics.toml. A blood pressure stands in a Correlation and once more
as two Records: it is taken once. Day totals (ActivitySummary) are never added to samples; workouts, routes and what no
metric keeps are counted as refused. Source: the DTD inside each export, and
developer.apple.com/documentation/healthkit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from phr.interchange import archives, xml_stream
from phr.interchange.apple_records import Records
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import RECORDS_A_BATCH

NAME = "apple-health"
SUFFIXES = ("export.xml", "export.zip", "导出.xml", "导出.zip")
_HEAD_BYTES = 64 * 1024


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Batches of about RECORDS_A_BATCH records. Raises FileBroken."""
    with _opened(file) as stream:
        records = Records(wish.salt)
        for _ in xml_stream.feed(stream, records.start):
            if records.count >= RECORDS_A_BATCH:
                yield records.give_out(is_last=False)
        if not records.is_export:
            raise FileBroken("not an Apple Health export: no HealthData in it")
        yield records.give_out(is_last=True)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[BinaryIO]:
    if not archives.is_zip(file):
        yield file
        return
    with archives.opened(file) as archive:
        # Its name is translated; the clinical document beside it is another one.
        for one in archives.members(archive, lambda name: name.lower().endswith(".xml") and name.count("/") <= 1):
            with archives.open_member(archive, one) as stream:
                is_it = b"<HealthData" in stream.read(_HEAD_BYTES)
            if is_it:
                with archives.open_member(archive, one) as stream:
                    yield stream
                return
        raise FileBroken("not an Apple Health export: no export.xml in the archive")
