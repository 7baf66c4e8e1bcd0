"""Files of exports: Apple Health against its own table, FIT against its records, FHIR examples whole, each twice."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from marshmallow import ValidationError

from ops import administration
from phr import clock
from phr.care.rules import rules
from phr.interchange import formats, importing
from phr.interchange.formats import Batch, Event, Wish
from phr.interchange.importing import Into
from phr.interchange.imports import Import
from phr.people.people import NewPerson
from phr.recording import Recorder
from phr.timeline.content import checked
from phr.timeline.kinds import kinds
from phr.vocabulary.reading import Rejection, Run
from tests.real.installation import Installation
from tests.real.score import Score

ALWAYS = {"from": "2000-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z", "resolution": "raw"}
APPLE_DATE = "%Y-%m-%d %H:%M:%S %z"


def replay(installation: Installation, data: Path) -> Iterator[Score]:
    """A score a data set."""
    yield _apple(installation, data / "apple-health" / "tdda" / "testdata")
    yield _fit(installation, data / "fit")
    yield _broken_fit(installation, data / "fit")
    yield _fhir(installation, data)
    yield _every_fhir(data)


def _apple(installation: Installation, folder: Path) -> Score:
    score, person = Score("Apple Health export"), _person(installation)
    one = _twice(score, installation, person, "apple-health", folder / "export6s3sample.xml")
    score.check("records", one.counts.records, 18)
    with (folder / "StepCount.csv").open(encoding="utf-8") as table:
        sent = {_date(row["startDate"]): float(row["value"]) for row in csv.DictReader(table)}
    found = {datetime.fromisoformat(row["t"]): row["value"] for row in installation.rows(person, "steps", **ALWAYS)}
    score.check("steps", found, sent)
    return score


def _fit(installation: Installation, folder: Path) -> Score:
    score, person = Score("FIT runs"), _person(installation)
    _twice(score, installation, person, "fit", folder / "garmin-fenix-5-run.fit")
    with (folder / "garmin-fenix-5-run-records.csv").open(encoding="utf-8") as table:
        sent = [float(row["heart_rate"]) for row in csv.DictReader(table) if row.get("heart_rate")]
    score.check("heart rates", [row["value"] for row in installation.rows(person, "heart-rate", **ALWAYS)], sent)
    return score


def _broken_fit(installation: Installation, folder: Path) -> Score:
    """A wrong checksum, a header in the middle, an end too early: told, and nothing of it kept."""
    score, person = Score("broken FIT files"), _person(installation)
    for name in ("activity-filecrc", "activity-settings-corruptheader", "activity-unexpected-eof"):
        one = _taken(installation, person, "fit", folder / f"{name}.fit")
        score.items += 1
        score.check(name, (one.state, one.problem and one.problem[0]), ("taken-back", "file-broken"))
    return score


def _fhir(installation: Installation, data: Path) -> Score:
    """Each example is of another person; what can't be an entry says why, and no kind's schema is surprised by it."""
    score = Score("FHIR examples")
    for path in sorted((data / "fhir-r4-examples").glob("*.json"))[::6]:
        one = _taken(installation, _person(installation), "fhir", path)
        score.items += one.counts.records
        score.stored += one.counts.stored
        score.rejected += one.counts.refused
        invalid = [reason.detail for reason in one.reasons if reason.code == "entry-invalid"]
        score.check(path.name, (one.state, invalid), ("done", []))
    return score


def _every_fhir(data: Path) -> Score:
    """Every sample of both collections as far as its kinds' schemas: what is taken of it fits, and nothing breaks."""
    score = Score("FHIR samples, read")
    found = [*(data / "fhir-r4-examples").glob("*.json"), *(data / "us-core-examples" / "examples").glob("*.json")]
    for path in sorted(found):
        with path.open("rb") as file:
            batches = list(formats.find_format("fhir").read(file, Wish(salt="x")))
        events = [event for batch in batches for event in batch.events]
        score.items += sum(batch.records for batch in batches)
        score.stored += len(events) + sum(len(run) for batch in batches for run in _runs(batch))
        score.rejected += sum(one.count for batch in batches for one in _refused(batch))
        score.check(path.name, [wrong for event in events if (wrong := _invalid(event))], [])
    return score


def _runs(batch: Batch) -> Iterator[Run]:
    return (run for decoded in batch.sources.values() for run in decoded.runs)


def _refused(batch: Batch) -> Iterator[Rejection]:
    return (one for decoded in batch.sources.values() for one in decoded.rejections)


def _invalid(event: Event) -> str | None:
    try:
        checked(kinds()[event.kind], event.content)
    except ValidationError as error:
        return f"{event.path}: {error.messages}"
    return None


def _twice(score: Score, installation: Installation, person: str, form: str, path: Path) -> Import:
    one = _taken(installation, person, form, path)
    score.items, score.stored, score.rejected = one.counts.records, one.counts.stored, one.counts.refused
    again = _taken(installation, person, form, path)
    score.duplicate = again.counts.duplicate
    score.check("again", (again.counts.stored, again.counts.duplicate), (0, one.counts.stored))
    return one


def _taken(installation: Installation, person: str, form: str, path: Path) -> Import:
    database = installation.operator.database
    into = Into(database, Recorder(database, rules()), person, "real", clock.now_ms)
    with path.open("rb") as file:
        return importing.run(into, formats.find_format(form), file, Wish())


def _date(text: str) -> datetime:
    return datetime.strptime(text, APPLE_DATE)  # noqa: DTZ007 - the text states its offset


def _person(installation: Installation) -> str:
    person: str = administration.create_person(installation.operator, NewPerson(zone="Asia/Shanghai", is_demo=True))[
        "person_id"
    ]
    return person
