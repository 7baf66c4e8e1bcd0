"""Health education for everybody: articles in plain words, with their sources, and that nobody has reviewed them."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response
from marshmallow import Schema, fields, validate

from phr.api.care_rules import UNREVIEWED, signer
from phr.api.deciding import access, returns, speaks, takes
from phr.api.education_shapes import ArticlesTold, ArticleTold, HeadTold
from phr.api.installation import database
from phr.api.shapes import cited_json
from phr.clock import now_ms, rfc3339, to_datetime
from phr.education import authoring, images, rendering, signatures, versions
from phr.education.article import LANGUAGES, Article
from phr.education.authoring import shelf
from phr.errors import NotFound
from phr.people.organisations import Member
from phr.people.signing import Signature

blueprint = Blueprint("education", __name__)

MOST = 200


class ArticlesQuery(Schema):
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))
    text = fields.String(load_default=None, validate=validate.Length(1, 200))
    condition = fields.String(load_default=None, validate=validate.Length(1, 64))
    metric = fields.String(load_default=None, validate=validate.Length(1, 64))


class ArticleQuery(Schema):
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))


class VersionQuery(ArticleQuery):
    """``version``: as the article was when it had that name; without it, as it is."""

    version = fields.String(load_default=None, validate=validate.Regexp(r"[0-9a-f]{32}\Z"))


@blueprint.get("/v1/education/articles")
@takes(ArticlesQuery, location="query")
@returns()
def list_articles(query: dict[str, Any]) -> ArticlesTold:
    """Those about a condition or a metric; those that fit the words that somebody typed, the best first."""
    language = query["language"]
    if query["text"] is None:
        found = shelf(database()).listed(language, _today())
    else:
        found = shelf(database()).searched(language, query["text"], _today())
    wanted = [
        one
        for one in found
        if query["condition"] in (None, *one.conditions) and query["metric"] in (None, *one.metrics)
    ]
    return {"articles": heads_json(wanted[:MOST])}


@blueprint.get("/v1/education/articles/<slug>")
@takes(VersionQuery, location="query")
@returns()
def show_article(slug: str, query: dict[str, Any]) -> ArticleTold:
    """As HTML that runs nothing, as blocks for clients that show none, as text to be read aloud; with its questions.

    A ``version`` that somebody has read is shown as it was, also when another is read now or its time is over.
    """
    return article_json(article_of(slug, query))


@blueprint.get("/v1/education/images/<name>")
@speaks(gives="image/*")
def show_image(name: str) -> Response:
    """An image of articles, by the name that is in them: PNG, JPEG or WebP. A name is one image for ever."""
    found = images.find(database(), name)
    return Response(found.content, content_type=found.type, headers={"Cache-Control": "public, max-age=86400"})


def article_of(slug: str, query: dict[str, Any], *, is_staff: bool = False) -> Article:
    """The article, or the version of it that is asked for. Raises NotFound."""
    language, version = query["language"], query["version"]
    if version is None:
        return shelf(database()).find(language, slug, _today(), is_staff=is_staff)
    one = shelf(database()).articles.get((language, slug))
    if one is None or one.version != version:
        one = versions.find(database(), f"{language}/{slug}", version)
    if one.is_for_staff and not is_staff:
        raise NotFound("there is no such version of the article, or nobody has read it")
    return one


def article_json(one: Article) -> ArticleTold:
    """Whole, with who has signed it."""
    now = shelf(database()).articles.get((one.language, one.slug))
    return {
        **_head(one, signatures.of(database(), [one]).get(one.name)),
        "is_current": now is not None and now.version == one.version and not one.is_expired(_today()),
        "html": rendering.html(one.body),
        "blocks": rendering.blocks(one.body),
        "audio_text": audio_text(one),
        "quiz": [{"ask": row.ask, "answers": row.answers, "right": row.right, "why": row.why} for row in one.quiz],
        "sources": [cited_json(source) for source in one.sources],
    }


def heads_json(shown: list[Article]) -> list[HeadTold]:
    """What stands in a list of articles, with who has signed each."""
    signed = signatures.of(database(), shown)
    return [_head(one, signed.get(one.name)) for one in shown]


@blueprint.post("/v1/education/articles/<slug>/sign")
@access("care-rules.sign")
@takes(VersionQuery, location="query")
@returns()
def sign_article(member: Member, slug: str, query: dict[str, Any]) -> HeadTold:
    """By a doctor, with their name: the article as it is now, in this language, or the version of a draft.

    One that changes is unsigned again.
    """
    whose, one = signer(member), _to_sign(slug, query)
    return _head(one, signatures.sign(database(), one, (whose, member.person), now_ms()))


@blueprint.delete("/v1/education/articles/<slug>/sign")
@access("care-rules.sign")
@takes(VersionQuery, location="query")
@returns(status=204)
def take_signature_back(member: Member, slug: str, query: dict[str, Any]) -> None:
    """What this installation wrote itself is not served without one."""
    whose = signer(member)
    authoring.take_back(database(), _to_sign(slug, query), (whose, member.person), now_ms())


def _to_sign(slug: str, query: dict[str, Any]) -> Article:
    language, version = query["language"], query["version"]
    now = shelf(database()).articles.get((language, slug))
    if version is None or (now is not None and now.version == version):
        return shelf(database()).find(language, slug, _today(), is_staff=True)
    return authoring.find(database(), f"{language}/{slug}", version).article


def audio_text(one: Article) -> str:
    """What is to be read aloud."""
    return f"{one.title}。{one.summary}\n{rendering.words(one.body)}"


def _head(one: Article, signature: Signature | None) -> HeadTold:
    return {
        "slug": one.slug,
        "language": one.language,
        "version": one.version,
        "title": one.title,
        "summary": one.summary,
        "minutes": one.minutes,
        "conditions": list(one.conditions),
        "metrics": list(one.metrics),
        "audience": list(one.audience),
        "written_on": one.written_on.isoformat(),
        "expires_on": one.expires_on.isoformat(),
        "reviewed_by": signature.name if signature else None,
        "reviewed_at": rfc3339(signature.at_ms) if signature else None,
        "note": None if signature else UNREVIEWED,
    }


def _today() -> date:
    return to_datetime(now_ms()).date()
