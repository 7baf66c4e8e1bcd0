"""Articles and courses as JSON."""

from __future__ import annotations

from typing import TypedDict

from phr.api.shapes import At, CitedTold, On, Words
from phr.education.rendering import Block


class HeadTold(TypedDict):
    """Of an article in a list. ``note``: that no clinician has signed it."""

    slug: str
    language: str
    version: str
    title: str
    summary: str
    minutes: int
    conditions: list[str]
    metrics: list[str]
    audience: list[str]
    written_on: On
    expires_on: On
    reviewed_by: str | None
    reviewed_at: At | None
    note: Words | None


class ArticlesTold(TypedDict):
    articles: list[HeadTold]


class QuizTold(TypedDict):
    """``right``: the place of the answer that is, from 0."""

    ask: str
    answers: list[str]
    right: int
    why: str


class ArticleTold(HeadTold):
    """``is_current``: that it is the version which is read now; another is shown as it was."""

    is_current: bool
    html: str
    blocks: list[Block]
    audio_text: str
    quiz: list[QuizTold]
    sources: list[CitedTold]


class CourseTold(TypedDict):
    """``needs``: courses that come before it; ``count``: of its lessons."""

    course: str
    title: str
    summary: str
    audience: str
    conditions: list[str]
    needs: list[str]
    count: int


class CoursesTold(TypedDict):
    courses: list[CourseTold]


class QuestionTold(TypedDict):
    ask: str
    answers: list[str]


class LessonTold(TypedDict):
    """``audio_text``: to be read aloud."""

    lesson: str
    title: str
    summary: str
    minutes: int
    questions: list[QuestionTold]
    audio_text: str


class CourseLessonsTold(CourseTold):
    lessons: list[LessonTold]
