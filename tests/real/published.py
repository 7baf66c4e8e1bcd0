"""Our Open mHealth export against the published schemas: a data point of every metric that has one."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from phr import clock
from phr.database import Database
from phr.interchange.exporters import Asked, openmhealth
from phr.interchange.exporters.openmhealth import LEFT_OUT, SCHEMAS
from phr.people import people
from phr.people.people import NewPerson
from phr.readings.store import write
from phr.vocabulary.metric import ValueType
from phr.vocabulary.reading import DURATION
from tests.readings.builders import MINUTE_MS, a_metric, a_run, arriving
from tests.real.installation import Installation
from tests.real.score import Score

OMH = "https://w3id.org/openmhealth/schemas/omh/"


def replay(installation: Installation, data: Path) -> Iterator[Score]:
    yield of_schemas(installation.operator.database, data)


def of_schemas(database: Database, data: Path) -> Score:
    score, person = Score("Open mHealth export"), people.create(database, NewPerson(zone="Asia/Shanghai")).id
    write(database, [arriving(_run(key), person=person) for key in SCHEMAS])
    registry: Registry[Any] = Registry(retrieve=lambda uri: _schema(data, uri))
    for point in _points(database, person):
        name = point["header"]["schema_id"]
        body = f"{OMH}{name['name']}-{name['version']}.json"
        for uri, value in ((body, point["body"]), (f"{OMH}data-point-1.0.json", point)):
            faults = [one.message for one in Draft7Validator({"$ref": uri}, registry=registry).iter_errors(value)]
            score.check(f"{name['name']} by {uri}", faults, [])
        score.items += 1
    score.check("metrics", score.items, len(SCHEMAS))
    return score


def _run(key: str) -> Any:
    metric = a_metric(key)
    bounds = metric.published or metric.bounds
    value: Any = int(((bounds.low + bounds.high) / 2 if bounds else 7) * metric.scale)
    if metric.components:
        value = {"systolic": 120 * metric.scale, "diastolic": 80 * metric.scale}
    if metric.value_type is ValueType.INTERVAL:
        value = {"": value, DURATION: MINUTE_MS}
    return a_run(metric=key, value=value)


def _points(database: Database, person: str) -> Iterator[dict[str, Any]]:
    content = b"".join(openmhealth.write(Asked(database, person, clock.now_ms())))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if name != LEFT_OUT:
                yield from map(json.loads, archive.read(name).splitlines())


def _schema(data: Path, uri: str) -> Resource[Any]:
    """A file of the published folders; where it holds the name of another (a link), that one."""
    is_ieee = "/ieee-1752" in uri
    folder = data / ("ieee-1752/data/schema/ieee/utility" if is_ieee else "openmhealth/schema/omh")
    path = folder / uri.rsplit("/", 1)[-1]
    text = path.read_text(encoding="utf-8")
    while not text.lstrip().startswith("{"):
        path = path.parent / text.strip()
        text = path.read_text(encoding="utf-8")
    found = json.loads(text)
    found.pop("$id", None)
    return Resource(contents=found, specification=DRAFT7)
