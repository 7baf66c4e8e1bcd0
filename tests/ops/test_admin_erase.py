"""`admin erase` asks on somebody's behalf and can take it back; `admin archive` opens what an organisation keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ops import admin
from phr.clock import now_ms
from phr.erasure import erasing
from phr.people import people
from tests.cast import Cast
from tests.erasure.conftest import cast
from tests.erasure.lives import CLINIC, house_of

__all__ = ["cast"]


@pytest.fixture
def run(cast: Cast, mongod: str, capsys: pytest.CaptureFixture[str]) -> Any:
    settings = replace(
        cast.installation.settings, mongodb_uri=mongod, mongodb_database=cast.database.name, erasure_days=0
    )

    def run_one(*argv: str) -> Any:
        status = admin.main(list(argv), settings)
        said = capsys.readouterr()
        return json.loads(said.out) if status == 0 else said.err

    return run_one


def test_erasure_is_asked_for_shown_and_taken_back(cast: Cast, run: Any) -> None:
    assert run("erase", cast.owner, "--reason", "in writing")["asked_by"] == "operator"
    assert run("erase", cast.owner, "--show")["state"] == "asked"
    assert run("erase", cast.owner, "--cancel")["state"] == "kept"
    assert "no erasure" in run("erase", cast.owner, "--show")
    said = cast.database["access_log"].distinct("about", {"person": cast.owner, "role": "operator"})
    assert said == ["erasure taken back", "erasure: in writing"]


def test_nobody_of_that_id_can_be_erased(cast: Cast, run: Any) -> None:
    assert "no such person" in run("erase", "a" * 20, "--reason", "r")
    assert cast.database["erasures"].count_documents({}) == 0


def test_archive_is_listed_and_opened_and_the_look_is_logged(cast: Cast, run: Any) -> None:
    cast.database["people"].update_one({"_id": cast.owner}, {"$set": {"roles": ["doctor"], "organisation": CLINIC}})
    told = {"kind": "note", "text": "复诊", "effective_at": "2026", "id": "n1"}
    told["provenance"] = {"how": "professional", "organisation": CLINIC}  # type: ignore[assignment]
    assert cast.send(cast.owner, "POST", "/v1/people/me/entries", json=told).status_code == 201
    run("erase", cast.owner, "--reason", "in writing")
    at_ms = now_ms()
    while erasing.do_one(cast.database, house_of(cast), at_ms):
        at_ms += erasing.QUIET_MS
    (listed,) = run("archive", "list", CLINIC)["archives"]
    shown = run("archive", "show", listed["archive"], "--reason", "a court asks")
    assert (shown["whose"]["name"], [one["text"] for one in shown["versions"]]) == ("owner", ["复诊"])
    assert cast.database["access_log"].count_documents({"person": listed["archive"], "verb": "read"}) == 1
    assert "no such archive" in run("archive", "show", "archive-x", "--reason", "r")
    assert cast.owner not in people.find_many(cast.database, [cast.owner])
