"""A person's own second factor: begun, confirmed by a first code, removed; told of and noted before it is so.

``note`` writes the line of the access log where no route has done so.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from phr.auth import tries
from phr.database import Database
from phr.errors import AccessDenied, InputInvalid
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import logins, openids, people, second_factors

MODULE_PX = 6
URGENT = 3  # told in quiet hours, too: it may be somebody else


@dataclass(frozen=True, slots=True)
class Who:
    """Who sets it up. ``is_by_two``: they have logged in with two factors."""

    person: str
    is_by_two: bool


def _nothing() -> None:
    """It was noted already."""


def begin(database: Database, who: Who, now_ms: int) -> str:
    """What an authenticator app reads (otpauth URI); nothing changes before ``confirm``. Raises AccessDenied."""
    if not _has_first(database, who.person):
        raise AccessDenied("a second factor goes with a password, a phone or WeChat, and there is none of them here")
    _check(database, who)
    return second_factors.begin(database, who.person, now_ms)


def confirm(
    database: Database, who: Who, code: str, now_ms: int, *, note: Callable[[], None] = _nothing
) -> tuple[str, ...]:
    """The recovery codes of the new factor, shown once. Raises InputInvalid, TooManyTries, AccessDenied."""
    _check(database, who)
    tries.begin(database, f"second-factor:{who.person}", now_ms)
    draft = second_factors.drafted(database, who.person, code, now_ms)
    if draft is None:
        raise InputInvalid("this is not the code that the app shows now, or it was begun too long ago", "/code")
    zh = "您的健康档案已启用动态验证码（双重验证）。如非本人操作，请立即联系机构。"
    en = "A second factor was set up for your record. If that was not you, ask your clinic for help at once."
    outbox.tell(
        database,
        Telling(f"factor:{who.person}:{now_ms}", who.person, "second-factor-set", zh, en, urgency=URGENT),
        now_ms,
    )
    note()
    codes = second_factors.take_up(database, draft, now_ms)
    if codes is None:
        raise InputInvalid("this code was used before", "/code")
    tries.forget(database, f"second-factor:{who.person}")
    return codes


def remove(database: Database, who: Who, now_ms: int, *, note: Callable[[], None] = _nothing) -> None:
    """Raises AccessDenied for who has not logged in with it, and for who must have one."""
    _check(database, who)
    if second_factors.is_needed(database, who.person, now_ms):
        raise AccessDenied("who sees other people's records keeps a second factor")
    zh = "您的健康档案已停用动态验证码（双重验证）。如非本人操作，请立即联系机构。"
    en = "The second factor of your record was removed. If that was not you, ask your clinic for help at once."
    key = f"factor-removed:{who.person}:{now_ms}"
    outbox.tell(database, Telling(key, who.person, "second-factor-removed", zh, en, urgency=URGENT), now_ms)
    note()
    second_factors.remove(database, who.person)


def picture(uri: str) -> bytes:
    """The QR code of what an app reads, as PNG."""
    import segno  # noqa: PLC0415 - with the first code

    drawn = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(drawn, kind="png", scale=MODULE_PX)
    return drawn.getvalue()


def inline(uri: str) -> str:
    """The same as SVG to stand in a page: no file that a browser could keep, no source that its policy has to allow."""
    import segno  # noqa: PLC0415 - with the first code

    return segno.make(uri, error="m", micro=False).svg_inline(scale=MODULE_PX)


def _has_first(database: Database, person: str) -> bool:
    """True for who comes in by something that a second factor is asked with; a passkey alone is two already."""
    if logins.has_password(database, person) or openids.has(database, person):
        return True
    return people.require(database, person).phone is not None


def _check(database: Database, who: Who) -> None:
    if second_factors.has(database, who.person) and not who.is_by_two:
        raise AccessDenied("log in with both factors first: only who has the present one replaces or removes it")
