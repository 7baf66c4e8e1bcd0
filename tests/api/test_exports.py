"""Exports over HTTP: their owner's or a guardian's alone, logged, streamed, told of."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.interchange import exporters
from phr.interchange.exporters import ExportFormat
from phr.people import access, grants
from phr.people.grants import EVERYTHING, GUARDIAN
from phr.readings.store import write
from tests.cast import T0, Cast, a_grant, a_note
from tests.readings.builders import MINUTE_MS, a_run, arriving

EXPORTS = "/v1/people/{owner}/exports"


def asked(cast: Cast, who: str | None = None, **body: Any) -> TestResponse:
    return cast.send(who or cast.owner, "POST", EXPORTS, json={"format": "phr-archive"} | body)


def fetched(cast: Cast, **body: Any) -> TestResponse:
    made = asked(cast, **body)
    assert made.status_code == 201, made.text
    return cast.send(cast.owner, "GET", f"{made.headers['Location']}/file")


@pytest.fixture
def measured(cast: Cast) -> Cast:
    beats = a_run([T0, T0 + MINUTE_MS], [720, 715], extras={1: {"context": {"activity": "rest"}, "quality": "suspect"}})
    cuff = a_run(T0, {"systolic": 1280, "diastolic": 820}, "blood-pressure", offset_min=None)
    write(cast.database, [arriving(one, person=cast.owner) for one in (beats, cuff)])
    cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=a_note())
    return cast


@pytest.mark.parametrize("who", ["stranger", "doctor", "relative"])
def test_export_is_refused_to_everybody_else(measured: Cast, who: str) -> None:
    made = asked(measured).json
    path = f"{EXPORTS}/{made['id']}"  # type: ignore[index]
    other = getattr(measured, who)
    assert asked(measured, other).status_code == 403
    assert [measured.send(other, "GET", one).status_code for one in (EXPORTS, path, f"{path}/file")] == [403] * 3


def test_guardian_may_export(measured: Cast) -> None:
    child = a_grant(measured.owner, measured.stranger, kind=GUARDIAN, categories=(EVERYTHING,))
    grants.create(measured.database, child)
    assert asked(measured, measured.stranger).status_code == 201


def test_token_without_the_scope_exports_nothing(measured: Cast) -> None:
    token = measured.token(measured.owner, "timeline.read readings.read")
    answer = measured.send(
        measured.owner, "POST", EXPORTS, json={"format": "csv"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 403


def test_each_fetch_stands_in_the_access_log(measured: Cast) -> None:
    fetched(measured)
    lines = access.log_of(measured.database, measured.owner, 2)
    assert [line.about.split("/")[0] for line in lines] == ["GET exports", "POST exports"]
    assert {"held", "mental", "readings"} <= set(lines[0].categories)


def test_archive_is_streamed_and_told_of(measured: Cast) -> None:
    answer = fetched(measured)
    assert answer.headers["Content-Disposition"].endswith('.phr.zip"')
    assert "readings/heart-rate.jsonl" in zipfile.ZipFile(io.BytesIO(answer.data)).namelist()
    (told,) = measured.send(measured.owner, "GET", EXPORTS).json["exports"]  # type: ignore[index]
    assert (told["state"], told["readings"], told["entries"], told["bytes"]) == ("done", 3, 1, len(answer.data))


def test_export_that_breaks_off_says_so(measured: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_: Any) -> Any:
        yield b"half"
        raise OSError("the disk is gone")

    monkeypatch.setattr("phr.interchange.exports.find_format", lambda name: ExportFormat(name, "a/b", ".x", half))
    made = asked(measured).json
    with pytest.raises(OSError, match="disk"):
        _ = measured.send(measured.owner, "GET", f"{EXPORTS}/{made['id']}/file").data  # type: ignore[index]
    shown = measured.send(measured.owner, "GET", f"{EXPORTS}/{made['id']}").json  # type: ignore[index]
    assert shown["state"] == "broken"  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"format": "tape"}, "/format"), ({"metric": "luck"}, "/metric"), ({"language": "fr"}, "/language")],
)
def test_wish_that_cannot_be_is_refused_by_its_field(measured: Cast, body: dict[str, str], pointer: str) -> None:
    answer = asked(measured, **body)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)  # type: ignore[index]


def test_export_of_another_person_is_not_found(measured: Cast) -> None:
    other = measured.send(measured.stranger, "POST", "/v1/people/me/exports", json={"format": "csv"}).json
    assert measured.send(measured.owner, "GET", f"{EXPORTS}/{other['id']}/file").status_code == 404  # type: ignore[index]


def test_same_key_makes_one_export(measured: Cast) -> None:
    key = {"Idempotency-Key": "a"}
    ids = {measured.send(measured.owner, "POST", EXPORTS, json={"format": "csv"}, headers=key).json["id"] for _ in "ab"}  # type: ignore[index]
    assert len(ids) == 1


def test_csv_has_a_table_for_each_metric(measured: Cast) -> None:
    found = zipfile.ZipFile(io.BytesIO(fetched(measured, format="csv").data))
    tables = {name: list(csv.DictReader(io.StringIO(found.read(name).decode()))) for name in found.namelist()}
    assert tables.keys() == {"heart-rate.csv", "blood-pressure.csv"}
    assert tables["heart-rate.csv"][1] == {
        "t": "2026-11-23T07:31:00+08:00", "end": "", "value": "71.5", "unit": "/min", "flag": "", "seq": "0",
        "device": "acme/cuff-1", "quality": "suspect", "context": '{"activity":"rest"}',
    }  # fmt: skip
    cuff = tables["blood-pressure.csv"][0]
    assert (cuff["t"], cuff["systolic"], cuff["pulse"]) == ("2026-11-23T07:30:00+08:00", "128.0", "")


def test_csv_of_one_metric_is_that_alone(measured: Cast) -> None:
    found = zipfile.ZipFile(io.BytesIO(fetched(measured, format="csv", metric="heart-rate").data))
    assert found.namelist() == ["heart-rate.csv"]


def test_every_format_gives_something_of_an_empty_record(cast: Cast) -> None:
    for name in exporters.all_formats():
        assert fetched(cast, format=name).data, name
