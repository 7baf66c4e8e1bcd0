"""Brings timelines in line with what happened in the record: alerts that rules raised, what devices did.

Both are stored where they happen and read from there, so a process may die between any two writes: what was not told is
told at the next round, what was told twice is one entry. Reminders and lessons come the same way, by ``happened.put``.
"""

from __future__ import annotations

from collections.abc import Iterable

from phr import answers
from phr.clock import to_ms
from phr.database import Database
from phr.intake import device_events, status
from phr.intake.device_events import DeviceEvent
from phr.notices import outbox
from phr.notices.outbox import Unentered
from phr.timeline import happened
from phr.timeline.categories import READINGS
from phr.timeline.happened import Happening

AT_ONCE = 500


def enter_one(database: Database, now_ms: int) -> bool:
    """One round of each; True where something was left to tell, so that the next round may find more."""
    rounds = (
        answers.weigh_some(database, now_ms),
        _enter_alerts(database, now_ms),
        _enter_devices(database, now_ms),
        _enter_status(database, now_ms),
    )
    return any(rounds)


def _enter_alerts(database: Database, now_ms: int) -> bool:
    found = outbox.unentered(database, AT_ONCE)
    happened.put(database, map(_of_alert, found), now_ms)
    outbox.set_entered(database, found)
    return bool(found)


def _enter_devices(database: Database, now_ms: int) -> bool:
    """All that a changed device's row tells, every time: what is there already stays as it is."""
    found = device_events.after(database, AT_ONCE)
    if found:
        events = (event for device in found for event in device_events.of_device(device))
        happened.put(database, _of_events(events), now_ms)
        device_events.go_on(database, found[-1].seq)
    return bool(found)


def _enter_status(database: Database, now_ms: int) -> bool:
    found = status.untold(database, AT_ONCE)
    happened.put(database, _of_events(device_events.of_status(database, found)), now_ms)
    status.set_told(database, found)
    return bool(found)


def _of_alert(one: Unentered) -> Happening:
    notice = one.notice
    content = {
        "text": notice.message_zh,
        "text_en": notice.message_en,
        "rule": notice.rule,
        "rule_version": one.rule_version,
        "severity": notice.severity,
        "metric": notice.metric,
        "guideline": notice.source,
        "reviewed": notice.reviewed,
    }
    at_ms = to_ms(notice.measured_at)
    return Happening(
        key=f"alert:{notice.key}",
        person=notice.person,
        kind="alert",
        at_ms=at_ms,
        content=content,
        is_so=not one.is_withdrawn,
        sensitive=tuple(sorted(set(notice.categories) - {READINGS})),
    )


def _of_events(events: Iterable[DeviceEvent]) -> Iterable[Happening]:
    for one in events:
        content = {"text": one.words.zh, "text_en": one.words.en, "device": one.device, "event": one.what}
        yield Happening(f"device:{one.key}", one.person, "device-event", one.at_ms, content)
