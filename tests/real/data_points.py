"""The should-pass and should-fail cases of Open mHealth, each sent by a device of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.real.installation import Installation
from tests.real.score import Score

CONTENT_TYPE = "application/vnd.openmhealth+json"
METRICS = ("blood-glucose", "blood-pressure", "body-weight")

# Cases that are valid by their schema and still are not a reading of an instant, with the reason.
REFUSED = {
    "blood-glucose/1.0/blood-glucose-only": "time-missing",
    "blood-glucose/1.0/with-blood-specimen-type": "time-missing",
    "blood-glucose/1.0/with-descriptive-statistic": "statistic-not-reading",
    "blood-glucose/1.0/with-everything": "statistic-not-reading",
    "blood-glucose/1.0/with-temporal-relationship-to-meal": "time-missing",
    "blood-glucose/1.0/with-temporal-relationship-to-sleep": "time-missing",
    "blood-glucose/1.0/with-time-interval-time-frame": "period-not-instant",
    "blood-glucose/1.0/with-user-notes": "time-missing",
    "blood-glucose/2.0/blood-glucose-only": "time-missing",
    "blood-glucose/2.0/with-descriptive-statistic": "statistic-not-reading",
    "blood-glucose/2.0/with-everything": "statistic-not-reading",
    "blood-glucose/2.0/with-specimen-source": "time-missing",
    "blood-glucose/3.0/with-descriptive-statistic": "statistic-not-reading",
    "blood-glucose/3.0/with-everything": "statistic-not-reading",
    "blood-glucose/4.0/with-descriptive-statistic": "statistic-not-reading",
    "blood-glucose/4.0/with-everything": "statistic-not-reading",
    "blood-pressure/1.0/blood-pressure-only": "time-missing",
    "blood-pressure/1.0/with-descriptive-statistic": "statistic-not-reading",
    "blood-pressure/1.0/with-everything": "statistic-not-reading",
    "blood-pressure/1.0/with-position": "time-missing",
    "blood-pressure/1.0/with-time-frame": "time-imprecise",
    "blood-pressure/1.0/with-user-notes": "time-missing",
    "blood-pressure/2.0/blood-pressure-only": "time-missing",
    "blood-pressure/2.0/with-descriptive-statistic": "statistic-not-reading",
    "blood-pressure/2.0/with-posture": "time-missing",
    "blood-pressure/3.0/with-descriptive-statistic": "statistic-not-reading",
    "blood-pressure/4.0/with-descriptive-statistic": "statistic-not-reading",
    "body-weight/1.0/body-weight-only": "time-missing",
    "body-weight/1.0/time-interval-time-frame": "period-not-instant",
    "body-weight/1.0/with-descriptive-statistic": "statistic-not-reading",
    "body-weight/2.0/with-descriptive-statistic": "statistic-not-reading",
    "body-weight/3.0/with-descriptive-statistic": "statistic-not-reading",
}


@dataclass(frozen=True, slots=True)
class Case:
    schema: str
    version: str
    name: str
    must_pass: bool
    body: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.schema}/{self.version}/{self.name}"

    @property
    def device(self) -> str:
        kind = "pass" if self.must_pass else "fail"
        return f"{kind}-{self.schema}-{self.version}-{self.name}"[:64]

    def payload(self) -> bytes:
        """The case's body under a header that names its schema; the time of creation is no time of measurement."""
        schema_id = {"namespace": "omh", "name": self.schema, "version": self.version}
        header = {"id": self.key, "creation_date_time": "2020-06-01T12:00:00Z", "schema_id": schema_id}
        return json.dumps({"header": header, "body": self.body}).encode()


def replay(installation: Installation, data: Path) -> Iterator[Score]:
    """One score a schema."""
    cases = list(_cases(data / "openmhealth" / "test-data" / "omh"))
    for schema in METRICS:
        score = Score(f"Open mHealth, {schema}")
        for case in cases:
            if case.schema == schema:
                _replay_case(score, installation, case)
        yield score
    yield _unused_reasons({case.key for case in cases if case.must_pass})


def _replay_case(score: Score, installation: Installation, case: Case) -> None:
    person = installation.add_person(case.device, "openmhealth")
    verdict = installation.gateway.send(case.device, case.payload(), CONTENT_TYPE, case.key)
    score.items += 1
    score.add(verdict)
    codes = [one["code"] for one in verdict["rejected"]]
    if not case.must_pass:
        score.check(f"{case.key} (should fail) is rejected", (verdict["stored"], len(codes)), (0, 1))
        return
    reason = REFUSED.get(case.key)
    score.check(f"{case.key} is refused because of", codes, [reason] if reason else [])
    if reason is None:
        _check_stored(score, installation, case, person)
        again = installation.gateway.send(case.device, case.payload(), CONTENT_TYPE, case.key)
        score.check(f"{case.key} sent again", again["duplicate"], 1)


def _check_stored(score: Score, installation: Installation, case: Case, person: str) -> None:
    metric, sent = _as_sent(case)
    at = datetime.fromisoformat(case.body["effective_time_frame"]["date_time"])
    day = {"from": f"{at.year}-01-01T00:00:00Z", "to": f"{at.year + 1}-01-01T00:00:00Z", "resolution": "raw"}
    rows = installation.rows(person, metric, fields="sent", **day)
    score.check(f"{case.key}: rows", len(rows), 1)
    row = rows[0] if rows else {"t": "1970-01-01T00:00:00Z"}
    score.check(f"{case.key}: time", datetime.fromisoformat(row["t"]), at)
    score.check(f"{case.key}: as sent", (row.get("sent"), row.get("unit")), sent)


def _as_sent(case: Case) -> tuple[str, tuple[Any, str]]:
    """The metric, and (value, canonical code of the unit) as the file has them."""
    if case.schema == "blood-pressure":
        value = {key: case.body[f"{key}_blood_pressure"]["value"] for key in ("systolic", "diastolic")}
        return "blood-pressure", (value, "mm[Hg]")
    field = case.schema.replace("-", "_")
    metric = "weight" if case.schema == "body-weight" else "glucose-capillary"
    return metric, (case.body[field]["value"], case.body[field]["unit"])


def _unused_reasons(keys: set[str]) -> Score:
    """The table above must not name cases that the data does not have."""
    score = Score("Open mHealth, table of reasons")
    score.check("cases named and not there", sorted(REFUSED.keys() - keys), [])
    return score


def _cases(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob("*/*/should*/*.json")):
        schema, version, kind = path.parts[-4:-1]
        body = json.loads(path.read_text(encoding="utf-8"))
        yield Case(schema, version, path.stem, kind == "shouldPass", body)
