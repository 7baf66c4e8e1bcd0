"""Errors, limits and what is open to everybody."""

import logging
from dataclasses import replace

import pytest
from pymongo.errors import WTimeoutError

from phr.api.application import create
from phr.config import Settings
from phr.errors import SettingInvalid
from phr.migrations import restores
from phr.migrations.migrate import run_pending
from tests.cast import Cast
from tests.telemetry.builders import reported


def test_health_and_readiness_are_green(cast: Cast) -> None:
    reported(cast.database, "ingest")
    reported(cast.database, "scheduler")
    assert [cast.http.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_readiness_names_the_dependency_that_is_down(settings: Settings) -> None:
    nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50&replicaSet=x"
    app = create(replace(settings, mongodb_uri=nowhere))
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["dependencies"]) == (503, {"mongodb": "down"})
    assert app.test_client().get("/healthz").status_code == 200
    app.extensions["phr"].database().client.close()


def test_readiness_is_red_until_the_documents_have_the_form_of_this_version(cast: Cast) -> None:
    reported(cast.database, "ingest")
    reported(cast.database, "scheduler")
    cast.database.migrations.delete_many({})
    answer = cast.http.get("/readyz")
    assert (answer.status_code, answer.json["dependencies"]["migrations"]) == (503, "down")
    assert "app.py migrate" in answer.json["detail"]
    run_pending(cast.database)
    assert cast.http.get("/readyz").status_code == 200


def test_readiness_is_red_until_a_restore_is_through(cast: Cast) -> None:
    reported(cast.database, "ingest")
    reported(cast.database, "scheduler")
    restores.begin(cast.database, "of-monday")
    answer = cast.http.get("/readyz")
    assert answer.status_code == 503
    assert "restore of of-monday" in answer.json["detail"]
    restores.end(cast.database)
    assert cast.http.get("/readyz").status_code == 200


def test_application_without_a_database_does_not_start(settings: Settings) -> None:
    with pytest.raises(SettingInvalid, match="PHR_MONGODB_URI"):
        create(settings)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/healthz", 405)])
def test_error_of_the_router_is_a_problem_document(cast: Cast, method: str, path: str, status: int) -> None:
    answer = cast.http.open(path, method=method)
    assert (answer.status_code, answer.json["status"]) == (status, status)
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(("length", "status"), [(256 * 1024 - 1, 400), (256 * 1024, 400), (256 * 1024 + 1, 413)])
def test_body_has_a_greatest_size(cast: Cast, length: int, status: int) -> None:
    body = b'"' + b"a" * (length - 2) + b'"'
    answer = cast.send(cast.owner, "POST", "/v1/people/me/entries", data=body, content_type="application/json")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"a":NaN}'])
def test_body_that_is_no_object_is_refused(cast: Cast, body: bytes) -> None:
    answer = cast.send(cast.owner, "POST", "/v1/people/me/entries", data=body, content_type="application/json")
    assert answer.status_code == 400


def test_other_content_type_is_refused(cast: Cast) -> None:
    answer = cast.send(cast.owner, "POST", "/v1/people/me/entries", data=b"<x/>", content_type="text/xml")
    assert answer.status_code == 415


def test_surprise_tells_nothing_and_logs_no_value(
    cast: Cast, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = cast.http.application.view_functions
    monkeypatch.setitem(views, "operators.show_health", lambda: int("-".join(("secret", "value"))))
    with caplog.at_level(logging.ERROR):
        answer = cast.http.get("/healthz")
    assert (answer.status_code, answer.json["code"]) == (500, "internal-error")
    assert "secret-value" not in answer.text + "".join(record.getMessage() for record in caplog.records)


def test_answers_are_not_kept_by_caches(cast: Cast) -> None:
    assert cast.send(cast.owner, "GET", "/v1/people/me").headers["Cache-Control"] == "no-store"


def test_no_log_no_answer(cast: Cast) -> None:
    """A read whose line can't be written does not leave."""
    cast.database["access_log"].drop()
    cast.database.command({"create": "access_log", "validator": {"never": 1}})
    answer = cast.send(cast.owner, "GET", "/v1/people/me")
    assert (answer.status_code, "name" in answer.json) == (500, False)


def test_a_write_that_no_majority_confirms_is_unavailable(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def times_out() -> None:
        raise WTimeoutError("waiting for replication timed out")

    monkeypatch.setitem(cast.http.application.view_functions, "operators.show_health", times_out)
    answer = cast.http.get("/healthz")
    assert (answer.status_code, answer.json["code"]) == (503, "server-unavailable")
