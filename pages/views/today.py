"""A person's day: what needs attention, what is due, the latest of everything with a sentence on what it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template
from flask_babel import gettext as _

from pages import shown, sittings
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("today", __name__)

# What people look at first; the rest follows in the vocabulary's own order.
FIRST = (
    *("blood-pressure", "glucose-capillary", "glucose-interstitial", "heart-rate"),
    *("weight", "spo2", "body-temperature"),
)
MOST_ATTENTION, MOST_SAID = 5, 8
OPEN = ("planned", "sent", "delivered", "opened")


@blueprint.get("/app/today")
def show() -> str:
    day = of_now()
    return render_template("today.html", sentences=sentences(day), **day)


def of_now() -> dict[str, Any]:
    """What the page shows."""
    profile = sittings.ask("GET", "/v1/people/me")
    overview = sittings.ask("GET", "/v1/people/me/overview")
    now = datetime.now(UTC)
    asked = {"from": _at(now - timedelta(hours=18)), "to": _at(now + timedelta(hours=18))}
    due = sittings.ask("GET", "/v1/people/me/reminders/occurrences", query=asked)["occurrences"]
    told = {one["id"]: one for one in sittings.ask("GET", "/v1/people/me/reminders")["reminders"]}
    return {
        "profile": profile,
        "latest": sorted(overview["latest"], key=_place),
        "attention": [one for one in overview["attention"] if one["metric"]],
        "messages": sum(not one["metric"] for one in overview["attention"]),
        "due": [one | {"schedule": told.get(one["reminder"], {})} for one in due if one["state"] in OPEN],
    }


def sentences(day: dict[str, Any]) -> list[str]:
    """The page in words, to be read aloud: what is due, what needs attention, the latest values with their meaning."""
    due = [
        _("Due: %(what)s, %(when)s.", what=one["schedule"].get("text", ""), when=shown.when(one["planned_at"]))
        for one in day["due"]
    ]
    attention = [shown.words(one["message"]) for one in day["attention"][:MOST_ATTENTION]]
    latest = [
        _(
            "%(what)s: %(value)s, %(when)s.",
            what=shown.name(one["metric"]),
            value=_value(one),
            when=shown.when(one["t"]),
        )
        + (shown.words(one["meaning"]["words"]) if one.get("meaning") else "")
        for one in day["latest"][:MOST_SAID]
    ]
    return due + attention + latest


def _value(one: dict[str, Any]) -> str:
    return f"{shown.value(one)} {shown.unit(one['metric'])}".strip()


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _place(one: dict[str, Any]) -> tuple[int, int]:
    key = one["metric"]
    keys = list(vocabulary().metrics)
    return (FIRST.index(key) if key in FIRST else len(FIRST), keys.index(key) if key in keys else 0)
