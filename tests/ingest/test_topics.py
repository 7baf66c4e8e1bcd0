"""What a topic says of its sender, and where an answer may go."""

from __future__ import annotations

import pytest

from ingest.topics import may_answer_to, readings_filter, sender_of


@pytest.mark.parametrize("device", ["d", "cuff-7", "AA:BB:CC", "x.y_z", "d" * 64])
@pytest.mark.parametrize("vendor", ["a", "acme-2", "v" * 32])
def test_a_readings_topic_names_its_sender(vendor: str, device: str) -> None:
    sender = sender_of(f"phr/v1/{vendor}/{device}/readings")
    assert sender
    assert (sender.device, sender.is_wellformed) == (f"{vendor}/{device}", True)
    assert sender.feedback == f"phr/v1/{vendor}/{device}/feedback"


@pytest.mark.parametrize(
    "names", ["Acme/d", "acme/", "acme/d d", "acme/设备", "a_b/d", "v" * 33 + "/d", "acme/" + "d" * 65, "acme/d\n"]
)
def test_what_is_no_slug_is_not_well_formed(names: str) -> None:
    sender = sender_of(f"phr/v1/{names}/readings")
    assert sender is None or not sender.is_wellformed


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "phr/v1/a/b/status",
        "phr/v2/a/b/readings",
        "phr/v1/a/readings",
        "phr/v1/a/b/c/readings",
        "phr/v1//b/readings",
    ],
)
def test_another_topic_has_no_sender(topic: str) -> None:
    assert sender_of(topic) is None


@pytest.mark.parametrize(
    ("response_topic", "is_allowed"),
    [
        ("phr/v1/acme/d/feedback", True),
        ("phr/v1/acme/d/feedback/r1", True),
        ("phr/v1/acme/d/feedback/r1/2", True),
        ("phr/v1/acme/d/readings", False),
        ("phr/v1/acme/d/readings/x", False),
        ("phr/v1/acme/d/status", False),
        ("phr/v1/acme/d/commands", False),
        ("phr/v1/acme/d/elsewhere", False),  # the broker would let nobody write it
        ("phr/v1/acme/d", False),
        ("phr/v1/acme/d/", False),
        ("phr/v1/acme/d/feedbacks", False),
        ("phr/v1/acme/d2/feedback", False),
        ("phr/v1/other/d/feedback", False),
        ("phr/v1/acme/d/feedback/#", False),
        ("phr/v1/acme/d/feedback/+", False),
        ("/phr/v1/acme/d/feedback", False),
        ("$SYS/x", False),
        ("", False),
    ],
)
def test_an_answer_goes_to_the_senders_own_feedback(response_topic: str, is_allowed: bool) -> None:
    sender = sender_of("phr/v1/acme/d/readings")
    assert sender
    assert may_answer_to(sender, response_topic) is is_allowed


def test_workers_share_one_subscription() -> None:
    assert readings_filter("secret") == "$share/secret/phr/v1/+/+/readings"
