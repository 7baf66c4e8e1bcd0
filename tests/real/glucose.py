"""Real glucose curves: what was in the files comes back, value by value, as means of days and as published reports."""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

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
NOT_TOLD = ("mage_ma",)
HALF_A_DIGIT = (0.00051, 0.000051)  # results are published with three decimals, GMI with four


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
    published = json.loads((data / "cgm" / "reference_results.json").read_text(encoding="utf-8"))["subjects"]
    for subject, points in _subjects(data / "cgm" / "example_data_5_subject.csv").items():
        yield _replay_curve(installation, subject, points, published.get(subject, {}))
    yield _replay_curve(installation, "FreeStyle Libre", _libre(data / "cgm" / "libre_amer_01.csv"), {})


def _replay_curve(installation: Installation, name: str, points: list[Point], published: Mapping[str, float]) -> Score:
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
    _check_report(score, installation.report(person, "cgm", **_report_span(points)), points, published)
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


def _check_report(score: Score, found: Mapping[str, Any], points: list[Point], published: Mapping[str, float]) -> None:
    """To the digits that are published; every curve by what is counted here in mg/dL."""
    values = [point.mg_dl for point in {point.at: point for point in points}.values()]
    score.check("readings of the report", found["basis"]["n"], len(values))
    score.check_near("mean of the report", found["mean"]["mg_dl"], statistics.fmean(values), 1e-4)
    score.check_near("deviation of the report", found["sd"]["mg_dl"], statistics.stdev(values), 1e-4)
    in_range = sum(70 <= value <= 180 for value in values) / len(values) * 100
    score.check_near("time in range", found["ranges"]["in-range"], in_range, 1e-4)
    told = {
        "mean": found["mean"]["mg_dl"],
        "sd": found["sd"]["mg_dl"],
        "cv": found["cv_percent"],
        "gmi": found["gmi_percent"],
        "in_range_70_180_percent": found["ranges"]["in-range"],
        "active_percent": found["active_percent"],
    }
    for name, number in published.items():
        if name not in NOT_TOLD:
            score.check_near(f"published {name}", told[name], number, HALF_A_DIGIT[name == "gmi"])


def _report_span(points: list[Point]) -> dict[str, Any]:
    return {"days": 90, "through": max(point.at for point in points).date().isoformat()}


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
