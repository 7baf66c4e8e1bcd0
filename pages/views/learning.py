"""Health education: articles found by the words people use, courses in small lessons, what comes again.

Professionals have courses of their own at their clinic's page, and are shown there as everybody is shown theirs.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from pages import looks, places, sittings
from pages.api import Refused

blueprint = Blueprint("learning", __name__)

TOPICS = "/v1/people/me/lessons/topics"


class Shelf(NamedTuple):
    """Where lessons stand: which part of the API has them, and the pages of all, a lesson, a course, and the sound."""

    api: str
    all: str
    lessons: str
    courses: str
    aloud: str


EVERYBODYS = Shelf("/v1/education", "/app/learn", "/app/learn", "/app/courses", "/app/aloud/lessons")
PROFESSIONALS = Shelf(
    "/v1/organisation", "/app/clinic/courses", "/app/clinic/lessons", "/app/clinic/courses", "/app/aloud/clinic/lessons"
)


@blueprint.get("/app/learn")
def show_all() -> str:
    wanted = request.args.get("q", "").strip()[:100]
    query = {"language": looks.of(request).language, "text": wanted or None}
    articles = sittings.ask("GET", "/v1/education/articles", query=query)["articles"]
    titles = {one["slug"]: one["title"] for one in articles}
    mine = sittings.ask("GET", "/v1/people/me/lessons", query={"language": looks.of(request).language})
    return render_template(
        "learn.html",
        articles=articles,
        titles=titles,
        wanted=wanted,
        suggested=[] if wanted else _suggested(),
        due=[one for one in mine["due"] if one["lesson"] in titles],
        prescribed=[] if wanted else _prescribed(),
        courses=[] if wanted else _courses(),
        begun={one["course"]: one for one in mine["courses"]},
    )


@blueprint.get("/app/learn/topics")
def show_topics() -> str:
    found = sittings.ask("GET", TOPICS, query={"language": looks.of(request).language})["topics"]
    return render_template("topics.html", topics=found)


@blueprint.post("/app/learn/topics/<topic>")
def switch_topic(topic: str) -> Response:
    """Enough of it, or some more of it: the other of what it was."""
    before = sittings.reply("GET", TOPICS)
    off = {one["topic"] for one in before.json()["topics"] if one["is_off"]} ^ {topic}
    sittings.ask("PUT", TOPICS, json={"off": sorted(off)}, headers={"If-Match": before.etag})
    return redirect("/app/learn/topics", 303)


@blueprint.get("/app/learn/effect")
def show_effect() -> str:
    """What went with reading; of what was read and measured."""
    found = sittings.ask("GET", "/v1/people/me/lessons/effect")
    seen = [one for one in found["effects"] if one["before"]["readings"] or one["after"]["readings"]]
    return render_template(
        "effect.html",
        effects=seen,
        titles={slug: _title(slug) for slug in {one["lesson"] for one in seen}},
        note=found["note"],
        days=found["days_before_and_after"],
    )


@blueprint.get("/app/learn/<slug>")
def show_article(slug: str) -> str:
    return _article(EVERYBODYS, slug)


@blueprint.get("/app/courses/<course>")
def show_course(course: str) -> str:
    return _course(EVERYBODYS, course)


@blueprint.get("/app/clinic/courses")
def show_training() -> str:
    """What professionals learn, how far they have come, and what of it comes again today."""
    query = {"language": looks.of(request).language}
    courses = sittings.ask("GET", "/v1/organisation/courses", query=query)["courses"]
    articles = sittings.ask("GET", "/v1/organisation/articles", query=query)["articles"]
    titles = {one["slug"]: one["title"] for one in articles}
    mine = sittings.ask("GET", "/v1/people/me/lessons", query=query)
    return render_template(
        "training.html",
        courses=courses,
        titles=titles,
        due=[one for one in mine["due"] if one["lesson"] in titles],
        begun={one["course"]: one for one in mine["courses"]},
    )


@blueprint.get("/app/clinic/lessons/<slug>")
def show_professionals_article(slug: str) -> str:
    return _article(PROFESSIONALS, slug)


@blueprint.get("/app/clinic/courses/<course>")
def show_professionals_course(course: str) -> str:
    return _course(PROFESSIONALS, course)


def _article(shelf: Shelf, slug: str) -> str:
    """Shown is read, and counts as begun."""
    query = {"language": looks.of(request).language}
    found = sittings.ask("GET", f"{shelf.api}/articles/{slug}", query=query)
    sittings.ask("POST", f"/v1/people/me/lessons/{slug}/read", query=query)
    return render_template("article.html", article=found, course=request.args.get("course", ""), shelf=shelf)


def _course(shelf: Shelf, course: str) -> str:
    query = {"language": looks.of(request).language}
    mine = sittings.ask("GET", "/v1/people/me/lessons", query=query)
    certificates = sittings.ask("GET", "/v1/people/me/certificates", query=query)["certificates"]
    return render_template(
        "course.html",
        course=sittings.ask("GET", f"{shelf.api}/courses/{course}", query=query),
        shelf=shelf,
        known={one["lesson"]: one for one in mine["lessons"]},
        progress=next((one for one in mine["courses"] if one["course"] == course), None),
        certificate=next((one for one in certificates if one["course"] == course), None),
    )


@blueprint.post("/app/people/<person>/lessons")
def prescribe(person: str) -> Response:
    """A lesson as part of the care of a resident: they are reminded of it, and it is done once it is finished."""
    slug, day = request.form.get("lesson", ""), request.form.get("on", "")
    title = sittings.ask("GET", f"/v1/education/articles/{slug}")["title"]
    body = {
        "kind": "lesson",
        "about": slug,
        "text": title,
        "rrule": "FREQ=DAILY;COUNT=1",
        "times": ["09:00"],
        "starts_on": day,
    }
    sittings.ask("POST", f"/v1/people/{person}/reminders", json=body)
    return redirect(f"/app/people/{person}{places.kept()}", 303)


def _title(slug: str) -> str:
    """In the reader's language; of an article that is gone, its name."""
    query = {"language": looks.of(request).language}
    try:
        return str(sittings.ask("GET", f"/v1/education/articles/{slug}", query=query)["title"])
    except Refused as error:
        if error.reply.status != 404:
            raise
        return slug


def _prescribed() -> list[dict[str, object]]:
    """The lessons of one's plans that have begun and are not finished."""
    plans = sittings.ask("GET", "/v1/people/me/plans")["plans"]
    today = datetime.now(ZoneInfo(sittings.require().zone)).date().isoformat()
    return [
        one
        for plan in plans
        if plan["state"] == "active"
        for one in plan["lessons"]
        if not one.get("finished_at") and one["starts_on"] <= today
    ]


def _suggested() -> list[dict[str, object]]:
    query = {"language": looks.of(request).language}
    found: list[dict[str, object]] = sittings.ask("GET", "/v1/people/me/lessons/suggested", query=query)["suggested"]
    return found


def _courses() -> list[dict[str, object]]:
    query = {"language": looks.of(request).language}
    found: list[dict[str, object]] = sittings.ask("GET", "/v1/education/courses", query=query)["courses"]
    return found
