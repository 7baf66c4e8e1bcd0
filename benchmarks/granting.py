"""What it costs to decide who may see a record, and to write down that they looked."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product

from benchmarks import Figure
from benchmarks.stack import Stack, running
from phr import clock
from phr.people import access, grants, organisations, people
from phr.people.access import Ask, Caller
from phr.people.grants import FAMILY_DOCTOR, RELATIVE, NewGrant
from phr.people.organisations import DOCTOR, Member
from phr.people.people import NewPerson

TRIES = 500
OTHERS = 20  # grants of the same owner to other people

FIGURES = ("grant_check_owner_p50_us", "grant_check_team_p50_us", "grant_check_team_and_line_p50_ms")


def figures() -> Iterator[Figure]:
    with running() as stack:
        owner, doctor = _granted(stack)
        ask = Ask(owner, "read", ("readings",), "GET series/heart-rate")

        def check(who: str) -> Callable[[], object]:
            return lambda: access.visible(stack.database, _caller(who), ask, clock.now_ms())

        yield Figure("grant_check_owner_p50_us", _p50_us(check(owner)), "us")
        yield Figure("grant_check_team_p50_us", _p50_us(check(doctor)), "us")
        and_line = _p50_us(lambda: access.may(stack.database, _caller(doctor), ask, clock.now_ms()))
        yield Figure("grant_check_team_and_line_p50_ms", and_line / 1000, "ms")


def _granted(stack: Stack) -> tuple[str, str]:
    """An owner whose family doctors' team has a grant, and a doctor in it."""
    owner = people.create(stack.database, NewPerson(zone="Asia/Shanghai")).id
    return owner, granted(stack, owner)


def granted(stack: Stack, *owners: str) -> str:
    """A doctor in a team with a grant of each owner's, who has granted something to twenty others, too."""
    database, now = stack.database, clock.now_ms()
    made = people.create_many(database, [NewPerson(zone="Asia/Shanghai") for _ in range(OTHERS + 1)])
    doctor, *others = (one.id for one in made)
    organisations.create(database, "clinic", "clinic")
    team = organisations.create_team(database, "clinic", "blue", "blue")
    organisations.put_member(database, Member("clinic", doctor, DOCTOR, None), now)
    organisations.join_team(database, team.id, doctor, now)
    given = [(team.grantee, FAMILY_DOCTOR), *((one, RELATIVE) for one in others)]
    for owner, (grantee, kind) in product(owners, given):
        draft = NewGrant(
            person=owner, grantee=grantee, kind=kind, categories=("*",), verbs=("read",), purpose="care", from_ms=now
        )
        grants.create(database, draft)
    return doctor


def _caller(person: str) -> Caller:
    return Caller(person, "bench", frozenset(), None, "person")


def _p50_us(work: Callable[[], object]) -> float:
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took)
