"""What is found again is the same episode until it was not found for a while: pure, so that nothing flaps.

An episode's key is made of its rule, its person and when it was first found, which is stored before anybody is told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping

from phr.care.windows import Finding
from phr.vocabulary.alert import Alert

# Our own choice: a mean that goes to and fro about its limit is one thing to tell in a day, not several.
OVER_AFTER_MS = 24 * 3_600_000
# And what can't be judged for want of readings is neither over nor begun anew for so long.
FORGOTTEN_AFTER_MS = 28 * 24 * 3_600_000

Open = Mapping[str, tuple[int, int]]


def opened(known: Open, judged: Collection[str], found: Collection[str], now_ms: int) -> dict[str, tuple[int, int]]:
    """Episodes by rule, with when they began and were last found. ``judged``: the rules that could judge now.

    An episode is over when its rule could judge and had last found it more than a day ago; or, where it could not,
    four weeks ago.
    """
    still = {
        rule: times
        for rule, times in known.items()
        if rule in found or now_ms - times[1] <= (OVER_AFTER_MS if rule in judged else FORGOTTEN_AFTER_MS)
    }
    return still | {rule: (still[rule][0] if rule in still else now_ms, now_ms) for rule in found}


def alerts(found: Iterable[Finding], known: Open, now_ms: int) -> list[Alert]:
    """An alert for each finding, with the key of its episode: the same as long as the episode goes on."""
    return [_alert(one, known[one.rule.id][0], now_ms) for one in found]


def _alert(one: Finding, begun_ms: int, now_ms: int) -> Alert:
    rule = one.rule
    return Alert(
        key=hashlib.sha256(json.dumps([rule.id, one.person, begun_ms]).encode()).hexdigest()[:32],
        rule=rule.id,
        rule_version=rule.version,
        person=one.person,
        severity=rule.severity,
        metric=rule.metric.key,
        device="",
        t_ms=one.last_ms,
        seq=0,
        values=one.values,
        unit=one.unit_code,
        message_zh=one.message_zh,
        message_en=one.message_en,
        source=rule.source.citation,
        reviewed=bool(rule.reviewed_by),
        raised_at_ms=now_ms,
        categories=one.categories,
        targets=one.targets,
    )
