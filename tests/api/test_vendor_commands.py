"""What a vendor may tell its devices."""

from typing import Any

import pytest

from phr.intake import commands, status
from phr.intake.commands import CLAIM_MS, NewCommand, is_neutral
from phr.intake.status import Heard, Status
from tests.cast import T0, Cast

PATH = "/v1/vendor/devices/cuff-1/commands"


def told(cast: Cast, body: dict[str, Any], vendor: str = "acme", scope: str = "vendor.write") -> Any:
    client = cast.vendor.client_id
    token = cast.token(client, scope, client_id=client, vendor=vendor)
    return cast.http.post(PATH, json=body, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    "body",
    [
        {"code": "sync-now"},
        {"code": "measure-again"},
        {"code": "remind", "args": {"text": "请在 07:30 测量血压"}},
        {"code": "set-schedule", "args": {"times": ["07:30", "23:59"]}},
        {"code": "show-code", "args": {"shown": "AB-12"}, "life_s": 60},
    ],
)
def test_a_vendor_commands_its_device(cast: Cast, body: dict[str, Any]) -> None:
    answer = told(cast, body)
    assert (answer.status_code, answer.json["device"]) == (202, "acme/cuff-1")


@pytest.mark.parametrize(
    "body",
    [
        {"code": "explode"},
        {"code": "remind"},
        {"code": "remind", "args": {"text": "x" * 41}},
        {"code": "remind", "args": {"text": "take 5 mg"}},
        {"code": "sync-now", "args": {"text": "x"}},
        {"code": "set-schedule", "args": {"times": []}},
        {"code": "set-schedule", "args": {"times": ["24:00"]}},
        {"code": "show-code", "args": {"shown": "A" * 13}},
        {"code": "sync-now", "life_s": 59},
        {"code": "sync-now", "life_s": 7 * 24 * 3600 + 1},
    ],
)
def test_what_is_no_command_is_refused(cast: Cast, body: dict[str, Any]) -> None:
    assert told(cast, body).status_code == 400
    assert cast.database["commands"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("x" * 40, True),
        ("at 07:30", True),
        ("5毫克", False),
        ("107:30", False),
        ("½ pill", False),
        ("五分", False),
        ("", False),
    ],
)
def test_neutral_words_hold_no_number_but_a_time(text: str, is_good: bool) -> None:
    assert is_neutral(text) is is_good


def test_another_vendors_device_is_not_there(cast: Cast) -> None:
    assert told(cast, {"code": "sync-now"}, vendor="other").status_code == 404


def test_reading_does_not_allow_commanding(cast: Cast) -> None:
    assert told(cast, {"code": "sync-now"}, scope="vendor.read").status_code == 403


def test_the_stranger_commands_nothing(cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.stranger, 'vendor.write')}"}
    assert cast.http.post(PATH, json={"code": "sync-now"}, headers=headers).status_code == 403


def test_a_command_is_claimed_by_one_worker_until_it_is_sent(cast: Cast) -> None:
    made = commands.add(cast.database, NewCommand(device="acme/cuff-1", code="sync-now", args={}, life_s=60), T0)
    claims = [commands.claim_one(cast.database, at) for at in (T0, T0 + CLAIM_MS - 1, T0 + CLAIM_MS)]
    assert [one.id if one else None for one in claims] == [made.id, None, made.id]
    commands.mark_sent(cast.database, [made.id], T0)
    assert commands.claim_one(cast.database, T0 + 2 * CLAIM_MS - 1) is None


def test_an_expired_command_is_not_sent(cast: Cast) -> None:
    commands.add(cast.database, NewCommand(device="acme/cuff-1", code="sync-now", args={}, life_s=60), T0)
    assert commands.claim_one(cast.database, T0 + 59_001) is None
    last = commands.claim_one(cast.database, T0 + 59_000)
    assert last is not None
    assert last.left_s(T0 + 59_000) == 1


def test_a_vendor_sees_what_its_device_says_of_itself(cast: Cast) -> None:
    status.put(cast.database, {"acme/cuff-1": Heard(Status("online", 81, "1.4"), is_replay=False)}, T0)
    headers = {"Authorization": f"Bearer {cast.vendor_token()}"}
    listed = cast.http.get("/v1/vendor/devices", headers=headers).json["devices"][0]
    shown = listed["status"]
    assert (shown["state"], shown["battery"], shown["firmware"]) == ("online", 81, "1.4")
    assert shown["since"] == listed["last_seen_at"] == "2026-11-22T23:30:00Z"
    assert cast.http.get("/v1/vendor/devices/cuff-1", headers=headers).json == listed
