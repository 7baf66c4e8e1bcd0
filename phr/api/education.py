"""Health education for everybody: articles in plain words, with their sources, and that nobody has reviewed them."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.care_rules import UNREVIEWED
from phr.api.deciding import returns, takes
from phr.clock import now_ms, to_datetime
from phr.education import rendering
from phr.education.article import LANGUAGES, Article
from phr.education.library import library

blueprint = Blueprint("education", __name__)

MOST = 50


class ArticlesQuery(Schema):
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))
    text = fields.String(load_default=None, validate=validate.Length(1, 200))
    condition = fields.String(load_default=None, validate=validate.Length(1, 64))
    metric = fields.String(load_default=None, validate=validate.Length(1, 64))


class ArticleQuery(Schema):
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))


@blueprint.get("/v1/education/articles")
@takes(ArticlesQuery, location="query")
@returns()
def list_articles(query: dict[str, Any]) -> dict[str, Any]:
    """Those about a condition or a metric; those that fit the words that somebody typed, the best first."""
    language = query["language"]
    if query["text"] is None:
        found = library().listed(language, _today())
    else:
        found = library().searched(language, query["text"], _today())
    wanted = [
        one
        for one in found
        if query["condition"] in (None, *one.conditions) and query["metric"] in (None, *one.metrics)
    ]
    return {"articles": [_head(one) for one in wanted[:MOST]]}


@blueprint.get("/v1/education/articles/<slug>")
@takes(ArticleQuery, location="query")
@returns()
def show_article(slug: str, query: dict[str, Any]) -> dict[str, Any]:
    """As HTML that runs nothing, and as blocks for clients that show none; with its questions."""
    one = library().find(query["language"], slug, _today())
    return _head(one) | {
        "html": rendering.html(one.body),
        "blocks": rendering.blocks(one.body),
        "quiz": [{"ask": row.ask, "answers": row.answers, "right": row.right, "why": row.why} for row in one.quiz],
        "sources": [
            {"title": {"zh": source.title_zh, "en": source.title_en}, "year": source.year, "section": source.section,
             "evidence": source.evidence}
            for source in one.sources
        ],
    }  # fmt: skip


def _head(one: Article) -> dict[str, Any]:
    return {
        "slug": one.slug,
        "language": one.language,
        "title": one.title,
        "summary": one.summary,
        "minutes": one.minutes,
        "conditions": list(one.conditions),
        "metrics": list(one.metrics),
        "audience": list(one.audience),
        "written_on": one.written_on.isoformat(),
        "expires_on": one.expires_on.isoformat(),
        "reviewed_by": None,
        "note": UNREVIEWED,
    }


def _today() -> date:
    return to_datetime(now_ms()).date()
