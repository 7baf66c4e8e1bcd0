"""How devices are judged by what they are told."""

from typing import Any

import pytest

from vendor.line import Heard
from vendor.presence import Presence
from vendor.watching import Watched, all_findings


def heard(payload_id: str | None = "a", *codes: str, **counts: int) -> Heard:
    verdict: dict[str, Any] = {"id": payload_id, "rejected": [{"path": "", "code": one} for one in codes], **counts}
    return Heard("phr/v1/acme/cuff/feedback", verdict, None)


def failed(*told: Heard, messages: int | None = None, rejections: Any = ()) -> list[str]:
    return [one.what for one in all_findings(Watched(told, messages, rejections)) if one.is_ok is False]


def test_a_good_device_passes() -> None:
    assert failed(heard("a", stored=1), heard("b", stored=1), messages=2) == []


def test_silence_fails() -> None:
    assert failed() == ["something was sent while watching"]


@pytest.mark.parametrize(("messages", "is_failed"), [(1, False), (2, True)])
def test_payloads_that_no_verdict_names_have_no_id(messages: int, is_failed: bool) -> None:
    assert ("every payload carries an id" in failed(heard(), messages=messages)) is is_failed


def test_a_rejection_without_an_id_is_a_payload_without_one() -> None:
    assert "every payload carries an id" in failed(heard(None, "unit-missing"))


@pytest.mark.parametrize(("times", "is_failed"), [(1, False), (2, False), (3, True)])
def test_a_payload_that_is_answered_often_was_not_let_go(times: int, is_failed: bool) -> None:
    assert ("a payload is not sent on after its verdict" in failed(*[heard()] * times)) is is_failed


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("time-invalid", "times name an instant"),
        ("unit-missing", "units are named"),
        ("metric-unknown", "metrics are known"),
        ("value-out-of-bounds", "values have their metric's shape and bounds"),
        ("payload-unreadable", "payloads can be read"),
        ("device-unknown", "devices are registered and named right"),
        ("slot-invalid", "nothing else is rejected"),
    ],
)
def test_each_kind_of_rejection_has_its_line(code: str, what: str) -> None:
    assert failed(heard("a", code)) == [what]


def test_what_only_the_list_of_rejections_knows_counts_too() -> None:
    assert failed(heard(), rejections=[{"rejected": [{"code": "unit-missing"}]}]) == ["units are named"]


def test_a_held_reading_is_no_failure() -> None:
    assert failed(heard("a", held=1)) == []


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([None], [False]),
        (["online"], [True, None]),
        ([None, "online"], [True, None]),
        (["offline"], [True, None]),  # it was away before anybody looked
        (["online", "offline"], [True, True]),
    ],
)
def test_a_device_is_judged_by_the_states_that_the_server_showed(
    states: list[str | None], expected: list[bool | None]
) -> None:
    assert [one.is_ok for one in Presence({"cuff": states}).findings()] == expected


def test_one_silent_device_among_good_ones_is_named() -> None:
    first = next(Presence({"a": ["online"], "b": [None]}).findings())
    assert (first.is_ok, "not b:" in first.advice) == (False, True)
