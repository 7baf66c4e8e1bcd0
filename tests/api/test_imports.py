"""Imports over HTTP: sent in parts, done by a scheduler, taken back; by their owner and by nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.care.rules import rules
from phr.clock import now_ms
from phr.interchange import sent_imports, uploads
from phr.recording import Recorder
from tests.cast import Cast
from tests.interchange.exports import BEAT, beats, export, pressure, record

IMPORTS = "/v1/people/{owner}/imports"
CONTENT = export(*beats(30), *pressure(128, 82))


def work(cast: Cast) -> bool:
    return sent_imports.do_one(cast.database, Recorder(cast.database, rules()), now_ms, lambda: False)


def announced(cast: Cast, **body: Any) -> str:
    answer = cast.send(cast.owner, "POST", IMPORTS, json={"format": "apple-health"} | body)
    assert answer.status_code == 201, answer.text
    return f"{IMPORTS}/{answer.json['id']}"  # type: ignore[index]


def put(cast: Cast, path: str, offset: int, content: bytes) -> TestResponse:
    return cast.send(cast.owner, "PUT", f"{path}/content?from={offset}", data=content)


def sent(cast: Cast, content: bytes = CONTENT, **body: Any) -> str:
    path, half = announced(cast, **body), len(content) // 2
    assert put(cast, path, 0, content[:half]).json == {"next_byte": half}
    assert put(cast, path, half, content[half:]).json == {"next_byte": len(content)}
    assert cast.send(cast.owner, "POST", f"{path}/start").status_code == 202
    return path


def report(cast: Cast, path: str) -> dict[str, Any]:
    found: dict[str, Any] = cast.send(cast.owner, "GET", path).json  # type: ignore[assignment]
    return found


def test_file_sent_in_parts_is_imported_and_its_parts_go(cast: Cast) -> None:
    path = sent(cast)
    assert report(cast, path)["state"] == "waiting"
    assert work(cast)
    done = report(cast, path)
    assert (done["state"], done["stored"], done["bytes_done"]) == ("done", 31, len(CONTENT))
    assert cast.database["import_parts"].count_documents({}) == 0
    assert not work(cast)


def test_parts_are_sealed(cast: Cast) -> None:
    sent(cast)
    assert all(b"HealthData" not in bytes(row["sealed"]) for row in cast.database["import_parts"].find())


def test_import_is_taken_back(cast: Cast) -> None:
    path = sent(cast)
    work(cast)
    answer = cast.send(cast.owner, "POST", f"{path}/take-back", json={"reason": "my brother's"})
    assert (answer.status_code, answer.json["state"]) == (202, "taking-back")  # type: ignore[index]
    assert work(cast)
    assert report(cast, path)["taken_back"] == {"gone": 31, "returned": 0, "by": cast.owner, "reason": "my brother's"}


def test_dry_run_stores_nothing(cast: Cast) -> None:
    path = sent(cast, dry_run=True)
    work(cast)
    assert (report(cast, path)["stored"], cast.database["readings"].count_documents({})) == (31, 0)


def test_scheduler_that_leaves_lets_another_go_on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sent(cast)
    recorder = Recorder(cast.database, rules())
    assert not sent_imports.do_one(cast.database, recorder, now_ms, lambda: True)
    assert report(cast, path)["state"] == "running"
    assert work(cast)
    assert report(cast, path)["stored"] == 31


def test_broken_file_is_reported_and_nothing_of_it_stands(cast: Cast) -> None:
    path = sent(cast, CONTENT[:-30])
    work(cast)
    found = report(cast, path)
    assert (found["state"], found["problem"]["code"]) == ("taken-back", "file-broken")


def test_part_again_is_the_same_and_a_gap_is_refused(cast: Cast) -> None:
    path = announced(cast)
    put(cast, path, 0, b"abc")
    assert put(cast, path, 0, b"abc").json == {"next_byte": 3}
    for offset in (1, 4):
        answer = put(cast, path, offset, b"def")
        assert (answer.status_code, answer.json["pointer"]) == (409, "/from")  # type: ignore[index]


def test_part_too_large_is_refused(cast: Cast) -> None:
    assert put(cast, announced(cast), 0, b"x" * (uploads.LARGEST_PART_BYTES + 1)).status_code == 413


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"format": "scroll"}, "/format"), ({"zone": "Mars/Olympus"}, "/zone"), ({"dry_run": "yes"}, "/dry_run")],
)
def test_bad_wish_names_its_field(cast: Cast, body: dict[str, Any], pointer: str) -> None:
    answer = cast.send(cast.owner, "POST", IMPORTS, json={"format": "apple-health"} | body)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)  # type: ignore[index]


def test_strangers_and_doctors_get_nowhere(cast: Cast) -> None:
    path = sent(cast, export(record(BEAT, 72)))
    tries = [("GET", IMPORTS, {}), ("GET", path, {}), ("POST", IMPORTS, {"json": {"format": "apple-health"}})]
    tries += [("PUT", f"{path}/content?from=0", {"data": b"x"}), ("POST", f"{path}/start", {})]
    tries += [("POST", f"{path}/take-back", {"json": {"reason": "x"}})]
    for who in (cast.stranger, cast.doctor):
        assert {cast.send(who, method, route, **request).status_code for method, route, request in tries} == {403}


def test_token_for_readings_alone_does_not_import(cast: Cast) -> None:
    token = cast.token(cast.owner, "readings.write")
    answer = cast.http.post(
        IMPORTS.format(owner=cast.owner),
        json={"format": "apple-health"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 403


def test_archive_that_says_who_wrote_what_is_for_operators(cast: Cast) -> None:
    answer = cast.send(cast.owner, "POST", IMPORTS, json={"format": "phr-archive"})
    assert (answer.status_code, answer.json["pointer"]) == (400, "/format")  # type: ignore[index]
