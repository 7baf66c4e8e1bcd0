"""What somebody is told of an alert beside the rule's own message. No name and no value: whoever opens it sees them."""

from __future__ import annotations

from collections.abc import Iterable

from phr.alerts.courses import Step
from phr.alerts.episode import CALL_120, Episode
from phr.database import Database
from phr.notices import outbox
from phr.notices.outbox import Telling

_URGENT = (
    "您的家人可能有危险：请马上联系 TA。联系不上或情况不好，请拨打 120。",
    "Somebody of your family may be in danger: call them now. If you can't reach them or they are unwell, call 120.",
)
_CALM = (
    "您的家人有一条健康提醒还没有人看过：请联系 TA，并在应用里查看。",
    "Somebody of your family has a health alert that nobody has looked at: call them, and see it in the app.",
)
_SYMPTOMS = (
    "您说有这些不适：请现在就拨打 120，不要自己去医院，让身边的人陪着您。",
    "You said that you have these signs: call 120 now. Don't go to hospital alone, and have somebody stay with you.",
)


def call(database: Database, one: Episode, step: Step, who: Iterable[str], now_ms: int) -> None:
    """Each once for a level and a step."""
    is_urgent = one.level >= CALL_120 or step == "contacts"
    words, urgency = (_URGENT, CALL_120) if is_urgent else (_CALM, one.level)
    outbox.tell_many(
        database,
        [_to_family(one, f"{_begin(one)}{step}:{person}", person, words, urgency) for person in who],
        now_ms,
    )


def symptoms(database: Database, one: Episode, now_ms: int) -> None:
    """The person, once."""
    zh, en = _SYMPTOMS
    telling = Telling(f"{_begin(one)}symptoms", one.person, "alert-symptoms", zh, en, one.categories, urgency=CALL_120)
    outbox.tell(database, telling, now_ms)


def take_back(database: Database, one: Episode, now_ms: int) -> None:
    """What was told of an alert that is none, and nobody has seen yet."""
    outbox.withdraw_begun(database, f"alert:{one.id}:", now_ms)


def _begin(one: Episode) -> str:
    return f"alert:{one.id}:{one.level}:"


def _to_family(one: Episode, key: str, person: str, words: tuple[str, str], urgency: int) -> Telling:
    return Telling(
        key=key,
        person=person,
        kind="alert-of-family",
        message_zh=words[0],
        message_en=words[1],
        categories=one.categories,
        about=one.person,
        urgency=urgency,
        link=f"alerts/{one.id}",
    )
