"""For which organisation somebody speaks."""

from __future__ import annotations

from phr.api.installation import database
from phr.people import people
from phr.people.access import Caller
from phr.people.granting import PROFESSIONS


def speaks_for(who: Caller) -> str | None:
    """The organisation of a professional; None of all others and of an operator in anybody's name."""
    author = None if who.act else people.find(database(), who.subject)
    return author.organisation if author and PROFESSIONS & set(author.roles) else None
