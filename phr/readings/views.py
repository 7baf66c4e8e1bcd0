"""The days and months of a lane as somebody sees them, all sources merged or one alone, kept so that a life opens fast.

Collection ``views``, a document a local year and view (``_id`` person:metric:year:source, "" for all of them):
    e       epoch: raised whenever something of the year was folded      p, m  person, metric      w  the view
    ranks   [source, rank] of each, as it was ranked                     groups  the sources of a row, by its ``who``
    days     of: component keys, s: columns (phr.readings.matrix) of at, n, covered, who, components
    months   of: the same, r: the same in rows of w int64, which of many years are read at once

What is kept is a memory and no truth: it is made from slices and summaries when somebody asks, and forgotten when they
change or somebody ranks anew. Who makes it read the epoch before all else and stores it only at that epoch, so what
was made of older summaries is never kept. Days that are behind (``dirty``) are not to be taken from here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

import numpy as np
from pymongo import UpdateOne, WriteConcern

from phr.database import Document, write_new
from phr.readings import kept_slices, matrix, merging, periods, slices
from phr.readings.columns import IntArray
from phr.readings.kept_slices import Wanted
from phr.readings.periods import Periods
from phr.readings.raw import Lane
from phr.readings.slices import is_dense
from phr.readings.summaries import kept_days, to_date, to_day
from phr.readings.sums import Sums
from phr.readings.track import Track

Part = Literal["days", "months"]
_DATA: dict[Part, str] = {"days": "s", "months": "r"}
_ALL = ""  # the view of all sources
_CHEAP = WriteConcern(w=1, j=False)  # lost in a crash, it is made again


def read(track: Track, first: int, last: int, part: Part) -> Periods:
    """The days, or the months by their first days, of the local years that the days from first to last lie in."""
    years = range(to_date(first).year, to_date(last).year + 1)
    known = _known(track, years, part)
    missing = {year for year in years if not _is_valid(known.get(year), track, part)}
    made = _made(track, sorted(missing), known) if missing else {}
    valid = [known[year] for year in years if year not in missing]
    found = [_days(one) for one in valid] if part == "days" else _months(valid)
    return periods.in_order(periods.joined([*found, *(one[part] for _, one in sorted(made.items()))]))


def forget(lane: Lane, device: str, days: Iterable[int]) -> None:
    """Whatever was made of summaries that have changed: of these days, and of those that share a segment with them."""
    pad = merging.pad(lane.metric)
    years = {to_date(day + shift).year for day in days for shift in (-pad, pad)}
    writes = [_forgetting(lane, year, view) for year in sorted(years) for view in (_ALL, device)]
    lane.database.views.bulk_write(writes, ordered=False)


def _forgetting(lane: Lane, year: int, view: str) -> UpdateOne:
    key = f"{lane.prefix}:{year:04}:{view}"
    gone = {"days": "", "months": "", "ranks": "", "groups": ""}
    new = {"p": lane.person, "m": lane.metric.key, "y": year, "w": view}
    return UpdateOne({"_id": key}, {"$inc": {"e": 1}, "$unset": gone, "$setOnInsert": new}, upsert=True)


def _known(track: Track, years: Sequence[int], part: Part) -> dict[int, Document]:
    keys = [f"{track.lane.prefix}:{year:04}:{track.source or _ALL}" for year in years]
    fields = {"e": 1, "y": 1, "ranks": 1, "groups": 1, part: 1}
    rows = track.lane.database.views.find({"_id": {"$in": keys}}, fields, batch_size=1_000)
    return {row["y"]: row for row in rows}


def _is_valid(document: Document | None, track: Track, part: Part) -> bool:
    if document is None or _DATA[part] not in document.get(part, {}):  # never made, forgotten, or in an earlier form
        return False
    return all(track.ranking.rank(source) == rank for source, rank in document["ranks"])


def _made(track: Track, years: Sequence[int], known: dict[int, Document]) -> dict[int, dict[Part, Periods]]:
    """The views of those of the years that have summaries, stored where nobody has folded meanwhile."""
    made: dict[int, dict[Part, Periods]] = {}
    writes = []
    for year in _with_summaries(track, years):
        days, ranks = _days_of(track, year)
        made[year] = {"days": days, "months": periods.together(periods.month_starts(days.at), days)}
        writes.append(_writing(track, year, known.get(year), made[year], ranks))
    if writes:
        write_new(track.lane.database.views.with_options(write_concern=_CHEAP), writes)
    return made


def _with_summaries(track: Track, years: Sequence[int]) -> list[int]:
    lane = track.lane
    within = {"$gte": f"{lane.prefix}:{min(years):04}:", "$lt": f"{lane.prefix}:{max(years):04};"}  # ';' follows ':'
    query: Document = {"_id": within} | ({} if track.source is None else {"d": track.source})
    return sorted({row["y"] for row in lane.database.summaries.find(query, {"y": 1}, batch_size=1_000)} & set(years))


def _days_of(track: Track, year: int) -> tuple[Periods, list[list[object]]]:
    """Whatever is dirty, and how the sources of which they were made were ranked."""
    first, last = to_day(date(year, 1, 1)), to_day(date(year, 12, 31))
    if is_dense(track.lane.metric):
        wanted = Wanted(max(first - track.pad, to_day(date.min)), min(last + track.pad, to_day(date.max)), track.source)
        found = slices.joined(list(kept_slices.stored(track.lane, wanted)))
        whole = merging.days(track.lane.metric, found.part(merging.chosen(track.lane.metric, found, track.ranking)))
        days, sources = whole.part((whole.at >= first) & (whole.at <= last)), found.devices
    else:
        lines = track.own(kept_days(track.lane, first, last))
        days = merging.of_lines(track.lane.metric, lines, track.ranking)
        sources = tuple(sorted({line.device for line in lines}))
    is_ranked = not track.is_merged
    return days, [[source, track.ranking.rank(source)] for source in sources if is_ranked]


def _writing(
    track: Track, year: int, old: Document | None, made: dict[Part, Periods], ranks: list[list[object]]
) -> UpdateOne:
    lane, view = track.lane, track.source or _ALL
    days, months = made["days"], made["months"]
    groups = [list(group) for group in months.groups]  # those of the days come first, in their order
    fields = {"ranks": ranks, "groups": groups, "days": _packed_days(days), "months": _packed_months(months)}
    new = {"p": lane.person, "m": lane.metric.key, "y": year, "w": view}
    key = {"_id": f"{lane.prefix}:{year:04}:{view}", "e": old["e"] if old else 0}
    return UpdateOne(key, {"$set": fields, "$setOnInsert": new}, upsert=old is None)


def _columns(found: Periods) -> tuple[list[str], list[IntArray]]:
    keys = sorted(found.sums.columns)
    rows = [row for key in keys for row in found.sums.columns[key]]
    return keys, [found.at, found.sums.n, found.covered, found.who, *rows]


def _packed_days(found: Periods) -> Document:
    keys, columns = _columns(found)
    return {"of": keys, "s": matrix.pack(columns)}


def _packed_months(found: Periods) -> Document:
    keys, columns = _columns(found)
    return {"of": keys, "w": len(columns), "r": np.column_stack(columns).astype("<i8").tobytes()}


def _days(document: Document) -> Periods:
    return _periods(document["days"]["of"], matrix.unpack(document["days"]["s"]), document["groups"])


def _months(documents: Iterable[Document]) -> list[Periods]:
    """Those of years that have the same components and sources come in one piece, as most of a life do."""
    alike: dict[tuple[tuple[str, ...], int, tuple[periods.Group, ...]], list[bytes]] = defaultdict(list)
    for document in documents:
        months = document["months"]
        alike[tuple(months["of"]), months["w"], tuple(map(tuple, document["groups"]))].append(months["r"])
    found = []
    for (keys, width, groups), rows in alike.items():
        columns = np.ascontiguousarray(np.frombuffer(b"".join(rows), "<i8").reshape(-1, width).T)
        found.append(_periods(keys, list(columns), groups))
    return found


def _periods(keys: Sequence[str], columns: Sequence[IntArray], groups: Iterable[Iterable[str]]) -> Periods:
    at, n, covered, who, *rows = columns
    height = len(rows) // len(keys) if keys else 0
    by_key = {key: np.stack(rows[place * height : (place + 1) * height]) for place, key in enumerate(keys)}
    return Periods(at, None, Sums(n, by_key), covered, who, tuple(tuple(group) for group in groups))
