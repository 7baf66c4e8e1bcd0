"""What a message says and what is answered: nothing here touches the database or the broker."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from ingest.gate import Refused
from ingest.handover import Received
from ingest.topics import Sender, device_of, may_answer_to, sender_of
from ingest.verdicts import Answer
from phr.errors import PayloadTooLarge, PhrError
from phr.formats import Format, find_format
from phr.formats.building import MAX_TEXT, is_text
from phr.recording import LISTED_REJECTIONS, Delivery, Verdict
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Rejection

MAX_PAYLOAD_BYTES = 256 * 1024
LIVE_WITHIN_S = 1.0  # what waits longer for the recorder says nothing about its device's clock


def answer_to(message: Received, verdict: Verdict, now_ms: int) -> Answer | None:
    """The verdict where it is owed: to who has named the payload, is refused something, or wants it elsewhere."""
    if not (verdict.payload_id is not None or verdict.rejected or message.response_topic):
        return None
    sender = sender_of(message.topic)
    if sender is None:
        return None
    is_refused = bool(message.response_topic and not may_answer_to(sender, message.response_topic))
    if not (verdict.payload_id is not None or verdict.rejected or is_refused):
        return None
    body: dict[str, Any] = {**verdict.as_json(now_ms)}
    topic = sender.feedback
    if is_refused:
        detail = f"a response topic is {sender.feedback} or lies below it"
        refusal = {"path": "", "code": "response-topic-refused", "detail": detail}
        body["rejected"] = [refusal, *body["rejected"][: LISTED_REJECTIONS - 1]]
    elif message.response_topic:
        topic = message.response_topic
    return Answer(topic, body, message.correlation)


def refusal(refused: Refused, now_ms: int) -> Answer | None:
    """The verdict on a payload that was not looked at, apart from its id."""
    sender = sender_of(refused.message.topic)
    if sender is None:
        return None
    body = Verdict(id_of(refused.message.payload), rejected=[refused.rejection]).as_json(now_ms)
    return Answer(sender.feedback, body | {"retry_after_s": refused.wait_s}, refused.message.correlation)


def delivery_of(message: Received, decoded: Decoded) -> Delivery:
    is_live = message.is_first and time.monotonic() - message.at < LIVE_WITHIN_S
    return Delivery(
        decoded,
        device_of(message.topic),
        "mqtt",
        message.arrived_at_ms,
        message.payload,
        message.topic,
        is_live=is_live,
        packet=message.packet,
        is_again=message.is_again,
        is_retained=message.is_retained,
    )


def decoded_of(message: Received, sender: Sender | None, formats: Mapping[str, str | Format | None]) -> Decoded:
    """What the message says; a payload that can't be read is one rejection."""
    try:
        if sender is None or not sender.is_wellformed:
            fault = Rejection("", "device-invalid", "the topic names no valid vendor and device")
            return Decoded(payload_id=id_of(message.payload), rejections=[fault])
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(f"{len(message.payload)} bytes; a payload has at most {MAX_PAYLOAD_BYTES}")
        one = find_format(message.content_type, formats[sender.device])
        return one.decode(message.payload, vocabulary())
    except PhrError as error:
        return Decoded(
            payload_id=id_of(message.payload), rejections=[Rejection(error.pointer, error.code, error.detail)]
        )


class _Named(msgspec.Struct):
    """The one member of a payload that is looked for when the rest can't be used."""

    id: str | None = None


def id_of(payload: bytes) -> str | None:
    """The id of a payload that is refused whole, so that its sender learns which one; None where none can be read."""
    try:
        name = msgspec.json.decode(payload, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return name if is_text(name, MAX_TEXT) else None
