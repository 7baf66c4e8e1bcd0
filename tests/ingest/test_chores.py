"""What a worker does beside its batches, on a real broker and database."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pymongo.errors import AutoReconnect

from ingest import chores as chores_module
from ingest.chores import Chores, Desk
from ingest.consumer import make_client, parse_url
from ingest.gate import Gate
from ingest.watch import Watch
from phr.clock import now_ms, to_datetime
from phr.intake import commands, models, rejections, status
from phr.intake.commands import NewCommand
from phr.intake.models import Model
from phr.intake.policy import Limits, Plan
from phr.telemetry import reports
from phr.telemetry.readiness import BROKER_BYTES, BROKER_LIMIT
from phr.telemetry.tally import Tally
from tests.ingest.mqtt_client import Client
from tests.ingest.running import WAIT_S, Plant, a_payload, counts, wait_until
from tests.telling import tells


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores_module, "LOOK_EVERY_MS", 20)
    monkeypatch.setattr(reports, "REPORT_EVERY_MS", 50)


@contextmanager
def working(plant: Plant, plan: Plan | None = None) -> Iterator[Watch]:
    """A worker with a desk; leaving writes its last figures."""
    tally = Tally()
    watch = Watch(parse_url(plant.broker.url), plant.group, f"watch-{secrets.token_hex(4)}", tally)
    plant.chores = Chores(tally, Gate(plan), Desk(plant.database, 0, watch, 1_000))
    with plant.working():
        yield watch


def total(plant: Plant, name: str, label: str) -> float:
    found = reports.sums(reports.all_reports(plant.database), "counters")
    return found.get(name, {}).get(label, 0)


def test_what_a_worker_did_is_in_its_report(plant: Plant) -> None:
    with working(plant):
        plant.ask(a_payload())
        plant.ask(a_payload())
        plant.ask(a_payload(2, readings=[{}]))
        wait_until(lambda: total(plant, "verdicts", "sent") == 3)
    assert [total(plant, "items", one) for one in ("stored", "duplicate")] == [1, 1]
    assert total(plant, "messages_received", "mqtt") == 3
    assert sum(reports.sums(reports.all_reports(plant.database), "counters")["items_rejected"].values()) == 1


def test_a_report_names_nobody(plant: Plant) -> None:
    with working(plant):
        plant.ask(a_payload())
        wait_until(lambda: total(plant, "verdicts", "sent"))
    text = str(list(plant.database["telemetry"].find()))
    assert not tells(text, plant.vendor, plant.person, "d1", "m0")


def test_a_worker_knows_how_full_the_broker_is(plant: Plant) -> None:
    def heard() -> Any:
        return any({BROKER_BYTES, BROKER_LIMIT} <= set(one.levels) for one in reports.all_reports(plant.database))

    with working(plant):
        wait_until(heard)


def test_a_device_past_its_rate_is_told_to_wait_and_its_neighbour_is_not(plant: Plant) -> None:
    plant.add_device("d2")
    with working(plant, Plan(device=Limits(2, None))):
        verdicts = [plant.ask(a_payload(n)) for n in range(4)]
        assert counts(plant.ask(a_payload(9), "d2")) == (1, 0, 0, 0, 0)
    assert [counts(one) for one in verdicts] == [(1, 0, 0, 0, 0)] * 2 + [(0, 0, 0, 0, 1)] * 2
    assert [(one["id"], one["rejected"][0]["code"]) for one in verdicts[2:]] == [
        (f"m{n}", "rate-limited") for n in (2, 3)
    ]
    assert all(0 < one["retry_after_s"] <= 30 for one in verdicts[2:])


def test_a_flood_is_sampled_and_counted(plant: Plant) -> None:
    with working(plant, Plan(device=Limits(1, None))):
        for n in range(5):
            plant.ask(a_payload(n))
    kept = rejections.recent(plant.database, plant.vendor, 9).rows
    day = kept[0].rejections[0].code, rejections.counted(plant.database, plant.vendor, _today())
    assert (len(kept), day) == (1, ("rate-limited", 3))
    assert (total(plant, "messages_limited", "all"), total(plant, "items_rejected", "rate-limited")) == (4, 4)


def test_what_a_device_says_of_itself_is_kept(plant: Plant) -> None:
    topic = f"phr/v1/{plant.vendor}/d1/status"
    with working(plant):
        wait_until(lambda: _listens(plant, topic))
        plant.client.publish(topic, b'{"state":"online","battery":81,"firmware":"1.4"}')
        wait_until(lambda: _known(plant).get("battery") == 81)
        plant.client.publish(topic, b"offline")
        wait_until(lambda: _known(plant)["state"] == "offline")
    assert (_known(plant)["firmware"], _known(plant)["battery"]) == ("1.4", 81)


def test_a_malformed_status_is_counted_and_not_kept(plant: Plant) -> None:
    topic = f"phr/v1/{plant.vendor}/d1/status"
    with working(plant):
        wait_until(lambda: _listens(plant, topic))
        wait_until(lambda: _is_malformed_heard(plant, topic))
    assert (_known(plant)["state"], _known(plant).get("battery")) == ("online", None)


def _is_malformed_heard(plant: Plant, topic: str) -> bool:
    """Says it again each time: the side line may be coming back just then."""
    plant.client.publish(topic, b'{"state":"asleep","battery":3}')
    return total(plant, "status_messages", "malformed") >= 1


def test_a_status_of_a_device_that_is_not_registered_is_not_kept(plant: Plant) -> None:
    with working(plant):
        wait_until(lambda: _listens(plant, f"phr/v1/{plant.vendor}/ghost/status"))
    assert status.of_devices(plant.database, [f"{plant.vendor}/ghost"]) == {}


def test_a_command_reaches_its_device_once(plant: Plant) -> None:
    device = f"{plant.vendor}/d1"
    password = plant.broker.add(device)
    with working(plant), Client(plant.broker.host, plant.broker.port, device, password) as listener:
        listener.subscribe(f"phr/v1/{device}/commands")
        made = commands.add(plant.database, NewCommand(device=device, code="sync-now", args={}, life_s=60), now_ms())
        (_, payload), *_ = listener.wait_for(1)
        wait_until(lambda: plant.database["commands"].find_one({"_id": made.id, "sent_at_ms": {"$ne": None}}))
    assert (json.loads(payload)["id"], len(listener.messages)) == (made.id, 1)


_passwords: dict[str, str] = {}


@contextmanager
def listening(plant: Plant, *, has_session: bool = True) -> Iterator[list[str]]:
    """A device that comes back to its session; the ids of the commands it hears."""
    device, heard, ready = f"{plant.vendor}/d1", [], threading.Event()
    password = _passwords.get(device) or _passwords.setdefault(device, plant.broker.add(device))
    address = replace(parse_url(plant.broker.url), username=device, password=password)
    client = make_client(address, f"{plant.group}-d1")
    client.on_message = lambda _, __, message: heard.append(json.loads(message.payload)["id"])
    client.on_subscribe = lambda *_: ready.set()
    client.on_connect = lambda *_: client.subscribe(f"phr/v1/{device}/commands", qos=1)
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 60 if has_session else 0
    client.connect(address.host, address.port, clean_start=False, properties=properties)
    client.loop_start()
    assert ready.wait(WAIT_S)
    yield heard
    client.disconnect()
    client.loop_stop()


def a_command(plant: Plant, life_s: int = 60) -> str:
    draft = NewCommand(device=f"{plant.vendor}/d1", code="sync-now", args={}, life_s=life_s)
    return commands.add(plant.database, draft, now_ms()).id


def _is_sent(plant: Plant, command_id: str) -> bool:
    return plant.database["commands"].find_one({"_id": command_id, "sent_at_ms": {"$ne": None}}) is not None


def test_a_command_waits_at_the_broker_for_a_device_that_is_away(plant: Plant) -> None:
    with listening(plant):
        pass
    with working(plant):
        command_id = a_command(plant)
        wait_until(lambda: _is_sent(plant, command_id))
    with listening(plant, has_session=False) as heard:
        wait_until(lambda: heard)
    assert heard == [command_id]


def test_a_command_waits_for_a_device_that_the_broker_does_not_know(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "CLAIM_MS", 50)
    plant.client.client.unsubscribe(f"phr/v1/{plant.vendor}/#")
    with working(plant) as watch:
        wait_until(lambda: watch.levels)
        command_id = a_command(plant)
        wait_until(lambda: _claims(plant, command_id) > 0)
        assert not _is_sent(plant, command_id)
        with listening(plant, has_session=False) as heard:
            wait_until(lambda: heard and _is_sent(plant, command_id))
    assert heard == [command_id]


def test_a_command_that_expires_on_the_way_is_never_heard(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker counts whole seconds from when it heard: it forgets up to two seconds after the end."""
    monkeypatch.setattr(commands, "SHORTEST_LIFE_S", 2)
    with listening(plant):
        pass
    with working(plant):
        short = a_command(plant, life_s=2)
        wait_until(lambda: _is_sent(plant, short))
        wait_until(lambda: now_ms() > _row(plant, short)["expires_at_ms"] + 2_000)
        long = a_command(plant)
        wait_until(lambda: _is_sent(plant, long))
    with listening(plant, has_session=False) as heard:
        wait_until(lambda: long in heard)
    assert heard == [long]


