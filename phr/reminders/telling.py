"""The words of a reminder. They say that it is time, and for when it was planned; of a measurement of which metric,
and never of which medicine, visit or lesson: their words are not sealed. That stands in the record, for who may see it.
"""

from __future__ import annotations

from collections.abc import Iterable

from phr.database import Database
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.reminders.ledger import Seen, notice_key
from phr.reminders.moments import DAY_MIN, clock_text
from phr.reminders.schedule import KINDS
from phr.vocabulary.metrics import vocabulary


def tell(database: Database, occurrences: Iterable[Seen], now_ms: int) -> None:
    """A notice for each, once for its key."""
    outbox.tell_many(database, map(telling_of, occurrences), now_ms)


def telling_of(one: Seen) -> Telling:
    clock = clock_text(one.slot % DAY_MIN)
    words = KINDS[one.kind]  # type: ignore[index]
    zh, en = words.zh, words.en
    if one.kind == "measurement" and one.about in vocabulary().metrics:
        metric = vocabulary().metrics[one.about]
        zh, en = f"{zh}：{metric.zh}", f"{en}: {metric.en}"
    kind = f"reminder-{one.kind}"
    return Telling(
        key=notice_key(one.id),
        person=one.person,
        kind=kind,
        message_zh=f"{zh}（计划时间 {clock}）",
        message_en=f"{en} (planned for {clock})",
        categories=one.categories,
        urgency=1,
        expires_at_ms=one.closes_ms,
        link="reminders",
        is_neutral=True,
    )
