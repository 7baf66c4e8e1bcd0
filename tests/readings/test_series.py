"""Series against a naive model: whatever was sent, a row is what the raw readings of its period give."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from phr.clock import to_datetime, to_ms
from phr.database import Database
from phr.errors import InputInvalid
from phr.readings import folding, series, store, table
from phr.readings.local_time import Clock
from phr.readings.ranking import ALIKE, Ranking
from phr.readings.raw import Lane, OffsetAt
from phr.readings.raw_rows import Rows
from phr.readings.series import End, Wish
from phr.readings.store import Arrival
from phr.readings.track import Resolution
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from tests.readings.builders import DAY_MS, HOUR_MS, MINUTE_MS, a_lane, a_run, arriving

AUTUMN = to_ms(datetime(2026, 11, 1, 5, 30, tzinfo=UTC))  # 01:30 in New York, for the first time
APIA = to_ms(datetime(2011, 12, 30, 10, tzinfo=UTC))  # Apia goes from the 29th to the 31st
ZONES = ["America/New_York", "Pacific/Apia"]
OFFSETS = [None, None, -300, -240, 480, 840, -660, 345, 1_439]
PERIODS = [one for one in Resolution if one is not Resolution.RAW]
WORTH = ("zone", "coverage", "is_enough")
DENSE = ("heart-rate", "steps")  # one source an hour
_people = itertools.count()
rankings = st.lists(st.sampled_from(["acme/a", "acme/b", "best/c"]), unique=True).map(lambda own: Ranking(tuple(own)))

instants = st.builds(
    lambda about, steps, odd: about + steps * 30 * MINUTE_MS + odd,
    st.sampled_from([AUTUMN, APIA, AUTUMN + 30 * DAY_MS]),
    st.integers(-60, 60),
    st.sampled_from([0, 0, 1, -1]),
)
values = st.sampled_from([600, 615, 720])
lengths = st.sampled_from([None, 30 * MINUTE_MS, 9 * HOUR_MS, 31 * DAY_MS])
KINDS: dict[str, dict[str, st.SearchStrategy[int | None]]] = {
    "heart-rate": {"": values},  # one source a day
    "steps": {"": values, DURATION: st.sampled_from([None, HOUR_MS, HOUR_MS + 1, 12 * HOUR_MS, 24 * HOUR_MS])},
    "blood-pressure": {"systolic": values, "diastolic": values, "pulse": st.one_of(st.none(), values)},  # all sources
    "sleep-duration": {"": values, DURATION: lengths},  # on the day it ends
    "falls": {},
}


@dataclass(frozen=True)
class Told:
    """A delivery in few words, since hypothesis writes them all out."""

    device: str
    offset_min: int | None
    t: list[int]
    columns: dict[str, list[int | None]]

    def arrival(self, metric: str, person: str) -> Arrival:
        run = a_run(self.t, self.columns, metric, offset_min=self.offset_min)
        return arriving(run, device=self.device, person=person)


Life = tuple[str, str, "list[list[Told]]"]


@st.composite
def deliveries(draw: st.DrawFn, metric: str) -> Told:
    t = draw(st.lists(instants, min_size=1, max_size=12, unique=True))
    columns = {name: [draw(one) for _ in t] for name, one in KINDS[metric].items()}
    return Told(draw(st.sampled_from(["acme/a", "acme/b", "best/c"])), draw(st.sampled_from(OFFSETS)), t, columns)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A metric, a zone, and batches of deliveries in any order, some of them twice; an empty batch is a folding."""
    metric = draw(st.sampled_from(sorted(KINDS)))
    batches = draw(st.lists(st.lists(deliveries(metric), max_size=3), min_size=2, max_size=5))
    again = draw(st.lists(st.sampled_from(batches), max_size=2))
    return metric, draw(st.sampled_from(ZONES)), draw(st.permutations(batches + again))