def test_a_command_is_not_sent_again_because_its_mark_failed(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    mark, failures = commands.mark_sent, iter([AutoReconnect("gone")] * 3)

    def failing(*arguments: Any) -> None:
        if error := next(failures, None):
            raise error
        mark(*arguments)

    monkeypatch.setattr(commands, "mark_sent", failing)
    with working(plant), listening(plant, has_session=False) as heard:
        command_id = a_command(plant)
        wait_until(lambda: _is_sent(plant, command_id))
    assert heard == [command_id]


def test_what_a_device_says_of_itself_outlives_a_write_that_failed(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, failures = status.put, iter([AutoReconnect("gone")] * 3)

    def failing(*arguments: Any) -> int:
        if error := next(failures, None):
            raise error
        return put(*arguments)

    monkeypatch.setattr(status, "put", failing)
    with working(plant) as watch:
        wait_until(lambda: watch.levels)
        wait_until(lambda: _listens(plant, f"phr/v1/{plant.vendor}/d1/status"))
        wait_until(lambda: _known(plant).get("state") == "online")
    assert next(failures, None) is None


def _row(plant: Plant, command_id: str) -> dict[str, Any]:
    return plant.database["commands"].find_one({"_id": command_id}) or {}


def _claims(plant: Plant, command_id: str) -> int:
    return int(_row(plant, command_id).get("claimed_until_ms", 0))


def _listens(plant: Plant, topic: str) -> bool:
    """True once the side line hears this topic; says so with a good status."""
    plant.client.publish(topic, b"online")
    return total(plant, "status_messages", "taken") > 0


def _known(plant: Plant) -> dict[str, Any]:
    return plant.database["device_status"].find_one({"_id": f"{plant.vendor}/d1"}) or {}


def _today() -> str:
    return to_datetime(now_ms()).date().isoformat()


def test_device_past_its_models_rate_is_told_so(plant: Plant) -> None:
    """The device is known from its first payload on; the model's rate from the registration."""
    model = Model(vendor=plant.vendor, slug="slow", name_zh="慢", name_en="Slow", rate_per_min=1)
    models.create(plant.database, model, now_ms())
    plant.add_device("d3", model="slow")
    with working(plant):
        verdicts = [plant.ask(a_payload(number), "d3") for number in range(3)]
    assert [[one["code"] for one in verdict["rejected"]] for verdict in verdicts] == [[], [], ["rate-limited"]]
    assert 0 < verdicts[2]["retry_after_s"] <= 60
