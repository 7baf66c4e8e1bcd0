"""Tells people of what suits them, at most twice a week: what is pushed is decided here, purely, and told as a notice.

Once a day, in the evening of the person's own clock, somebody is looked at. What their readings say now may be pushed
whenever the week has room; what is so for years (a diagnosis, an age) only in a week without a push, so that there is
room for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from phr.care.rule import Rules
from phr.clock import DAY_MS, to_datetime, to_ms
from phr.database import Database
from phr.education import authoring, knowing, learners, progress
from phr.education.article import Article
from phr.education.learners import Learner, Push
from phr.education.library import Library
from phr.education.matching import AGAIN_DAYS, Suggestion, suggested, table
from phr.education.progress import Progress
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import people, processing
from phr.people.keyring import KeyDestroyed
from phr.people.people import Person, ZonePeriod

WEEK_MS = 7 * DAY_MS
MOST_A_WEEK = 2
AGAIN_MS = AGAIN_DAYS * DAY_MS
AT_HOUR = 19  # our own choice: after supper; quiet hours and the hour of a digest count besides
WANTED_MS = WEEK_MS  # nobody is told of it any more from then on
KIND = "lesson-suggested"
LINK = "lessons"


def push_one(database: Database, rules: Rules, now_ms: int) -> bool:
    """Looks at one who is due, and tells what was decided; True where there may be more to do.

    Any number of schedulers may do so at once, and any of them may die anywhere.
    """
    left_untold = learners.claim_untold(database, now_ms)
    if left_untold is not None:
        _tell(database, left_untold, now_ms)
        return True
    if learners.follow_people(database, lambda where: evening_ms(where.zones, now_ms)):
        return True
    person_id = learners.claim(database, now_ms)
    if person_id is None:
        return False
    try:
        person = people.find(database, person_id)
    except KeyDestroyed:
        person = None
    if person is None:
        learners.forget(database, person_id)
    elif person.consent_withdrawn or processing.is_unevaluated(person):
        learners.set_due(database, person_id, None)
    else:
        _look(database, person, rules, now_ms)
    return True


def next_push(found: Iterable[Suggestion], pushes: Sequence[Push], now_ms: int) -> Suggestion | None:
    """What is pushed now, of what suits the person, the weightiest first; None where nothing is or the week is full."""
    of_week = sum(now_ms - one.at_ms < WEEK_MS for one in pushes)
    if of_week >= MOST_A_WEEK:
        return None
    lately = {one.slug for one in pushes if now_ms - one.at_ms < AGAIN_MS}
    for one in found:
        if one.slug in lately or one.is_for_everybody or (of_week and not one.is_prompt):
            continue
        return one
    return None


def read_lately(begun: Iterable[Progress], now_ms: int) -> set[str]:
    """The articles that were read, or answered, in the last 30 days."""
    return {
        one.slug
        for one in begun
        if one.read_ms is not None and now_ms - max(one.read_ms, one.answered_ms or 0) < AGAIN_MS
    }


def evening_ms(zones: Sequence[ZonePeriod], after_ms: int) -> int:
    """The next time that it is seven in the evening where the person is."""
    zone = next(one.zone for one in reversed(zones) if one.since_ms is None or one.since_ms <= after_ms)
    local = to_datetime(after_ms).astimezone(ZoneInfo(zone))
    evening = datetime(local.year, local.month, local.day, AT_HOUR, tzinfo=ZoneInfo(zone))
    if evening <= local:
        evening = evening + timedelta(days=1)  # the next day at that hour of the wall clock
    return to_ms(evening)


def settle_read(database: Database, person: str, slug: str, now_ms: int) -> None:
    """Who has read it need not be told of it any more. Safe to repeat."""
    keys = [_key(person, one.number) for one in learners.find(database, person).pushes if one.slug == slug]
    if keys:
        outbox.set_read(database, person, keys, now_ms)


def _look(database: Database, person: Person, rules: Rules, now_ms: int) -> None:
    known = knowing.known_of(database, person, rules, now_ms)
    read = read_lately(progress.of_person(database, person.id), now_ms)
    today, of = to_datetime(now_ms, person.offset_min_at(now_ms)).date(), authoring.shelf(database)

    def decide(one: Learner) -> Push | None:
        found = _served(of, suggested(table(), known, read | set(one.off)), today)
        chosen = next_push(found, one.pushes, now_ms)
        return None if chosen is None else _push(of, chosen, one.next_number, now_ms)

    learners.push(database, person.id, decide, evening_ms(person.zones, now_ms), now_ms)
    _tell(database, person.id, now_ms)


def _served(of: Library, found: Iterable[Suggestion], today: date) -> list[Suggestion]:
    return [one for one in found if all(not article.is_expired(today) for article in _both(of, one.slug))]


def _both(of: Library, slug: str) -> Collection[Article]:
    return [of.articles[language, slug] for language in ("zh", "en")]


def _push(of: Library, one: Suggestion, number: int, now_ms: int) -> Push:
    chinese, english = _both(of, one.slug)
    return Push(
        number=number,
        slug=one.slug,
        at_ms=now_ms,
        zh=f"{one.why['zh']}可以读一读《{chinese.title}》（约 {chinese.minutes} 分钟）。",
        en=f"{one.why['en']} You may like to read “{english.title}” (about {english.minutes} minutes).",
        categories=tuple(sorted(one.categories | {"care"})),
    )


def _tell(database: Database, person: str, now_ms: int) -> None:
    """Tells what was decided and perhaps not told; once for its key, whoever does so."""
    try:
        one = learners.find(database, person)
    except KeyDestroyed:
        learners.forget(database, person)
        return
    if one.to_tell is None:
        return
    new = one.untold
    if new is not None:
        outbox.tell(database, _telling(person, new), now_ms)
    learners.told(database, person, one.to_tell)


def _telling(person: str, one: Push) -> Telling:
    return Telling(
        key=_key(person, one.number),
        person=person,
        kind=KIND,
        message_zh=one.zh,
        message_en=one.en,
        categories=one.categories,
        expires_at_ms=one.at_ms + WANTED_MS,
        link=LINK,
    )


def _key(person: str, number: int) -> str:
    return f"lesson:{person}:{number}"
