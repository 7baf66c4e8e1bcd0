"""Courses for everybody, and how somebody gets on with them: lessons read, questions answered, what comes again."""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from phr.api.deciding import Answer, access, caller, expected_version, returns, takes
from phr.api.education import audio_text
from phr.api.education_shapes import CourseLessonsTold, CoursesTold, CourseTold, LessonTold
from phr.api.installation import database
from phr.api.shapes import Words
from phr.auth.scopes import scopes
from phr.care.rules import rules
from phr.clock import At, now_ms, rfc3339, to_datetime
from phr.education import knowing, learners, progress, pushing, versions
from phr.education.article import LANGUAGES, Article
from phr.education.authoring import shelf
from phr.education.courses import Course, courses, served
from phr.education.learners import Learner
from phr.education.matching import MOST, Suggestion, suggested, table
from phr.education.progress import Answered, Progress, Seen, share_right
from phr.errors import InputInvalid
from phr.people import organisations, people, seals
from phr.people.access import NOTHING, Ask, visible
from phr.plans.signatures import of_all, signed
from phr.timeline import happened
from phr.timeline.happened import Happening

blueprint = Blueprint("lessons", __name__)


class LanguageQuery(Schema):
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))


class AnswersBody(Schema):
    """``id``: made by the client; sent again it changes nothing. ``answers``: the place of each, from 0."""

    id = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9_.:-]{1,64}\Z"))
    answers = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0, 20)), required=True, validate=validate.Length(1, 20)
    )
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))


def _check_topic(name: str) -> None:
    """Against the table as it is: it comes with all articles, and not before somebody asks for it."""
    if name not in table().topics:
        raise ValidationError(f"no such topic; there are {', '.join(table().topics)}")


class TopicsBody(Schema):
    off = fields.List(fields.String(validate=_check_topic), required=True, validate=validate.Length(0, 100))
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))


class VersionReadTold(TypedDict):
    language: str
    version: str
    read_at: At


class ProgressTold(TypedDict):
    """``due_at``: when it comes again; ``versions``: which texts were read."""

    lesson: str
    read_at: At | None
    answered_at: At | None
    finished_at: At | None
    due_at: At | None
    is_due: bool
    versions: list[VersionReadTold]


class FollowedTold(CourseTold):
    """``known_before_percent``: of the questions, answered right the first time. ``next``: the lesson that follows."""

    begun: int
    finished: int
    known_before_percent: int | None
    known_now_percent: int | None
    next: str | None


class FollowingTold(TypedDict):
    due: list[ProgressTold]
    lessons: list[ProgressTold]
    courses: list[FollowedTold]


class SuggestedTold(TypedDict):
    """``told_at``: when it was pushed."""

    lesson: str
    topic: str
    told_at: At | None
    title: str
    summary: str
    minutes: int
    why: Words


class SuggestionsTold(TypedDict):
    suggested: list[SuggestedTold]


class TopicTold(TypedDict):
    topic: str
    title: str
    is_off: bool


class TopicsTold(TypedDict):
    topics: list[TopicTold]


class JudgedQuestionTold(TypedDict):
    """``right``: the place of the answer that is, from 0."""

    is_right: bool
    right: int
    why: str


class JudgedTold(ProgressTold):
    questions: list[JudgedQuestionTold]


class CourseCertificateTold(CourseTold):
    """``certificate``: its number."""

    certificate: str
    name: str | None
    finished_at: At


class CourseCertificatesTold(TypedDict):
    certificates: list[CourseCertificateTold]


@blueprint.get("/v1/education/courses")
@takes(LanguageQuery, location="query")
@returns()
def list_courses(query: dict[str, Any]) -> CoursesTold:
    return {"courses": [course_json(one, query["language"]) for one in courses().listed()]}


@blueprint.get("/v1/education/courses/<course>")
@takes(LanguageQuery, location="query")
@returns()
def show_course(course: str, query: dict[str, Any]) -> CourseLessonsTold:
    """With its lessons in order; ``audio_text`` is what is to be read aloud."""
    return lessons_json(courses().find(course), query["language"])


@blueprint.get("/v1/people/<person>/lessons")
@access("care.read")
@takes(LanguageQuery, location="query")
@returns()
def list_lessons(person: str, query: dict[str, Any]) -> FollowingTold:
    """What comes again today, what was begun, how far each course has come, what was known before and is now."""
    people.require(database(), person)
    now, known = now_ms(), {one.slug: one for one in progress.of_person(database(), person)}
    begun = [_progress(one, now) for one in known.values()]
    due = [one for one in begun if one["is_due"]]
    is_staff = _is_staff(person)
    theirs = [one for one in courses().by_slug.values() if is_staff or not one.is_for_staff]
    followed = [_followed(one, known, query["language"]) for one in theirs]
    return {"due": due, "lessons": begun, "courses": [one for one in followed if one["begun"]]}


