"""What a vendor's devices look like from their verdicts, statistics and rejections; pure.

The broker lets nobody but the server read what devices publish, so a device is judged by what it is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vendor.finding import Finding, judged
from vendor.line import Heard
from vendor.presence import Presence

# Asked for again: a device that reads its verdicts sends a payload once, and once more where the verdict got lost.
OFTEN = 3

_KINDS = {
    "time": ("times name an instant", "send RFC 3339 with an offset, or milliseconds since 1970"),
    "unit": ("units are named", "name the unit in UCUM or by an alias that the metric lists"),
    "metric": ("metrics are known", "use a name of phr/vocabulary/metrics.toml"),
    "value": ("values have their metric's shape and bounds", "send a JSON number, or the object the metric asks for"),
    "payload": ("payloads can be read", "send one JSON object in UTF-8 of at most 256 KiB"),
    "device": ("devices are registered and named right", "register the device, and let each login speak for its own"),
}
_OTHER = ("nothing else is rejected", "look the code up in docs/payload.md")


@dataclass(frozen=True, slots=True)
class Watched:
    """``messages``: how many the vendor's devices sent meanwhile; None where the API was not asked."""

    heard: Sequence[Heard]
    messages: int | None
    rejections: Sequence[dict[str, Any]]
    presence: Presence | None = None  # None: the API was not asked


def all_findings(watched: Watched) -> Iterator[Finding]:
    sent = max(watched.messages or 0, len(watched.heard))
    yield judged("something was sent while watching", sent > 0, "nothing was; let the device send, or watch longer")
    if not sent:
        return
    yield _ids(watched)
    yield _released(watched)
    yield from _rejected(_by_kind(watched))
    yield _held(watched)
    if watched.presence is None:
        yield Finding(None, "status and Will", "only the server reads them; ask the API as well (--api) to see them")
    else:
        yield from watched.presence.findings()


def _ids(watched: Watched) -> Finding:
    what = "every payload carries an id"
    nameless = sum(one.verdict.get("id") is None for one in watched.heard)
    if watched.messages is not None:
        nameless = max(nameless, watched.messages - len(watched.heard) + nameless)
    if watched.messages is None and not nameless:
        return Finding(None, what, "good payloads without one get no verdict; ask the API as well to see them")
    return judged(what, not nameless, f"{nameless} did not: without one a device never learns that a payload is stored")


def _released(watched: Watched) -> Finding:
    """A payload is let go at its verdict."""
    answers = Counter((one.topic, one.verdict["id"]) for one in watched.heard if one.verdict.get("id") is not None)
    often = sorted(key[1] for key, number in answers.items() if number >= OFTEN)
    what = "a payload is not sent on after its verdict"
    advice = f"{len(often)} were answered {OFTEN} times or more: read the feedback topic and let a payload go by its id"
    return judged(what, not often, advice)


def _held(watched: Watched) -> Finding:
    held = sum(one.verdict.get("held", 0) for one in watched.heard)
    if not held:
        return Finding(True, "no reading is held")
    return Finding(None, f"{held} readings are held", "nobody is bound to the device, or its clock is wrong")


def _by_kind(watched: Watched) -> dict[str, Counter[str]]:
    """Rejected items by kind and code: the verdicts', and of the API's list what no verdict told."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    told = [code for one in watched.heard for code in _codes(one.verdict)]
    listed = [code for row in watched.rejections for code in _codes(row)]
    for code, number in (Counter(told) | Counter(listed)).items():
        kind = code.partition("-")[0]
        found[kind if kind in _KINDS else ""][code] += number
    return found


def _codes(answer: dict[str, Any]) -> list[str]:
    return [str(one.get("code")) for one in answer.get("rejected", [])]


def _rejected(found: dict[str, Counter[str]]) -> Iterator[Finding]:
    for kind, (what, advice) in (_KINDS | {"": _OTHER}).items():
        codes = ", ".join(f"{number} {code}" for code, number in sorted(found.get(kind, {}).items()))
        yield judged(what, not codes, f"{codes}; {advice}")
