"""What the API gives to operators and to owners of readings, and what it has to give for readings that are known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from phr.api.application import create
from phr.auth import scopes, tokens
from phr.clock import now_ms, to_ms
from phr.config import Settings
from phr.database import Database
from tests.faults.messages import Reading

METRICS = {"blood-pressure": ("systolic", "diastolic"), "heart-rate": ("",)}
RESOLUTIONS = ("hour", "day", "month")
ZONE = timezone(timedelta(hours=8))  # where the owners live

Periods = dict[int, tuple[Any, ...]]  # instant of the beginning -> count, then least, greatest and mean a component


class Reader:
    """Asks over HTTP, as an operator or as each owner in turn."""

    def __init__(self, database: Database, settings: Settings) -> None:
        app = create(settings, database)
        self._http = app.test_client()
        self._installation = app.extensions["phr"]

    def faults(self) -> dict[str, str]:
        """What /readyz finds wrong."""
        return dict(self._http.get("/readyz").json.get("faults", {}))

    def figure(self, name: str) -> float:
        """A figure without labels of /metrics; 0 while nobody has told it."""
        families = text_string_to_metric_families(self._http.get("/metrics").text)
        return sum(one.value for family in families for one in family.samples if one.name == name)

    def readings(self, person: str) -> Counter[Reading]:
        found: Counter[Reading] = Counter()
        for metric, parts in METRICS.items():
            for columns in self._pages(person, metric, "raw"):
                values = zip(*(columns[part or "value"] for part in parts), strict=True)
                found.update((metric, _instant(t), value) for t, value in zip(columns["t"], values, strict=True))
        return found

    def periods(self, person: str, metric: str, resolution: str) -> Periods:
        found = {}
        for columns in self._pages(person, metric, resolution):
            names = [f"{part}_{name}" if part else name for part in METRICS[metric] for name in ("min", "max", "mean")]
            rows = zip(columns["n"], *(columns[name] for name in names), strict=True)
            found |= {_instant(t): row for t, row in zip(columns["t"], rows, strict=True)}
        return found

    def _pages(self, person: str, metric: str, resolution: str) -> Iterable[dict[str, list[Any]]]:
        query = {"resolution": resolution, "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
        while True:
            path = f"/v1/people/me/series/{metric}"
            answer = self._http.get(path, query_string=query, headers={"Authorization": self._bearer(person)})
            assert answer.status_code == 200, answer.text
            yield answer.json["columns"]
            if not answer.json["next_cursor"]:
                return
            query["cursor"] = answer.json["next_cursor"]

    def _bearer(self, person: str) -> str:
        claims = tokens.Claims(
            issuer=self._installation.issuer,
            sub=person,
            client_id="app",
            scope=" ".join(scopes.people_scopes()),
            life_s=300,
        )
        return f"Bearer {tokens.sign(self._installation.key, claims, now_ms())}"


def periods_of(readings: Iterable[Reading], resolution: str) -> Periods:
    """Of one metric's readings, counted here by itself."""
    by_start: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for _, t, values in readings:
        by_start[_start(t, resolution)].append(values)
    return {start: (len(rows), *_boiled(rows)) for start, rows in by_start.items()}


def _boiled(rows: list[tuple[int, ...]]) -> Iterable[float]:
    for column in zip(*rows, strict=True):
        yield from (min(column), max(column), sum(column) / len(column))


def _start(t_ms: int, resolution: str) -> int:
    begin = datetime.fromtimestamp(t_ms / 1000, ZONE).replace(minute=0, second=0, microsecond=0)
    if resolution != "hour":
        begin = begin.replace(hour=0, day=1 if resolution == "month" else begin.day)
    return to_ms(begin)


def _instant(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))