@blueprint.get("/v1/people/<person>/lessons/suggested")
@access("care.read")
@takes(LanguageQuery, location="query")
@returns()
def list_suggested(person: str, query: dict[str, Any]) -> SuggestionsTold:
    """What concerns somebody now, each with why; what was read in the last 30 days is left out.

    Each is for who may see all that it was made of.
    """
    whose, now, language = people.require(database(), person), now_ms(), query["language"]
    known = knowing.known_of(database(), whose, signed(rules(), of_all(database(), rules())), now)
    learner = learners.find(database(), person)
    left_out = pushing.read_lately(progress.of_person(database(), person), now) | set(learner.off)
    asked = _asked(suggested(table(), known, left_out))
    sight = visible(database(), caller(), Ask(person, "read", asked, "", is_partial=True), now) if asked else NOTHING
    told_ms = {one.slug: one.at_ms for one in learner.pushes}
    shown = []
    for one in suggested(table(), known, left_out, sight.periods):
        article = shelf(database()).articles[language, one.slug]
        if not article.is_expired(_today()):
            told: SuggestedTold = {
                "lesson": one.slug,
                "topic": one.topic,
                "told_at": _moment(told_ms.get(one.slug)),
                "title": article.title,
                "summary": article.summary,
                "minutes": article.minutes,
                "why": {"zh": one.why["zh"], "en": one.why["en"]},
            }
            shown.append(told)
    return {"suggested": shown[:MOST]}


@blueprint.get("/v1/people/<person>/lessons/topics")
@access("notices.read")
@takes(LanguageQuery, location="query")
@returns()
def list_topics(person: str, query: dict[str, Any]) -> Answer[TopicsTold]:
    """What lessons are suggested and pushed about, and what of it the person has enough of."""
    return _topics(learners.find(database(), person), query["language"])


@blueprint.put("/v1/people/<person>/lessons/topics")
@access("notices.write")
@takes(TopicsBody)
@returns()
def choose_topics(person: str, body: dict[str, Any]) -> Answer[TopicsTold]:
    """Nothing of the topics that are off is suggested or pushed (If-Match; "0" at first). A doctor may prescribe it."""
    version = expected_version(learners.find(database(), person).chosen)
    return _topics(learners.choose(database(), person, body["off"], version), body["language"])


@blueprint.post("/v1/people/<person>/lessons/<lesson>/read")
@access("care.write")
@takes(LanguageQuery, location="query")
@returns()
def read_lesson(person: str, lesson: str, query: dict[str, Any]) -> ProgressTold:
    """Noted the first time, each version of it in each language; who was told to read it is told no more."""
    one, now = shelf(database()).find(query["language"], lesson, _today(), is_staff=_is_staff(person)), now_ms()
    read = progress.read(database(), person, lesson, now, of=_kept(one, now))
    pushing.settle_read(database(), person, lesson, now)
    return _progress(read, now)


@blueprint.post("/v1/people/<person>/lessons/<lesson>/answers")
@access("care.write")
@takes(AnswersBody)
@returns()
def answer_lesson(person: str, lesson: str, body: dict[str, Any]) -> JudgedTold:
    """Which were right and why. The lesson comes again when it is time; finished, it stands in the timeline."""
    one, now = shelf(database()).find(body["language"], lesson, _today(), is_staff=_is_staff(person)), now_ms()
    right = _judged(one, body["answers"])
    said = Answered(body["id"], right, now, _kept(one, now))
    after = progress.answer(database(), person, lesson, said)
    if after.is_finished:
        happened.put(database(), [_happening(person, one, after)], now)
    told: list[JudgedQuestionTold] = [
        {"is_right": is_right, "right": row.right, "why": row.why}
        for row, is_right in zip(one.quiz, right, strict=True)
    ]
    return {**_progress(after, now), "questions": told}


