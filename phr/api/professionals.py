"""For which organisation somebody speaks."""

from __future__ import annotations

from phr.api.installation import database
from phr.clock import now_ms
from phr.people import organisations, people
from phr.people.access import Caller
from phr.people.organisations import DEPUTY, PROFESSIONS


def speaks_for(who: Caller) -> str | None:
    """The organisation of a professional; None of all others and of an operator in anybody's name."""
    author = None if who.act else people.find(database(), who.subject)
    if author and DEPUTY in author.roles and organisations.membership(database(), author.id, now_ms()) is None:
        return None  # the time is over for which they stood in
    return author.organisation if author and PROFESSIONS & set(author.roles) else None
