"""Asking for an erasure and taking it back: the person is told of both, whoever it was."""

from __future__ import annotations

from phr.clock import rfc3339
from phr.database import Database
from phr.erasure import erasures
from phr.erasure.certificate import By
from phr.erasure.erasures import Erasure
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import people


def ask(database: Database, person: str, by: By, days: int, now_ms: int) -> tuple[Erasure, str]:
    """The erasure and its receipt, see ``erasures.ask``. Raises NotFound, TooLate."""
    people.require(database, person)
    asked, receipt = erasures.ask(database, person, by, days, now_ms)
    due = rfc3339(asked.due_at_ms)
    telling = Telling(
        key=f"erasure:{person}:{asked.asked_at_ms}",
        person=person,
        kind="erasure-asked",
        message_zh=f"已申请注销并删除您的全部健康档案，将于 {due} 之后执行；在此之前可以撤回。",
        message_en=f"Your whole record is to be erased after {due}. Until then that can be taken back.",
    )
    outbox.tell(database, telling, now_ms)
    return asked, receipt


def cancel(database: Database, person: str, now_ms: int) -> None:
    """The record stays. Raises NotFound, TooLate."""
    erasures.cancel(database, person)
    telling = Telling(
        key=f"erasure-cancelled:{person}:{now_ms}",
        person=person,
        kind="erasure-cancelled",
        message_zh="注销申请已撤回，您的健康档案保持不变。",
        message_en="The request to erase your record was taken back; it stays as it is.",
    )
    outbox.tell(database, telling, now_ms)
