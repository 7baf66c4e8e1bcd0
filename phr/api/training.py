"""What professionals learn: courses and articles that are shown to those alone who work in an organisation.

How somebody gets on with them is their own, as with every lesson (``/v1/people/me/lessons``).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, returns, takes
from phr.api.education import VersionQuery, article_json, article_of, heads_json
from phr.api.education_shapes import ArticlesTold, ArticleTold, CourseLessonsTold, CoursesTold
from phr.api.installation import database
from phr.api.lessons import course_json, lessons_json
from phr.clock import now_ms, to_datetime
from phr.education.article import LANGUAGES
from phr.education.authoring import shelf
from phr.education.courses import courses
from phr.people.organisations import Member

blueprint = Blueprint("training", __name__)


class LanguageQuery(Schema):
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))


@blueprint.get("/v1/organisation/courses")
@access("organisation.read")
@takes(LanguageQuery, location="query")
@returns()
def list_courses(member: Member, query: dict[str, Any]) -> CoursesTold:  # noqa: ARG001
    return {"courses": [course_json(one, query["language"]) for one in courses().listed(for_staff=True)]}


@blueprint.get("/v1/organisation/courses/<course>")
@access("organisation.read")
@takes(LanguageQuery, location="query")
@returns()
def show_course(member: Member, course: str, query: dict[str, Any]) -> CourseLessonsTold:  # noqa: ARG001
    """As those of everybody (``/v1/education/courses/{course}``), which are found here, too."""
    return lessons_json(courses().find(course, is_staff=True), query["language"])


@blueprint.get("/v1/organisation/articles")
@access("organisation.read")
@takes(LanguageQuery, location="query")
@returns()
def list_articles(member: Member, query: dict[str, Any]) -> ArticlesTold:  # noqa: ARG001
    return {"articles": heads_json(shelf(database()).listed(query["language"], _today(), for_staff=True))}


@blueprint.get("/v1/organisation/articles/<slug>")
@access("organisation.read")
@takes(VersionQuery, location="query")
@returns()
def show_article(member: Member, slug: str, query: dict[str, Any]) -> ArticleTold:  # noqa: ARG001
    """As those of everybody (``/v1/education/articles/{slug}``), which are found here, too."""
    return article_json(article_of(slug, query, is_staff=True))


def _today() -> date:
    return to_datetime(now_ms()).date()
