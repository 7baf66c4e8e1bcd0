"""Answers to questionnaires that somebody must look at whatever the total: an alert for each, once.

An entry that may hold some is marked where it is written (``to_weigh``), so that nothing is lost with a process: the
API weighs at once what it stores, and the scheduler what is left. Imports raise no alarm.
Source: standards sheet, 1.9: PHQ-9, an answer above 0 to item 9 is reviewed at once.
"""

from __future__ import annotations

import hashlib

from phr.alerts import raising
from phr.clock import rfc3339
from phr.database import Database, Document
from phr.people import people, processing
from phr.timeline.entry import Entry, from_row
from phr.timeline.kinds.questionnaire import instruments
from phr.vocabulary.alert import Alert

RULE, VERSION, SEVERITY = "questionnaire-review", 1, 4
AT_ONCE = 100
LATE_MS, FORGOTTEN_MS = 24 * 3_600_000, 7 * 24 * 3_600_000  # our own choice, as of other emergencies
ZH = (
    "您在问卷中说，最近有过不如死掉或用某种方式伤害自己的念头。请不要一个人承受：现在就可以拨打 12356 心理援助热线；"
    "如果有马上伤害自己的危险，请拨打 120，并让身边的人陪着您。值班医生和您指定的联系人会知道您需要帮助。"
)
EN = (
    "You said in the questionnaire that you have had thoughts of being better off dead or of hurting yourself. You "
    "need not bear this alone: you can call the 12356 line now. If you may hurt yourself at once, call 120 and have "
    "somebody stay with you. The doctor on duty and the contact you have chosen will know that you need help."
)


def weigh_some(database: Database, now_ms: int) -> bool:
    """Those that nobody has weighed; True where there were any."""
    rows = list(database["entries"].find({"to_weigh": True}).limit(AT_ONCE))
    for row in rows:
        _weigh(database, row, now_ms)
    return bool(rows)


def weigh(database: Database, entry: Entry, now_ms: int) -> None:
    """The entry that was just written."""
    row = database["entries"].find_one({"_id": f"{entry.person}:{entry.id}", "to_weigh": True})
    if row is not None:
        _weigh(database, row, now_ms)


def _weigh(database: Database, row: Document, now_ms: int) -> None:
    entry, person = from_row(database, row), people.find(database, row["person"])
    age_ms = now_ms - entry.changed_at_ms
    may_weigh = person is not None and not processing.is_unevaluated(person) and age_ms <= FORGOTTEN_MS
    if may_weigh and entry.content.get("needs_review"):
        raising.take(database, [_alert(entry, now_ms, is_late=age_ms > LATE_MS)], now_ms)
    same = {"_id": row["_id"], "version": row["version"]}
    database["entries"].update_one(same, {"$unset": {"to_weigh": ""}})


def _alert(entry: Entry, now_ms: int, *, is_late: bool) -> Alert:
    instrument = instruments()[entry.content["instrument"]]
    place = instrument.review_item or 0
    answer = entry.content["answers"][place - 1]
    return Alert(
        key=hashlib.sha256(f"{RULE}\0{entry.person}\0{entry.id}".encode()).hexdigest()[:32],
        rule=RULE,
        rule_version=VERSION,
        person=entry.person,
        severity=SEVERITY,
        metric=f"{entry.content['instrument'].replace('-', '')}-total",
        device="",
        t_ms=entry.changed_at_ms,
        seq=0,
        values={f"item-{place}": answer},
        unit=None,
        message_zh=ZH,
        message_en=EN,
        source=f"{instrument.en}, {rfc3339(entry.changed_at_ms)}: {instrument.source}",
        reviewed=False,
        raised_at_ms=now_ms,
        categories=entry.categories,
        is_late=is_late,
    )
