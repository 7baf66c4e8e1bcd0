"""A storm of bad input among a neighbour's good readings: these all arrive, and every payload is answered."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from phr.clock import rfc3339
from phr.intake import bindings
from phr.intake.device import Binding
from tests.real.installation import VENDOR, Installation, Row

V1 = "application/vnd.phr.readings+json"
T0 = 1_795_390_200_000  # 2026-11-23T07:30:00+08:00
MINUTE_MS = 60_000
COUNTS = ("stored", "duplicate", "corrected", "held", "rejected_count")
WEIGHT = {"metric": "weight", "t": T0, "unit": "kg", "value": 61.5}
WEIGHT_TEXT = '{"metric":"weight","t":1795390200000,"unit":"kg","value":61.5}'


def _weights(*changes: Row) -> bytes:
    return json.dumps({"id": "x", "readings": [WEIGHT | one for one in changes]}).encode()


# name: payload, what its verdict counts, the codes of its rejections
STORM: dict[str, tuple[bytes, tuple[int, ...], set[str]]] = {
    "300 KiB": (b'{"id":"x","readings":[]}' + b" " * 300 * 1024, (0, 0, 0, 0, 1), {"payload-too-large"}),
    "deep nesting": (b"[" * 250_000, (0, 0, 0, 0, 1), {"payload-unreadable"}),
    "a key twice": (b'{"id":"x","readings":[],"readings":[]}', (0, 0, 0, 0, 1), {"payload-unreadable"}),
    "an item's key twice": (
        f'{{"id":"x","readings":[{{"a":1,"a":2}},{WEIGHT_TEXT}]}}'.encode(),
        (1, 0, 0, 0, 1),
        {"duplicate-key"},
    ),
    "not UTF-8": (b'{"id":"x","readings":[],"device":"\xff"}', (0, 0, 0, 0, 1), {"payload-unreadable"}),
    "1e400": (
        f'{{"id":"x","readings":[{WEIGHT_TEXT.replace("61.5", "1e400")}]}}'.encode(),
        (0, 0, 0, 0, 1),
        {"value-invalid"},
    ),
    "a million items": (b'{"readings":[' + b"0," * 500_000 + b"0]}", (0, 0, 0, 0, 1), {"payload-too-large"}),
    "87,000 empty items": (b'{"readings":[' + b"{}," * 86_999 + b"{}]}", (0, 0, 0, 0, 87_000), {"metric-missing"}),
    "130,000 impossible values": (
        b'{"series":[{"metric":"spo2","start":1795390200000,"period_s":1,"unit":"%","values":['
        + b"9," * 129_999
        + b"9]}]}",
        (0, 0, 0, 0, 130_000),
        {"value-out-of-bounds"},
    ),
    "the year 1899": (_weights({"t": "1899-12-31T00:00:00Z"}), (0, 0, 0, 1, 0), set()),
    "the year 2999": (_weights({"t": "2999-01-01T00:00:00Z"}), (0, 0, 0, 1, 0), set()),
    "the year 10000": (_weights({"t": "10000-01-01T00:00:00Z"}), (0, 0, 0, 0, 1), {"time-invalid"}),
    "a lone surrogate": (b'{"id":"x","readings":[{"\\ud800":1,"\\ud800":2}]}', (0, 0, 0, 0, 1), {"duplicate-key"}),
    "an hour that comes twice": (
        _weights({"t": "2026-10-25T02:30:00+02:00"}, {"t": "2026-10-25T02:30:00+01:00"}),
        (2, 0, 0, 0, 0),
        set(),
    ),
    "one instant with three offsets": (
        _weights(*[{"t": f"2026-11-20T{text}"} for text in ("17:30:00+08:00", "10:30:00+01:00", "04:30:00-05:00")]),
        (1, 2, 0, 0, 0),
        set(),
    ),
    "an instant with and without its place": (
        _weights({"t": "2026-11-21T07:30:00+08:00"}, {"t": "2026-11-20T23:30:00Z"}, {"t": 1_795_217_400_000}),
        (1, 2, 0, 0, 0),
        set(),
    ),
}


@pytest.fixture
def sick(installation: Installation) -> str:
    """A device that sends what nobody should."""
    device = f"sick-{secrets.token_hex(4)}"
    installation.add_person(device, "phr-v1")
    return device


def test_every_bad_input_is_answered_and_no_good_reading_is_lost(installation: Installation, sick: str) -> None:
    person = installation.add_person(well := f"well-{secrets.token_hex(4)}", "phr-v1")
    for number, name in enumerate(STORM):
        verdict, codes = _answer(installation, sick, STORM[name][0])
        assert (tuple(verdict[one] for one in COUNTS), codes) == STORM[name][1:], name
        installation.gateway.publish(well, _weights({"t": T0 + MINUTE_MS * number}), V1)
    last = installation.gateway.send(well, _weights({"t": T0 + MINUTE_MS * len(STORM)}), V1, "x")
    assert last["stored"] == 1
    rows = installation.rows(person, "weight", resolution="raw", **{"from": rfc3339(T0), "to": rfc3339(T0 + 2**40)})
    assert len(rows) == len(STORM) + 1


def test_a_storm_that_arrives_at_once_leaves_the_queue_empty(installation: Installation, sick: str) -> None:
    person = installation.add_person(well := f"well-{secrets.token_hex(4)}", "phr-v1")
    slots = list(installation.operator.database["worker_slots"].find({}, {"pid": 1}))
    for number, (payload, _, _) in enumerate(STORM.values()):
        installation.gateway.publish(sick, payload, V1)
        installation.gateway.publish(well, _weights({"t": T0 + MINUTE_MS * number}), V1)
    last = json.dumps({"id": "last", "readings": [WEIGHT | {"t": T0 - MINUTE_MS}]}).encode()
    for device in (sick, well):
        assert installation.gateway.send(device, last, V1, "last")["stored"] == 1
    query = {"from": rfc3339(T0 - MINUTE_MS), "to": rfc3339(T0 + 2**40)}
    assert len(installation.rows(person, "weight", resolution="raw", **query)) == len(STORM) + 1
    assert list(installation.operator.database["worker_slots"].find({}, {"pid": 1})) == slots  # the same worker


@pytest.mark.parametrize("device", ["two words", "设备", "d" * 65, "$where", "'--"])
def test_an_odd_device_name_is_answered(installation: Installation, device: str) -> None:
    _, codes = _answer(installation, device, _weights({}))
    assert codes == {"device-invalid"}


def test_a_cuff_that_changes_hands_gives_each_their_own(installation: Installation) -> None:
    first, second = (installation.add_person(f"cuff-{secrets.token_hex(4)}", "phr-v1") for _ in range(2))
    cuff = f"cuff-{secrets.token_hex(4)}"
    third = installation.add_person(cuff, "phr-v1")
    database, ref = installation.operator.database, f"{VENDOR}/{cuff}"
    bindings.unbind(database, ref, "", T0)
    bindings.bind(database, ref, Binding("", first, T0 + MINUTE_MS, T0 + 2 * MINUTE_MS))
    bindings.bind(database, ref, Binding("", second, T0 + 2 * MINUTE_MS, None))
    payload = _weights(*[{"t": T0 + MINUTE_MS * n} for n in (-1, 0, 1, 2, 3)])
    verdict, _ = _answer(installation, cuff, payload)
    assert (verdict["stored"], verdict["held"]) == (4, 1)
    assert [_count(installation, person) for person in (third, first, second)] == [1, 1, 2]


def _answer(installation: Installation, device: str, payload: bytes) -> tuple[Row, set[str]]:
    payload_id = "x" if b'"id"' in payload else ""
    verdict = installation.gateway.send(device, payload, V1, payload_id)
    return verdict, {one["code"] for one in verdict["rejected"]}


def _count(installation: Installation, person: str) -> int:
    query: dict[str, Any] = {"from": rfc3339(T0 - 2**30), "to": rfc3339(T0 + 2**30), "resolution": "raw"}
    return len(installation.rows(person, "weight", **query))
