"""A broker that is restarted, killed, cut off, frozen, or full."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.proof import Row
from tests.faults.proxy import Proxy
from tests.faults.senders import Trusting, Waiting
from tests.faults.site import EACH_KIND, IS_WHOLE, WAIT_S, Site, built
from tests.faults.small_disk import SmallDisk

SAFEST = {"autosave_on_changes": "true", "autosave_interval": "1"}
WARM_UP_S = 0.5 if IS_WHOLE else 0.2
BACKLOG_EACH = 60 if IS_WHOLE else 50


def test_a_restarted_broker_loses_nothing_of_either_kind(site: Site, table: list[Row]) -> None:
    site.start_workers(1)
    traffic = site.traffic().start()
    time.sleep(WARM_UP_S)
    site.stop_broker(signal.SIGTERM)
    site.start_broker()
    table.append(site.recover(traffic, "broker SIGTERM and restart"))


@pytest.mark.whole
def test_a_killed_broker_loses_nothing_of_those_who_wait(site: Site, table: list[Row]) -> None:
    site.start_workers(1)
    traffic = site.traffic(kinds=(Waiting,)).start()
    time.sleep(WARM_UP_S)
    site.stop_broker(signal.SIGKILL)
    site.start_broker()
    table.append(site.recover(traffic, "broker SIGKILL, verdict-waiting"))


@pytest.mark.whole
def test_a_cut_connection_loses_nothing_of_either_kind(site: Site, table: list[Row]) -> None:
    with Proxy((site.broker.host, site.broker.port)) as proxy:
        site.proxy = proxy.address
        site.start_workers(1)
        traffic = site.traffic().start()
        time.sleep(WARM_UP_S)
        proxy.cut()
        time.sleep(WARM_UP_S)
        proxy.restore()
        table.append(site.recover(traffic, "devices' connections cut"))


@pytest.mark.whole
def test_a_worker_s_cut_connection_loses_nothing_of_either_kind(site: Site, table: list[Row]) -> None:
    with Proxy((site.broker.host, site.broker.port)) as proxy:
        port = proxy.address[1]
        site.settings = replace(site.settings, mqtt_url=site.broker.url.replace(f":{site.broker.port}", f":{port}"))
        site.start_workers(1)
        traffic = site.traffic().start()
        for _ in range(2):
            time.sleep(WARM_UP_S)
            proxy.cut()
            time.sleep(WARM_UP_S)
            proxy.restore()
        table.append(site.recover(traffic, "worker's connections cut twice"))


@pytest.mark.whole
def test_a_frozen_broker_loses_nothing_of_either_kind(site: Site, table: list[Row]) -> None:
    site.start_workers(2)
    traffic = site.traffic().start()
    time.sleep(WARM_UP_S)
    site.broker.process.send_signal(signal.SIGSTOP)
    time.sleep(5)
    site.broker.process.send_signal(signal.SIGCONT)
    table.append(site.recover(traffic, "broker frozen 5 s"))


@pytest.mark.whole
@pytest.mark.parametrize(("name", "changes"), [("autosave 60 s", {"autosave_interval": "60"}), ("each change", SAFEST)])
def test_what_a_killed_broker_forgets_is_measured(
    mongod: str, tmp_path: Path, table: list[Row], name: str, changes: Mapping[str, str]
) -> None:
    with built(tmp_path, mongod, changes=changes) as site:
        row = _backlog_lost(site, f"broker SIGKILL, backlog, {name}", signal.SIGKILL)
    table.append(row)
    acked = EACH_KIND * BACKLOG_EACH
    # A PUBACK leaves before its save: what the last one was to keep is lost with either setting.
    assert row.lost_of_acked <= EACH_KIND if changes is SAFEST else row.lost_of_acked > acked / 2


@pytest.mark.whole
def test_what_a_full_queue_drops_is_measured(mongod: str, tmp_path: Path, table: list[Row]) -> None:
    with built(tmp_path, mongod, changes={"max_queued_bytes": "200000"}) as site:
        row = _backlog_lost(site, "broker's queue of 200 kB full", None)
    table.append(row)
    assert row.lost_of_acked > 0


@pytest.mark.whole
@pytest.mark.parametrize(("name", "changes"), [("autosave 60 s", {"autosave_interval": "60"}), ("each change", SAFEST)])
def test_what_a_full_disk_forgets_is_measured(
    mongod: str, tmp_path: Path, table: list[Row], name: str, changes: Mapping[str, str]
) -> None:
    with SmallDisk(tmp_path / "disk", 8) as disk, built(disk.path, mongod, changes=changes) as site:
        row = _backlog_lost(site, f"broker's disk full, restart, {name}", signal.SIGTERM, disk)
    table.append(row)
    assert row.lost_of_acked > 0


def _backlog_lost(site: Site, name: str, end: signal.Signals | None, disk: SmallDisk | None = None) -> Row:
    """Publishes to a broker whose only worker is away, ends the broker, counts what was acknowledged and is gone.

    Those who trust the PUBACK and those who wait publish side by side. Of the second nothing may be missing, and what
    is left of the first must be whole.
    """
    site.start_workers(1)[0].stop()
    traffic = site.traffic()
    if disk:
        disk.fill()
    before = _written(site)
    traffic.publish_each(BACKLOG_EACH)
    traffic.settle(WAIT_S, (Trusting,))
    print(f"\n{name}: {(_written(site) - before) / traffic.ledger.published:.0f} bytes written a message")
    if end:
        site.stop_broker(end)
    if disk:
        disk.empty()
    began_s = time.monotonic()
    if end:
        site.start_broker()
    site.start_workers(1)
    traffic.settle(WAIT_S)
    all_s = time.monotonic() - began_s
    _wait_until_quiet(site)
    lost = {device: site.record.missing(traffic.ledger, device) for device in traffic.ledger.acked}
    row = site.record.row(name, traffic.ledger)
    site.prove(traffic.ledger.without(lost), name)
    return replace(row, all_s=all_s, lost_of_acked=sum(map(len, lost.values())))


def _wait_until_quiet(site: Site) -> None:
    """Nothing has been stored for two seconds."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 2:
        version = site.record.version()
        if version != seen:
            seen, since = version, time.monotonic()
        time.sleep(0.1)


def _written(site: Site) -> int:
    """Bytes that the broker gave to the system to write to files and sockets."""
    text = Path(f"/proc/{site.broker.process.pid}/io").read_text()
    return int(dict(line.split(": ") for line in text.splitlines())["write_bytes" if not _on_memory(site) else "wchar"])


def _on_memory(site: Site) -> bool:
    return site.settings.data_dir.name == "disk"  # a tmpfs counts no written bytes
