"""Medicines and other reminders: what is due with one tap, what comes back when, how much of it was done."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from pages import sittings
from phr.clock import now_ms, rfc3339

blueprint = Blueprint("reminders", __name__)

DAYS = {"daily": "FREQ=DAILY", "weekly": "FREQ=WEEKLY", "monthly": "FREQ=MONTHLY"}
MOST_TIMES = 4


@blueprint.get("/app/reminders")
def show() -> str:
    found = sittings.ask("GET", "/v1/people/me/reminders")["reminders"]
    today = _today()
    asked = {"from": (today - timedelta(days=27)).isoformat(), "to": today.isoformat()}
    adherence = sittings.ask("GET", "/v1/people/me/reminders/adherence", query=asked)
    return render_template("reminders.html", reminders=found, adherence=adherence, today=today.isoformat())


@blueprint.post("/app/reminders")
def create() -> Response:
    form = request.form
    times = sorted({one for one in form.getlist("time") if one})[:MOST_TIMES]
    body = {
        "kind": form.get("kind", "medication"),
        "text": form.get("text", "").strip(),
        "rrule": DAYS.get(form.get("days", ""), DAYS["daily"]),
        "times": times,
        "starts_on": form.get("starts_on") or _today().isoformat(),
    }
    sittings.ask("POST", "/v1/people/me/reminders", json=body)
    return redirect("/app/reminders", 303)


@blueprint.post("/app/reminders/<reminder>/end")
def end(reminder: str) -> Response:
    etag = sittings.reply("GET", f"/v1/people/me/reminders/{reminder}").etag
    sittings.ask("DELETE", f"/v1/people/me/reminders/{reminder}", headers={"If-Match": etag})
    return redirect("/app/reminders", 303)


@blueprint.post("/app/reminders/<reminder>/<at>/<word>")
def settle(reminder: str, at: str, word: str) -> Response:
    """Done or skipped, with one tap; said twice it stays as it was."""
    act = "skip" if word == "skip" else "done"
    sittings.ask("POST", f"/v1/people/me/reminders/{reminder}/occurrences/{at}/{act}", json={"at": rfc3339(now_ms())})
    return redirect("/app/today", 303)


def _today() -> date:
    """On the clock of who is at the page."""
    return datetime.now(ZoneInfo(sittings.ask("GET", "/v1/people/me")["timezone"])).date()
