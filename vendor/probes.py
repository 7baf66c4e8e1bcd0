"""What an installation must do for a vendor, tried with payloads of a test device one after another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from phr.clock import HOUR_MS, rfc3339
from vendor.finding import Finding, judged
from vendor.line import Heard, Line, Verdict
from vendor.other_formats import OTHER_FORMATS

V1 = "application/vnd.phr.readings+json"
COUNTS = ("stored", "duplicate", "corrected", "held", "rejected_count")
TOO_LARGE = 300 * 1024
REFUSED_FROM = 128

Item = dict[str, Any]


@dataclass(slots=True)
class Bench:
    """A line and the device that is spoken for; ``now_ms`` keeps the readings of one check apart from another's."""

    line: Line
    vendor: str
    device: str
    now_ms: int
    sent: int = 0

    @property
    def prefix(self) -> str:
        return f"phr/v1/{self.vendor}/{self.device}"

    def pulse(self, minute: int, **changes: Any) -> Item:
        """A heart rate that no rule looks at twice, an hour ago and so many minutes later."""
        t = rfc3339(self.now_ms - HOUR_MS + minute * 60_000, 480)
        return {"metric": "heart-rate", "t": t, "unit": "/min", "value": 72} | changes

    def ask(self, body: Any, content_type: str = V1, **properties: Any) -> Heard | None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.line.ask(f"{self.prefix}/readings", payload, ContentType=content_type, **properties)

    def verdict(self, *readings: Item, **body: Any) -> Verdict:
        """The verdict on a payload with an id of its own; empty where none came."""
        self.sent += 1
        heard = self.ask({"id": f"check-{self.now_ms}-{self.sent}", "readings": list(readings)} | body)
        return heard.verdict if heard else {}


def counts(verdict: Verdict) -> tuple[int, ...]:
    return tuple(verdict.get(name, -1) for name in COUNTS)


def codes(verdict: Verdict) -> list[tuple[str, str]]:
    return [(one.get("path", ""), one.get("code", "")) for one in verdict.get("rejected", [])]


def all_findings(bench: Bench) -> Iterator[Finding]:
    """One by one, as they are found; without a first stored reading the others would say the same again."""
    first = _first_reading(bench)
    yield first
    if first.is_ok:
        for probe in PROBES:
            yield probe(bench)
        yield from (_other_format(bench, content_type) for content_type in OTHER_FORMATS)
    for topic in _foreign_topics(bench):
        yield _refused_topic(bench, topic)


def _first_reading(bench: Bench) -> Finding:
    verdict = bench.verdict(bench.pulse(0))
    what = "a reading is stored and its verdict names the payload"
    if not verdict:
        return Finding(False, what, "no verdict came; ask the operator whether an ingest worker runs")
    if any(code == "device-unknown" for _, code in codes(verdict)):
        register = f"python app.py admin device create {bench.vendor} {bench.device} --person TEST-PERSON"
        return Finding(False, what, f"ask the operator to register the device: {register}")
    if verdict.get("held"):
        return Finding(False, what, "the reading is held; ask the operator to bind the device to a test person")
    is_named = verdict.get("id") == f"check-{bench.now_ms}-{bench.sent}"
    return judged(what, is_named and counts(verdict) == (1, 0, 0, 0, 0), _told(verdict))


def _time_forms(bench: Bench) -> Finding:
    t_ms = bench.now_ms - HOUR_MS + 60_000
    times = [rfc3339(t_ms, 480), rfc3339(t_ms + 60_000), t_ms + 120_000, rfc3339(t_ms + 180_001, -210)]
    verdict = bench.verdict(*(bench.pulse(0, t=t) for t in times))
    return _counted("times with an offset, in UTC and in milliseconds are taken", verdict, (4, 0, 0, 0, 0))


def _units(bench: Bench) -> Finding:
    verdict = bench.verdict(
        bench.pulse(6, unit="bpm"),
        bench.pulse(6, metric="weight", unit="kg", value=61.5),
        bench.pulse(7, metric="weight", unit="斤", value=123),
        bench.pulse(6, metric="blood-pressure", unit="mmHg", value={"systolic": 118, "diastolic": 76}),
        bench.pulse(6, metric="glucose-capillary", unit="mg/dL", value=99),
    )
    return _counted("UCUM units and their listed aliases are taken", verdict, (5, 0, 0, 0, 0))


def _series(bench: Bench) -> Finding:
    series = {"metric": "heart-rate", "start": bench.pulse(10)["t"], "period_s": 60, "unit": "/min"}
    verdict = bench.verdict(series=[series | {"values": [71, None, 73]}])
    return _counted("a series is taken, its gap is not counted", verdict, (2, 0, 0, 0, 0))


def _sent_again(bench: Bench) -> Finding:
    verdict = bench.verdict(bench.pulse(0))
    return _counted("what is sent again counts as duplicate", verdict, (0, 1, 0, 0, 0))


def _corrected(bench: Bench) -> Finding:
    verdict = bench.verdict(bench.pulse(0, value=74))
    return _counted("another value at the same time counts as corrected", verdict, (0, 0, 1, 0, 0))


