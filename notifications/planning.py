"""Which notice is told by which channels, when and in which words: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

from phr.alerts.courses import RECOVER, courses
from phr.clock import MINUTE_MS
from phr.notices.addresses import CHANNELS, Address
from phr.notices.deliveries import URGENT, Delivery
from phr.notices.outbox import Notice
from phr.notices.preferences import DAY_MIN, Preferences, kind_of
from phr.timeline.categories import SENSITIVE
from phr.vocabulary.sight import HIDDEN

GAP_MS = 10 * MINUTE_MS  # between two messages to an address that are not urgent; what comes meanwhile is one message
FIRST_WAIT_MS, LONGEST_WAIT_MS = 15_000, 3_600_000
MOST_TRIES = 10
CALL_120 = 4
LocalMinute = Callable[[int], int]  # the minute of the person's day at an instant

# In this order another channel tells what one can't, because its allowance is used up or its address is gone.
FALLBACK = ("wechat-official", "web-push", "sms", "email")

_CODE = (
    "您正在添加接收健康提醒的邮箱，验证码：{code}，30 分钟内有效。如果不是您本人操作，请忽略：不会再有别的邮件。",
    "Your code to be told here of health reminders: {code}, good for 30 minutes. "
    "If you have not asked for it, leave it be: nothing else is sent here.",
)
_CALM = ("您有一项健康提醒，请在应用中查看。", "You have a health reminder. See it in the app.")
_MANY = ("您有 {n} 项健康提醒，请在应用中查看。", "You have {n} health reminders. See them in the app.")
_SOON = (
    "您有一项重要的健康提醒，请今天在应用中查看。",
    "You have an important health notice. See it in the app today.",
)
_NOW = (
    "您有一项紧急的健康提醒，请马上在应用中查看；情况危急请拨打 120。",
    "You have an urgent health notice. See it in the app now; in an emergency call 120.",
)


def is_urgent(notice: Notice) -> bool:
    """True for what is told in quiet hours, too; low glucose is, which acts on the first reading."""
    return notice.urgency >= URGENT or is_at_once(notice)


def is_at_once(notice: Notice) -> bool:
    """True for what is to be done now and not today; not where it came too late to wake anybody."""
    if notice.severity and not notice.urgency:
        return False
    return notice.urgency >= CALL_120 or courses().of(notice.rule).kind == RECOVER


def deliveries(
    notice: Notice, addresses: Iterable[Address], wishes: Preferences, local: LocalMinute, now_ms: int
) -> list[Delivery]:
    """One for each active address that the person wants to be told at; none for what is too late by then."""
    due_ms = due(notice, wishes, local, now_ms)
    if notice.expires_at_ms is not None and notice.expires_at_ms <= due_ms:
        return []
    kind = kind_of(notice)
    wanted = [one for one in addresses if one.is_active and wishes.wants(kind, one.channel)]
    return [delivery(notice, one, due_ms) for one in wanted]


def delivery(notice: Notice, address: Address, due_ms: int) -> Delivery:
    return Delivery(
        person=notice.person,
        notice=notice.key,
        channel=address.channel,
        address=address.id,
        urgency=max(notice.urgency, URGENT) if is_urgent(notice) else notice.urgency,
        due_ms=due_ms,
    )


def due(notice: Notice, wishes: Preferences, local: LocalMinute, now_ms: int) -> int:
    """When it is told: urgent things at once; reminders as their schedule has it; else after quiet hours, at the
    hour of the digest. Nothing before the notice itself is for, as a team's are for its hours.
    """
    now_ms = max(now_ms, notice.from_ms or 0)
    if is_urgent(notice) or kind_of(notice) == "reminder":
        return now_ms
    due_ms = now_ms
    if wishes.digest_at is not None:
        due_ms += (wishes.digest_at - local(due_ms)) % DAY_MIN * MINUTE_MS
    if wishes.quiet is not None:
        begin, end = wishes.quiet
        minute = local(due_ms)
        if (minute - begin) % DAY_MIN < (end - begin) % DAY_MIN:
            due_ms += (end - minute) % DAY_MIN * MINUTE_MS
    return due_ms


def held_back_until(notices: Sequence[Notice], last_sent_ms: int, now_ms: int) -> int | None:
    """Until when what is not urgent waits for more of its kind; None where it need not, or would come too late."""
    until_ms = last_sent_ms + GAP_MS
    if until_ms <= now_ms or any(is_urgent(one) for one in notices):
        return None
    ends = [one.expires_at_ms for one in notices if one.expires_at_ms is not None]
    return None if ends and min(ends) <= until_ms else until_ms


def may_detail(notice: Notice, channel: str, wishes: Preferences) -> bool:
    """Never of what is specially protected, or hidden, or of another's record."""
    if channel not in wishes.details or not CHANNELS[channel].may_detail or notice.about is not None:
        return False
    return not any(one in SENSITIVE or one.startswith(HIDDEN) for one in notice.categories)


def words(notices: Sequence[Notice], channel: str, wishes: Preferences) -> tuple[str, str]:
    """In Chinese and English: neutral, unless it is of one notice whose details may be told."""
    if len(notices) > 1:
        return _MANY[0].format(n=len(notices)), _MANY[1].format(n=len(notices))
    (one,) = notices
    if may_detail(one, channel, wishes):
        return one.message_zh, one.message_en
    return _NOW if is_at_once(one) else _SOON if is_urgent(one) else _CALM


def code_words(code: str) -> tuple[str, str]:
    """In Chinese and English, for somebody who may be another than who asked for it."""
    return _CODE[0].format(code=code), _CODE[1].format(code=code)


def wait_ms(tries: int, random: Random) -> int:
    """How long until the next try, after so many: twice as long each time, of which half is by chance."""
    longest = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(tries - 1, 20))
    return longest // 2 + random.randrange(longest // 2 + 1)
