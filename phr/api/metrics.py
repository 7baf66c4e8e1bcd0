"""The house's figures for Prometheus; numbers and codes only."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from phr.api.deciding import speaks
from phr.api.installation import database, installation
from phr.clock import now_ms
from phr.errors import AccessDenied, NotAuthenticated
from phr.notices import deliveries
from phr.readings import folding
from phr.telemetry import readiness, reports
from phr.telemetry.figures import COUNTERS, HISTOGRAMS, LEVELS
from phr.telemetry.reports import Report
from phr.telemetry.tally import step_name

blueprint = Blueprint("metrics", __name__)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/metrics")
@speaks(gives="text/plain")
def show_metrics() -> Response:
    """With PHR_METRICS_SECRET: for who sends it as a bearer token; without: for this machine alone."""
    _check_reader(installation().settings.metrics_secret)
    moment = now_ms()
    installation().report(moment, is_forced=True)
    registry = CollectorRegistry()
    registry.register(
        _House(reports.all_reports(database()), folding.backlog(database()), deliveries.backlog(database()), moment)
    )
    return Response(generate_latest(registry), content_type=CONTENT_TYPE)


def _check_reader(secret: str | None) -> None:
    if secret is not None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {secret}".encode()):
            raise NotAuthenticated("send the secret of PHR_METRICS_SECRET: Authorization: Bearer …")
    elif not _is_from_here():
        raise AccessDenied("without PHR_METRICS_SECRET the figures are for this machine alone")


def _is_from_here() -> bool:
    """A proxy on this machine speaks for others, and says so."""
    if any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP")):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


Waiting = dict[str, tuple[int, int]]  # of deliveries: by channel how many, and when the first is due


class _House(Collector):
    def __init__(self, found: list[Report], backlog: int, waiting: Waiting, moment: int) -> None:
        self._deliveries = waiting
        self._reports = found
        self._backlog = backlog
        self._now_ms = moment

    def collect(self) -> Iterator[Metric]:
        yield from self._counters()
        yield from self._histograms()
        yield from self._levels()

    def _counters(self) -> Iterator[Metric]:
        totals = reports.sums(self._reports, "counters")
        for name, counter in COUNTERS.items():
            family = CounterMetricFamily(f"phr_{name}", counter.help, labels=[counter.label] if counter.label else [])
            parts = totals.get(name, {})
            if counter.label is None:
                parts = {"all": parts.get("all", 0)}
            for label, total in sorted(parts.items()):
                family.add_metric([label] if counter.label else [], total)
            yield family
        broker = readiness.broker_levels(self._reports, self._now_ms)
        if readiness.BROKER_DROPPED in broker:
            dropped = broker[readiness.BROKER_DROPPED]
            yield CounterMetricFamily("phr_broker_dropped_messages", "since the broker's start", value=dropped)

    def _histograms(self) -> Iterator[Metric]:
        totals = reports.sums(self._reports, "histograms")
        for name, steps in HISTOGRAMS.items():
            found, below, buckets = totals.get(name, {}), 0.0, []
            for bound in steps.bounds:
                below += found.get(step_name(bound), 0)
                buckets.append((f"{float(bound)}", below))
            buckets.append(("+Inf", below + found.get("inf", 0)))
            yield HistogramMetricFamily(f"phr_{name}", steps.help, buckets=buckets, sum_value=found.get("sum", 0))

    def _levels(self) -> Iterator[Metric]:
        workers = readiness.live(self._reports, "ingest", self._now_ms)
        for name, about in LEVELS.items():
            yield GaugeMetricFamily(f"phr_{name}", about, value=sum(one.levels.get(name, 0) for one in workers))
        yield GaugeMetricFamily("phr_ingest_workers", "workers that report", value=len(workers))
        schedulers = readiness.live(self._reports, "scheduler", self._now_ms)
        yield GaugeMetricFamily("phr_scheduler_up", "1 while a scheduler reports", value=bool(schedulers))
        waiting = GaugeMetricFamily("phr_deliveries_waiting", "messages that wait for a channel", labels=["channel"])
        late = GaugeMetricFamily("phr_deliveries_late_seconds", "how long the first of them is due", labels=["channel"])
        for channel, (count, first_ms) in sorted(self._deliveries.items()):
            waiting.add_metric([channel], count)
            late.add_metric([channel], max(0, self._now_ms - first_ms) / 1000)
        yield from (waiting, late)
        yield GaugeMetricFamily("phr_folding_backlog", "buckets whose summaries are behind", value=self._backlog)
        for name, level in readiness.broker_levels(self._reports, self._now_ms).items():
            if name != readiness.BROKER_DROPPED:
                yield GaugeMetricFamily(f"phr_{name}", "as the broker itself says, or its limit", value=level)