def _bad_items(bench: Bench) -> Finding:
    verdict = bench.verdict(
        bench.pulse(15),
        bench.pulse(16, metric="no-such-metric"),
        bench.pulse(17, unit=None),
        bench.pulse(18, t="2026-11-23T07:30:00"),
        bench.pulse(19, value="72"),
    )
    expected = [
        ("metric", "metric-unknown"),
        ("unit", "unit-missing"),
        ("t", "time-invalid"),
        ("value", "value-invalid"),
    ]
    named = {(f"/readings/{number}/{field}", code) for number, (field, code) in enumerate(expected, 1)}
    is_ok = counts(verdict) == (1, 0, 0, 0, 4) and set(codes(verdict)) == named
    return judged(
        "bad items are rejected one by one with path and code, their neighbour is stored", is_ok, _told(verdict)
    )


def _too_large(bench: Bench) -> Finding:
    heard = bench.ask(b'{"readings":[]}' + b" " * TOO_LARGE)
    return _rejected_whole("a payload of 300 KiB is refused with a verdict", heard, "payload-too-large")


def _unreadable(bench: Bench) -> Finding:
    return _rejected_whole("a payload that is no JSON gets a verdict", bench.ask(b"\xff{"), "payload-unreadable")


def _unknown_format(bench: Bench) -> Finding:
    heard = bench.ask({"readings": []}, "application/x-nobody-knows")
    return _rejected_whole("an unknown content type is refused with a verdict", heard, "format-unknown")


def _silence(bench: Bench) -> Finding:
    payload = json.dumps({"readings": [bench.pulse(20)]}).encode()
    bench.line.publish(f"{bench.prefix}/readings", payload, ContentType=V1)
    verdict = bench.verdict(bench.pulse(21))
    is_ok = verdict.get("id") == f"check-{bench.now_ms}-{bench.sent}"
    return judged("a good payload without an id is taken in silence", is_ok, _told(verdict))


def _own_response_topic(bench: Bench) -> Finding:
    topic = f"{bench.prefix}/feedback/check"
    heard = bench.ask({"readings": [bench.pulse(22)], "id": "r"}, ResponseTopic=topic, CorrelationData=b"c-1")
    is_ok = heard is not None and (heard.topic, heard.correlation) == (topic, b"c-1")
    return judged("a response topic below feedback is answered with its correlation data", is_ok, _told_of(heard))


def _foreign_response_topic(bench: Bench) -> Finding:
    heard = bench.ask({"readings": [bench.pulse(23)], "id": "r"}, ResponseTopic="phr/v1/nobody/nothing/feedback")
    is_ok = heard is not None and ("", "response-topic-refused") in codes(heard.verdict)
    return judged("a foreign response topic is refused and told on the feedback topic", is_ok, _told_of(heard))


def _other_format(bench: Bench, content_type: str) -> Finding:
    body = OTHER_FORMATS[content_type](bench.now_ms - HOUR_MS + 30 * 60_000)
    heard = bench.line.heard[:]
    bench.line.publish(f"{bench.prefix}/readings", json.dumps(body).encode(), ContentType=content_type)
    bench.verdict(bench.pulse(31))
    complaints = [one.verdict for one in bench.line.heard[len(heard) :] if one.verdict.get("rejected_count")]
    return judged(f"{content_type} is taken", not complaints, _told(complaints[0] if complaints else {}))


def _foreign_topics(bench: Bench) -> list[str]:
    other = f"not-{bench.vendor}"[:32]
    own = [f"{bench.prefix}/{name}" for name in ("feedback", "commands")]
    return [*own, f"phr/v1/{other}/{bench.device}/readings", "phr/v1/anything"]


def _refused_topic(bench: Bench, topic: str) -> Finding:
    reason = bench.line.publish(topic, b"{}")
    is_ok = reason is not None and reason >= REFUSED_FROM
    return judged(
        f"publishing to {topic} is refused", is_ok, f"PUBACK {reason}; the operator must mend the broker's rights"
    )


def _counted(what: str, verdict: Verdict, expected: tuple[int, ...]) -> Finding:
    return judged(what, counts(verdict) == expected, _told(verdict))


def _rejected_whole(what: str, heard: Heard | None, code: str) -> Finding:
    return judged(what, heard is not None and codes(heard.verdict) == [("", code)], _told_of(heard))


def _told_of(heard: Heard | None) -> str:
    return _told(heard.verdict if heard else {})


def _told(verdict: Verdict) -> str:
    if not verdict:
        return "no verdict came"
    numbers = " ".join(f"{name} {number}" for name, number in zip(COUNTS, counts(verdict), strict=True))
    listed = ", ".join(f"{path} {code}" for path, code in codes(verdict)[:5])
    return f"the verdict says {numbers}" + (f" ({listed})" if listed else "")


PROBES: tuple[Callable[[Bench], Finding], ...] = (
    _time_forms,
    _units,
    _series,
    _sent_again,
    _corrected,
    _bad_items,
    _too_large,
    _unreadable,
    _unknown_format,
    _silence,
    _own_response_topic,
    _foreign_response_topic,
)
