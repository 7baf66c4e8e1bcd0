"""What an installation writes itself: drafts to look at, to sign and to publish, and who did what when."""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict

from flask import Blueprint

from phr.api.care_rules import signer
from phr.api.deciding import access, returns, takes
from phr.api.education import VersionQuery, article_json
from phr.api.education_shapes import ArticleTold
from phr.api.installation import database
from phr.api.shapes import At, On, Words
from phr.clock import now_ms, rfc3339, to_datetime
from phr.education import authoring
from phr.education.article import LANGUAGES, Article
from phr.education.authoring import Written
from phr.education.library import Remark, of_articles, remarks
from phr.errors import NotFound
from phr.people.organisations import Member

blueprint = Blueprint("authoring", __name__)


class StepTold(TypedDict):
    """``name``: of the clinician, or of the operator."""

    step: str
    name: str
    at: At


class WrittenTold(TypedDict):
    """``state``: draft, reviewed, published or expired."""

    slug: str
    language: str
    version: str
    title: str
    written_on: On
    expires_on: On
    state: str
    steps: list[StepTold]


class WorkflowTold(TypedDict):
    articles: list[WrittenTold]


class PreviewTold(TypedDict):
    """``written``: where and how far it is; null for a text that ships. ``remarks``: what an editor should look at."""

    article: ArticleTold
    written: WrittenTold | None
    remarks: list[Words]


class PreviewsTold(TypedDict):
    slug: str
    texts: list[PreviewTold]


@blueprint.get("/v1/education/workflow")
@access("care-rules.sign")
@returns()
def list_workflow(member: Member) -> WorkflowTold:
    """Every version that was imported, the latest first: how far it is, who did what when."""
    signer(member)
    return {"articles": [written_json(one, _today()) for one in authoring.listed(database())]}


@blueprint.get("/v1/education/workflow/<slug>")
@access("care-rules.sign")
@returns()
def preview_article(member: Member, slug: str) -> PreviewsTold:
    """In each language what was imported last, else what is served; with what `app.py education check` says of it."""
    signer(member)
    found = {language: _latest(f"{language}/{slug}") for language in LANGUAGES}
    served = authoring.shelf(database()).articles
    texts = [one.article if one else served.get((language, slug)) for language, one in found.items()]
    seen = of_articles([one for one in texts if one is not None])
    if not seen.articles:
        raise NotFound("there is no such article")
    said = remarks(seen, _today())
    return {
        "slug": slug,
        "texts": [_preview(one, found[language], said) for (language, _), one in seen.articles.items()],
    }


@blueprint.post("/v1/education/articles/<slug>/publish")
@access("care-rules.sign")
@takes(VersionQuery, location="query")
@returns()
def publish_article(member: Member, slug: str, query: dict[str, Any]) -> WrittenTold:
    """By a doctor, what a clinician has signed: served from now on, instead of what was under this name."""
    whose, one = signer(member), authoring.find(database(), f"{query['language']}/{slug}", query["version"])
    authoring.publish(database(), one.article, (whose, member.person), now_ms(), today=_today())
    return written_json(authoring.find(database(), one.article.name, one.article.version), _today())


@blueprint.delete("/v1/education/articles/<slug>/publish")
@access("care-rules.sign")
@takes(VersionQuery, location="query")
@returns(status=204)
def withdraw_article(member: Member, slug: str, query: dict[str, Any]) -> None:
    """Served no more; what ships under its name is served again."""
    whose, one = signer(member), authoring.find(database(), f"{query['language']}/{slug}", query["version"])
    authoring.withdraw(database(), one.article, (whose, member.person), now_ms())


def written_json(one: Written, today: date) -> WrittenTold:
    """Also what `app.py education list` prints."""
    return {
        "slug": one.article.slug,
        "language": one.article.language,
        "version": one.article.version,
        "title": one.article.title,
        "written_on": one.article.written_on.isoformat(),
        "expires_on": one.article.expires_on.isoformat(),
        "state": one.state(today),
        "steps": [{"step": step.step, "name": step.name, "at": rfc3339(step.at_ms)} for step in one.steps],
    }


def _latest(name: str) -> Written | None:
    return next(iter(authoring.listed(database(), name)), None)


def _preview(one: Article, written: Written | None, said: list[Remark]) -> PreviewTold:
    return {
        "article": article_json(one),
        "written": written_json(written, _today()) if written else None,
        "remarks": [{"zh": each.zh, "en": each.en} for each in said if each.article == one.name],
    }


def _today() -> date:
    return to_datetime(now_ms()).date()
