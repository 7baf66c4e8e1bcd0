"""What somebody is told of an alert beside the rule's own message. No name and no value: whoever opens it sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
_RESIDENT = (
    "有一位居民的健康预警还没有人处理：请在“我的居民”中查看。",
    "A resident has a health alert that nobody sees to yet: look at your residents.",
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


def call_team(database: Database, one: Episode, who: Mapping[str, int], now_ms: int) -> None:
    """Professionals, each from the instant on at which their team works; once for a level."""
    told = [
        Telling(
            key=f"{_begin(one)}team:{person}",
            person=person,
            kind="alert-of-resident",
            message_zh=_RESIDENT[0],
            message_en=_RESIDENT[1],
            categories=one.categories,
            about=one.person,
            urgency=one.level,
            from_ms=opens_ms,
            link=f"alerts/{one.id}",
        )
        for person, opens_ms in who.items()
    ]
    outbox.tell_many(database, told, now_ms)


def stand_down(database: Database, one: Episode, now_ms: int, *, by_team: bool = False) -> None:
    """Somebody sees to it, or it is over: a team that has not looked yet need not any more.

    Of an emergency that is for one of the team to say: a person may say so of their own who should not be left alone.
    """
    if one.level < CALL_120 or by_team:
        for level in range(1, one.level + 1):
            outbox.withdraw_begun(database, f"{_begin(one, level)}team:", now_ms)


def symptoms(database: Database, one: Episode, now_ms: int) -> None:
    """The person, once."""
    zh, en = _SYMPTOMS
    telling = Telling(f"{_begin(one)}symptoms", one.person, "alert-symptoms", zh, en, one.categories, urgency=CALL_120)
    outbox.tell(database, telling, now_ms)


def take_back(database: Database, one: Episode, now_ms: int) -> None:
    """What was told of an alert that is none, and nobody has seen yet."""
    outbox.withdraw_begun(database, f"alert:{one.id}:", now_ms)


def _begin(one: Episode, level: int | None = None) -> str:
    return f"alert:{one.id}:{level or one.level}:"


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
