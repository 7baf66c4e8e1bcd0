"""What operators read, and who may."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from ingest.watch import SYSTEM_TOPICS
from phr.api.application import create
from phr.clock import now_ms
from phr.telemetry.reports import Reporter
from phr.telemetry.tally import Tally
from tests.cast import Cast
from tests.telemetry.builders import reported


def samples(answer: TestResponse) -> dict[tuple[str, ...], float]:
    """{(name, label value…): value}"""
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_figures_of_all_workers_are_summed(cast: Cast) -> None:
    for slot in ("0", "1"):
        reported(cast.database, "ingest", slot, lambda tally: tally.add("items", 2, "stored"))
    found = samples(cast.http.get("/metrics"))
    assert (found["phr_items_total", "stored"], found["phr_ingest_workers",]) == (4, 2)


def test_histograms_are_cumulative(cast: Cast) -> None:
    reported(cast.database, "ingest", count=lambda tally: tally.observe("batch_messages", [1, 2, 9_999]))
    found = samples(cast.http.get("/metrics"))
    assert [found["phr_batch_messages_bucket", bound] for bound in ("1.0", "3.0", "4000.0", "+Inf")] == [1, 2, 2, 3]
    assert (found["phr_batch_messages_count",], found["phr_batch_messages_sum",]) == (3, 10_002)


def test_uploads_are_counted_and_name_nobody(cast: Cast) -> None:
    body = {"device": "phone", "readings": [{"metric": "spo2", "t": 1795390200000, "unit": "%", "value": 97}, {}]}
    cast.send(cast.owner, "POST", "/v1/people/me/readings", json=body)
    answer = cast.http.get("/metrics")
    assert samples(answer)["phr_items_total", "stored"] == 1
    assert sum(value for key, value in samples(answer).items() if key[0] == "phr_items_rejected_total") == 1
    assert not [word for word in (cast.owner, "phone", "cuff-1", "acme") if word in answer.text]


def test_an_empty_house_has_every_figure(cast: Cast) -> None:
    answer = cast.http.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert {("phr_folding_backlog",), ("phr_handover_bytes",), ("phr_scheduler_up",)} <= set(samples(answer))


def test_figures_are_those_that_operators_were_told_of(cast: Cast) -> None:
    """Of a worker that has heard its broker: names and kinds, neither more nor fewer."""
    levels = dict.fromkeys(["broker_limit_bytes", *SYSTEM_TOPICS.values()], 1.0)
    Reporter(cast.database, "ingest", "0", Tally()).write(now_ms(), levels)
    families = text_string_to_metric_families(cast.http.get("/metrics").text)
    shown = {(one.name + "_total" * (one.type == "counter"), one.type) for one in families}
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`phr_.*`) \| (\w+) \|", text, re.MULTILINE)
    assert {(name, kind) for names, kind in rows for name in re.findall(r"phr_\w+", names)} == shown


@pytest.mark.parametrize(("header", "status"), [("Bearer s3", 200), ("Bearer s4", 401), ("Bearer s3x", 401), ("", 401)])
def test_a_secret_that_is_set_must_be_sent(cast: Cast, header: str, status: int) -> None:
    app = create(replace(cast.installation.settings, metrics_secret="s3"), cast.database)
    assert app.test_client().get("/metrics", headers={"Authorization": header}).status_code == status


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.7", 403), ("", 403)])
def test_without_a_secret_only_this_machine_reads(cast: Cast, address: str, status: int) -> None:
    assert cast.http.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == status


def test_a_proxy_on_this_machine_is_not_this_machine(cast: Cast) -> None:
    assert cast.http.get("/metrics", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 403


def test_readiness_names_each_silent_role(cast: Cast) -> None:
    answer = cast.http.get("/readyz")
    assert (answer.status_code, set(answer.json["faults"])) == (503, {"ingest", "scheduler"})
    assert answer.content_type == "application/problem+json"