bounded = settings(
    max_examples=20,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def lived(database: Database, life: Life) -> Lane:
    """The lane of a person of their own to whom all of it happened."""
    metric, zone, batches = life
    person = f"p{next(_people)}"
    lane = a_lane(database, metric, person, offsets_in(zone))
    for batch in batches:
        store.write(database, [told.arrival(metric, person) for told in batch])
        if not batch:
            folding.fold_some(database, vocabulary().metrics, lambda _: lane.offset_at, 10**15)
    return lane


@cache
def offsets_in(zone: str) -> OffsetAt:
    return lambda t_ms: offset_in(zone, t_ms)


clock_of = cache(Clock)  # a clock works a year's midnights out the first time it is asked


def offset_in(zone: str, t_ms: int) -> int:
    offset = to_datetime(t_ms).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def table_of(lane: Lane, ranking: Ranking = ALIKE, **wish: Any) -> list[dict[str, Any]]:
    """All rows, page after page, by column."""
    found, cursor = [], None
    while True:
        page = series.read(lane, Wish(**wish, cursor=cursor), lambda: ranking)
        if isinstance(page.found, Rows):
            columns = table.listed(table.of_readings(page.found, lane.metric, ("device", "seq"), page.counted))
            columns.setdefault("counted", [True] * len(columns["t"]))
        else:
            clock = clock_of(lane.offset_at)
            columns = table.listed(table.of_periods(page.found, lane.metric, clock, page.resolution, has_device=True))
        found += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        cursor = page.next_cursor
        if cursor is None:
            return found


class Naive:
    """Periods from raw rows, one row at a time, by the words of the contract."""

    def __init__(
        self, lane: Lane, raw: list[dict[str, Any]], source: str | None = None, ranking: Ranking = ALIKE
    ) -> None:
        self.metric = lane.metric
        self.ranking = ranking
        self.raw = [row for row in raw if source in (None, row["device"])]
        if not lane.metric.merge_sources and (lane.metric.key in DENSE or source is None):
            self.raw = self._counted()

    def rows(self, resolution: Resolution) -> dict[str, dict[str, Any]]:
        grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.raw:
            grouped[PERIOD_OF[resolution](self._named(row))].append(row)
        return {key: self._row(rows) for key, rows in grouped.items()}

    def _named(self, row: dict[str, Any]) -> datetime:
        """The local time that names the reading's day."""
        return datetime.fromisoformat(row["end" if self.metric.day_of == "end" else "t"])

    def _counted(self) -> list[dict[str, Any]]:
        """One source a segment; a day's total in place of its samples where its source ranks before all of theirs."""
        samples = [row for row in self.raw if not self._is_total(row)]
        counts = Counter((self._segment(row), row["device"]) for row in samples)
        kept = [row for row in samples if self._first(counts, self._segment(row)) == row["device"]]
        of_totals = Counter((self._named(row).date(), row["device"]) for row in self.raw if self._is_total(row))
        for day in {day for day, _ in of_totals}:
            winner = self._first(of_totals, day)
            sampling = [row["device"] for row in samples if self._named(row).date() == day]
            if all(self.ranking.rank(winner) < self.ranking.rank(device) for device in sampling):
                kept = [row for row in kept if self._named(row).date() != day]
                kept += [
                    row
                    for row in self.raw
                    if self._is_total(row) and self._named(row).date() == day and row["device"] == winner
                ]
        return sorted(kept, key=lambda row: (datetime.fromisoformat(row["t"]), row["device"]))

    def _first(self, counts: Counter[tuple[Any, str]], segment: Any) -> str:
        there = [device for one, device in counts if one == segment]
        return min(there, key=lambda device: (self.ranking.rank(device), -counts[segment, device], device))

    def _segment(self, row: dict[str, Any]) -> Any:
        named = self._named(row)
        return int(named.timestamp()) // 3_600 if self.metric.key in DENSE else named.date()

    def _is_total(self, row: dict[str, Any]) -> bool:
        if self.metric.key != "steps":
            return False
        begin, end = datetime.fromisoformat(row["t"]), datetime.fromisoformat(row["end"])
        is_midnight = begin.timetz().replace(tzinfo=None) == time()
        return end - begin > timedelta(hours=12) or (is_midnight and end - begin > timedelta(hours=1))

    def _row(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {"n": len(rows), "device": sorted({row["device"] for row in rows})}
        names = [part.key for part in self.metric.components] or (["value"] if "value" in rows[0] else [])
        for name in names if self.metric.summary != "count" else []:
            prefix = "" if name == "value" else f"{name}_"
            numbers = [row[name] for row in rows if row[name] is not None]
            total = sum(round(number * self.metric.scale) for number in numbers)
            of_all = {"sum": total / self.metric.scale, "mean": total / ((len(numbers) or 1) * self.metric.scale)}
            made[f"{prefix}min"], made[f"{prefix}max"] = (min(numbers), max(numbers)) if numbers else (None, None)
            made[prefix + self.metric.summary] = of_all[self.metric.summary] if numbers else None
        return made


PERIOD_OF: dict[Resolution, Callable[[datetime], str]] = {
    Resolution.HOUR: lambda at: at.replace(minute=0, second=0, microsecond=0).isoformat(),
    Resolution.DAY: lambda at: at.date().isoformat(),
    Resolution.WEEK: lambda at: (at.date() - timedelta(days=at.weekday())).isoformat(),
    Resolution.MONTH: lambda at: at.date().replace(day=1).isoformat(),
    Resolution.YEAR: lambda at: at.date().replace(month=1, day=1).isoformat(),
}


def by_period(rows: Iterable[dict[str, Any]], resolution: Resolution) -> dict[str, dict[str, Any]]:
    found = {}
    for row in rows:
        key = row["t"] if resolution is Resolution.HOUR else row["t"][:10]
        assert key not in found
        found[key] = {name: value for name, value in row.items() if name not in ("t", *WORTH)}
    return found


@bounded
@given(life=lives(), orders=st.lists(rankings, min_size=1, max_size=2))
def test_every_period_is_what_those_of_its_raw_readings_give_that_count(
    database: Database, life: Any, orders: list[Ranking]
) -> None:
    lane = lived(database, life)
    for ranking in orders:
        raw = table_of(lane, ranking, resolution=Resolution.RAW)
        naive = Naive(lane, raw, None, ranking)
        assert [row for row in raw if row["counted"]] == naive.raw
        for resolution in PERIODS:
            assert by_period(table_of(lane, ranking, resolution=resolution), resolution) == naive.rows(resolution)


@bounded
@given(life=lives(), source=st.sampled_from(["acme/a", "best/c"]))
def test_one_source_is_counted_alone(database: Database, life: Any, source: str) -> None:
    lane = lived(database, life)
    naive = Naive(lane, table_of(lane, resolution=Resolution.RAW), source)
    for resolution in PERIODS:
        assert by_period(table_of(lane, resolution=resolution, source=source), resolution) == naive.rows(resolution)


@bounded
@given(life=lives(), limit=st.integers(1, 3), resolution=st.sampled_from(list(Resolution)))
def test_pages_of_any_size_give_every_row_once(
    database: Database, life: Any, limit: int, resolution: Resolution
) -> None:
    lane = lived(database, life)
    whole = table_of(lane, resolution=resolution)
    paged = table_of(lane, resolution=resolution, limit=limit)
    same = ("t", "n", "device", "seq", "value")
    assert [[row.get(name) for name in same] for row in paged] == [[row.get(name) for name in same] for row in whole]


@bounded
@given(life=lives(), most=st.sampled_from([1, 3, 10, 30]), first=instants, last=instants)
def test_auto_takes_the_finest_that_stays_within(
    database: Database, life: Any, most: int, first: int, last: int
) -> None:
    lane = lived(database, life)
    span = {"start": End(min(first, last)), "end": End(max(first, last))}
    page = series.read(lane, Wish(**span, max_points=most))
    sizes = {one: len(table_of(lane, **span, resolution=one)) for one in Resolution}
    fits = [one for one in Resolution if sizes[one] <= most] or [Resolution.YEAR]
    # Of hours only their greatest possible number is known without counting them.
    assert page.resolution == fits[0] or (fits[0] is Resolution.HOUR and page.resolution == fits[1])


@bounded
@given(life=lives(), first=instants, last=instants)
def test_raw_span_takes_its_beginning_and_not_its_end(database: Database, life: Any, first: int, last: int) -> None:
    lane = lived(database, life)
    low, high = sorted((first, last))
    everything = table_of(lane, resolution=Resolution.RAW)
    inside = [row for row in everything if low <= to_ms(datetime.fromisoformat(row["t"])) < high]
    found = table_of(lane, resolution=Resolution.RAW, start=End(low), end=End(high))
    assert [(row["t"], row["device"], row["seq"]) for row in found] == [
        (row["t"], row["device"], row["seq"]) for row in inside
    ]


def stored(database: Database, *arrivals: Arrival) -> None:
    store.write(database, list(arrivals))


def new_york(t_ms: int) -> int:
    return offset_in("America/New_York", t_ms)


def test_hour_that_the_clocks_repeat_is_two_rows(database: Database) -> None:
    stored(database, arriving(a_run([AUTUMN, AUTUMN + HOUR_MS], [600, 700], offset_min=None)))
    rows = table_of(a_lane(database, zone=new_york), resolution=Resolution.HOUR)
    assert [(row["t"], row["n"], row["mean"]) for row in rows] == [
        ("2026-11-01T01:00:00-04:00", 1, 60.0),
        ("2026-11-01T01:00:00-05:00", 1, 70.0),
    ]


def test_raw_time_without_an_offset_is_written_as_the_persons_clock_was(database: Database) -> None:
    stored(database, arriving(a_run([AUTUMN, AUTUMN + HOUR_MS + 7], [600, 700], offset_min=None)))
    rows = table_of(a_lane(database, zone=new_york), resolution=Resolution.RAW)
    assert [row["t"] for row in rows] == ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00.007-05:00"]


@pytest.mark.parametrize(
    ("zone", "day", "text"),
    [
        ("America/New_York", date(2026, 11, 1), "2026-11-01T00:00:00-04:00"),
        ("America/New_York", date(2026, 11, 2), "2026-11-02T00:00:00-05:00"),
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-29T00:00:00-10:00"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T00:00:00-10:00"),  # nobody lived it
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-31T00:00:00+14:00"),
        ("America/Havana", date(2026, 3, 8), "2026-03-08T00:00:00-05:00"),  # midnight is skipped
        ("America/Havana", date(2026, 11, 1), "2026-11-01T00:00:00-04:00"),
        ("America/Sao_Paulo", date(2018, 2, 18), "2018-02-18T00:00:00-03:00"),  # 23 o'clock of the day before is twice
    ],
)
def test_midnight_is_the_persons_first_one(zone: str, day: date, text: str) -> None:
    clock = Clock(lambda t_ms: offset_in(zone, t_ms))
    assert clock.midnight((day - date(1970, 1, 1)).days) == text


def test_source_with_most_readings_is_the_days_and_ties_go_by_name(database: Database) -> None:
    steps = [a_run([DAY_MS * i + HOUR_MS, DAY_MS * i + 2 * HOUR_MS], [10, 20], "sodium-intake") for i in (1, 2)]
    more = a_run([DAY_MS + HOUR_MS * i for i in range(3)], [5, 5, 5], "sodium-intake")
    stored(database, *(arriving(run, device="acme/b") for run in steps))
    stored(database, arriving(more, device="acme/c"), arriving(steps[1], device="acme/a"))
    rows = table_of(a_lane(database, "sodium-intake"), resolution=Resolution.DAY)
    assert [(row["n"], row["sum"], row["device"]) for row in rows] == [(3, 15, ["acme/c"]), (2, 30, ["acme/a"])]
    assert [row["sum"] for row in table_of(a_lane(database, "sodium-intake"), resolution=Resolution.MONTH)] == [45]


def test_last_is_the_latest_of_all_sources(database: Database) -> None:
    stored(database, arriving(a_run([1_000, 3_000], [5_00, 7_00], "hba1c"), device="acme/b"))
    stored(database, arriving(a_run(2_000, 9_00, "hba1c"), device="acme/a"))
    rows = table_of(a_lane(database, "hba1c"), resolution=Resolution.DAY)
    assert [(row["n"], row["min"], row["max"], row["last"]) for row in rows] == [(3, 5.0, 9.0, 7.0)]


def test_reading_that_lands_before_the_cursor_changes_no_later_page(database: Database) -> None:
    lane = a_lane(database)
    stored(database, arriving(a_run(range(0, 5_000, 1_000), 600)))
    first = series.read(lane, Wish(resolution=Resolution.RAW, limit=2))
    stored(database, arriving(a_run([500, 700], 600), device="acme/a"))
    second = series.read(lane, Wish(resolution=Resolution.RAW, limit=9, cursor=first.next_cursor))
    assert isinstance(second.found, Rows)
    assert second.found.t.tolist() == [2_000, 3_000, 4_000]


def test_cursor_of_another_person_is_refused(database: Database) -> None:
    stored(database, arriving(a_run([0, 1_000], 600)))
    page = series.read(a_lane(database), Wish(resolution=Resolution.RAW, limit=1))
    with pytest.raises(InputInvalid, match="another"):
        series.read(a_lane(database, person="bob"), Wish(resolution=Resolution.RAW, cursor=page.next_cursor))


def test_lifetime_is_not_counted_day_by_day(database: Database) -> None:
    noons = range(0, 5_000 * DAY_MS, DAY_MS)
    stored(database, arriving(a_run(noons, 60_000, "weight")))
    lane = a_lane(database, "weight")
    assert [series.read(lane, Wish(max_points=n)).resolution for n in (5_000, 4_999, 719, 718, 165, 164)] == [
        *(
            "raw",
            "week",
            "week",
            "month",
            "month",
            "year",
        ),  # all weeks of a month, and those of the ends, may have some
    ]


def test_auto_counts_the_week_that_reaches_out_of_the_span(database: Database) -> None:
    monday = 4 * DAY_MS
    stored(
        database,
        arriving(a_run([monday, monday + 5 * DAY_MS, monday + 7 * DAY_MS, monday + 8 * DAY_MS], 60_000, "weight")),
    )
    span = {"start": End(monday + 6 * DAY_MS), "end": End(monday + 10 * DAY_MS)}
    assert series.read(a_lane(database, "weight"), Wish(**span, max_points=1)).resolution == "month"


def test_years_and_weeks_are_read_by_their_index(database: Database) -> None:
    stored(database, arriving(a_run([0, 400 * DAY_MS], 60_000, "weight")))
    lane = a_lane(database, "weight")
    for query in (
        database.summaries.find({"_id": {"$gte": f"{lane.prefix}:1970:", "$lt": f"{lane.prefix}:1971;"}}),
        database.readings.find({"p": lane.person, "m": lane.metric.key, "dirty_since": {"$exists": True}}),
        database.readings.find({"_id": {"$gte": f"{lane.prefix}:", "$lt": f"{lane.prefix};"}}).sort("_id", 1).limit(1),
    ):
        plan = query.explain()["queryPlanner"]["winningPlan"]
        assert "COLLSCAN" not in str(plan)
