"""Real glucose curves: what was in the files comes back, value by value and as means of days."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from tests.real.installation import Installation
from tests.real.score import Score

# The files give local time and name no zone. A fixed offset keeps each local day as the file has it; with a zone that
# has summer time, the subjects of March 2015 would have readings in an hour that did not exist.
OFFSET = timezone(timedelta(hours=-5))
METRIC = "glucose-interstitial"
CONTENT_TYPE = "application/vnd.phr.readings+json"
PER_PAYLOAD = 200
MMOL_PER_MG = Decimal("0.05551")  # facts: metrics.csv, glucose-interstitial
STEP = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    mg_dl: int

    @property
    def mmol(self) -> float:
        """As it must be kept: in mmol/L to two decimals, computed here in decimal arithmetic."""
        return float((self.mg_dl * MMOL_PER_MG).quantize(STEP, ROUND_HALF_EVEN))


def replay(installation: Installation, data: Path) -> Iterator[Score]:
    """One score a subject."""
    for subject, points in _subjects(data / "cgm" / "example_data_5_subject.csv").items():
        yield _replay_curve(installation, subject, points)
    yield _replay_curve(installation, "FreeStyle Libre", _libre(data / "cgm" / "libre_amer_01.csv"))


def _replay_curve(installation: Installation, name: str, points: list[Point]) -> Score:
    score = Score(f"glucose, {name}", items=len(points))
    device = "cgm-" + name.lower().replace(" ", "-")
    person = installation.add_person(device, "phr-v1")
    for number, payload in enumerate(_payloads(points)):
        score.add(installation.gateway.send(device, payload, CONTENT_TYPE, str(number)))
    times = Counter(point.at for point in points)
    repeated = sum(count - 1 for count in times.values())
    score.check("readings stored", score.stored, len(times))
    score.check("duplicates within the file", score.duplicate, repeated)
    score.check("rejected", score.rejected, 0)
    _check_raw(score, installation, person, points)
    _check_days(score, installation, person, points)
    for number, payload in enumerate(_payloads(points)):
        again = installation.gateway.send(device, payload, CONTENT_TYPE, str(number))
        score.check("all of a second sending are duplicates", again["duplicate"], len(json.loads(payload)["readings"]))
    score.check("readings after the second sending", len(installation.rows(person, METRIC, **_raw(points))), len(times))
    return score


def _check_raw(score: Score, installation: Installation, person: str, points: list[Point]) -> None:
    rows = installation.rows(person, METRIC, fields="sent", **_raw(points))
    found = {datetime.fromisoformat(row["t"]): row for row in rows}
    score.check("rows with a time of their own", len(found), len(rows))
    expected = {point.at: point for point in points}
    score.check("instants", sorted(found) == sorted(expected), True)
    for at, point in expected.items():
        row = found.get(at, {})
        score.check(f"value at {at}", row.get("value"), point.mmol)
        score.check(f"value as sent at {at}", (row.get("sent"), row.get("unit")), (point.mg_dl, "mg/dL"))


def _check_days(score: Score, installation: Installation, person: str, points: list[Point]) -> None:
    days: dict[str, list[float]] = defaultdict(list)
    for point in points:
        days[point.at.date().isoformat()].append(point.mmol)
    rows = installation.rows(person, METRIC, **_raw(points) | {"resolution": "day"})
    found = {row["t"][:10]: row for row in rows}
    score.check("days", sorted(found), sorted(days))
    for day, values in days.items():
        row = found.get(day, {})
        score.check(f"count on {day}", row.get("n"), len(values))
        score.check(f"least and greatest on {day}", (row.get("min"), row.get("max")), (min(values), max(values)))
        score.check_near(f"mean on {day}", row.get("mean"), math.fsum(values) / len(values), 1e-6)


def _raw(points: list[Point]) -> dict[str, str]:
    """The days of the curve and one more on either side."""
    first, last = min(point.at for point in points), max(point.at for point in points)
    day = timedelta(days=1)
    return {"from": (first - day).isoformat(), "to": (last + day).isoformat(), "resolution": "raw"}


def _payloads(points: list[Point]) -> Iterator[bytes]:
    for number, first in enumerate(range(0, len(points), PER_PAYLOAD)):
        readings = [
            {"metric": METRIC, "t": point.at.isoformat(), "value": point.mg_dl, "unit": "mg/dL"}
            for point in points[first : first + PER_PAYLOAD]
        ]
        yield json.dumps({"id": str(number), "readings": readings}).encode()


def _subjects(path: Path) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(row["time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=OFFSET)
            found[row["id"]].append(Point(at, int(row["gl"])))
    return found


def _libre(path: Path) -> list[Point]:
    """Historic glucose (record type 0); two banner lines stand above the head, times are local with AM and PM."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file.read().splitlines()[2:]))
    return [
        Point(
            datetime.strptime(row["Device Timestamp"], "%m-%d-%Y %I:%M %p").replace(tzinfo=OFFSET),
            int(row["Historic Glucose mg/dL"]),
        )
        for row in rows
        if row["Record Type"] == "0"
    ]
