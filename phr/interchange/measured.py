"""What an export that shows a record goes through, part by part: of each metric all that stands, and the entries."""

from __future__ import annotations

from collections.abc import Iterator

from phr.errors import InputInvalid
from phr.interchange.exporters import Asked
from phr.people import people
from phr.readings import raw_page
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.track import Track
from phr.timeline import listing
from phr.timeline.categories import all_categories
from phr.timeline.entry import Entry
from phr.timeline.listing import Filter
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Sight

PAGE = 200
EVER_MS = (-(2**43), 2**43)


def lanes(asked: Asked) -> list[Lane]:
    """The metrics that were ever measured, or the one that is asked for. Raises NotFound, InputInvalid."""
    known = vocabulary().metrics
    if asked.metric is not None and asked.metric not in known:
        raise InputInvalid(f"no metric {asked.metric[:64]!r}", "/metric")
    person = people.require(asked.database, asked.person)
    there = asked.database.sources.distinct("m", {"p": asked.person})
    keys = sorted(key for key in there if key in known and asked.metric in (None, key))
    return [Lane(asked.database, asked.person, known[key], person.offset_min_at) for key in keys]


def rows_of(lane: Lane) -> Iterator[Rows]:
    """Every reading that stands, in order of time; what is in memory is one span of all its devices."""
    return raw_page.groups(Track(lane), EVER_MS)


def entries_of(asked: Asked) -> Iterator[Entry]:
    """Every entry as it is now that its owner does not hide, newest first; a page is in memory."""
    cursor = None
    while True:
        page = listing.page(asked.database, asked.person, Filter(sight=Sight.of(all_categories())), PAGE, cursor)
        yield from page.entries
        cursor = page.next_cursor
        if cursor is None:
            return