@blueprint.get("/v1/people/<person>/certificates")
@access("care.read")
@takes(LanguageQuery, location="query")
@returns()
def list_certificates(person: str, query: dict[str, Any]) -> CourseCertificatesTold:
    """Of the courses whose every lesson is finished: when, and a number that is the same each time it is asked for."""
    whose = people.require(database(), person)
    known = {one.slug: one for one in progress.of_person(database(), person)}
    found: list[CourseCertificateTold] = []
    for course in courses().by_slug.values():
        done = [known[slug].finished_ms for slug in course.lessons if slug in known]
        if len(done) == len(course.lessons) and all(at is not None for at in done):
            number = seals.tokens(database(), person, [f"certificate:{course.slug}"])[0].hex()
            at_ms = max(at for at in done if at is not None)
            of = course_json(course, query["language"])
            found.append({**of, "certificate": number, "name": whose.name, "finished_at": rfc3339(at_ms)})
    return {"certificates": found}


def _is_staff(person: str) -> bool:
    """Whether lessons of professionals are for this person."""
    return organisations.membership(database(), person, now_ms()) is not None


def _judged(one: Article, answers: list[int]) -> tuple[bool, ...]:
    if len(answers) != len(one.quiz):
        raise InputInvalid(f"this lesson asks {len(one.quiz)} questions", "/answers")
    for number, (row, given) in enumerate(zip(one.quiz, answers, strict=True)):
        if given >= len(row.answers):
            raise InputInvalid(f"there are {len(row.answers)} answers to choose from", f"/answers/{number}")
    return tuple(given == row.right for row, given in zip(one.quiz, answers, strict=True))


def _kept(one: Article, now: int) -> Seen:
    """That this text is being read: it is kept first."""
    versions.keep(database(), one, now)
    return Seen(one.language, one.version, now)


def _happening(person: str, one: Article, done: Progress) -> Happening:
    assert done.finished_ms is not None
    content = {"text": one.title, "lesson": one.slug, "outcome": "finished", "score_percent": 100}
    return Happening(f"lesson:{person}:{one.slug}", person, "lesson", done.finished_ms, content)


def _followed(course: Course, known: dict[str, Progress], language: str) -> FollowedTold:
    mine = [known[slug] for slug in course.lessons if slug in known]
    return {
        **course_json(course, language),
        "begun": len(mine),
        "finished": sum(one.is_finished for one in mine),
        "known_before_percent": share_right([one.first for one in mine]),
        "known_now_percent": share_right([one.latest for one in mine]),
        "next": next((slug for slug in course.lessons if slug not in known or not known[slug].is_finished), None),
    }


def _asked(found: list[Suggestion]) -> tuple[str, ...]:
    """The categories that they are made of, as far as the caller's token reaches."""
    held = {
        category
        for name in caller().scopes & scopes().keys()
        if scopes()[name].verb == "read"
        for category in scopes()[name].categories
    }
    return tuple(sorted({category for one in found for category in one.categories} & held))


def _topics(learner: Learner, language: str) -> Answer[TopicsTold]:
    found: list[TopicTold] = [
        {"topic": name, "title": one.zh if language == "zh" else one.en, "is_off": name in learner.off}
        for name, one in table().topics.items()
    ]
    return Answer({"topics": found}, version=learner.chosen)


def _progress(one: Progress, now: int) -> ProgressTold:
    return {
        "lesson": one.slug,
        "read_at": _moment(one.read_ms),
        "answered_at": _moment(one.answered_ms),
        "finished_at": _moment(one.finished_ms),
        "due_at": _moment(one.due_ms),
        "is_due": one.due_ms is not None and one.due_ms <= now,
        "versions": [
            {"language": seen.language, "version": seen.version, "read_at": rfc3339(seen.at_ms)} for seen in one.seen
        ],
    }


def lessons_json(one: Course, language: str) -> CourseLessonsTold:
    """A course with its lessons in order."""
    of = shelf(database())
    lessons = [of.articles[language, slug] for slug in served(one, of, language, _today())]
    return {**course_json(one, language), "lessons": [_lesson(article) for article in lessons]}


def course_json(one: Course, language: str) -> CourseTold:
    return {
        "course": one.slug,
        "title": one.title[language],
        "summary": one.summary[language],
        "audience": one.audience,
        "conditions": list(one.conditions),
        "needs": list(one.needs),
        "count": len(one.lessons),
    }


def _lesson(one: Article) -> LessonTold:
    return {
        "lesson": one.slug,
        "title": one.title,
        "summary": one.summary,
        "minutes": one.minutes,
        "questions": [{"ask": row.ask, "answers": row.answers} for row in one.quiz],
        "audio_text": audio_text(one),
    }


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def _today() -> date:
    return to_datetime(now_ms()).date()
