"""The one place that decides who may do what to whose record, and that writes each decision into the access log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from pymongo import ASCENDING, DESCENDING

from phr.database import Database, Document
from phr.errors import AccessDenied, ServerUnavailable
from phr.people import access_lines, grants, keyring, line_writer, organisations
from phr.people.access_lines import LOG, Line, line_of
from phr.people.grants import CONTRACTS, FAMILY_DOCTOR, OWNERS_ALONE, SUPPORT, WITH_KIND, Grant
from phr.people.organisations import PROFESSIONS, Member
from phr.vocabulary.sight import Sight

OWNER = "owner"
STAFF = "staff"  # who works in an organisation and comes to its contracts
REFUSED = "there is no such record, or you may not do this with it"
NOTHING = Sight()
LOG_TIMEOUT_S = 30.0


class LogUnavailable(ServerUnavailable):
    """An access that can't be recorded does not happen."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as its access token says."""

    subject: str  # a person, a vendor or a client
    client_id: str
    scopes: frozenset[str]
    act: str | None  # the operator who acts as the subject
    kind: Literal["person", "vendor", "client"]
    until_ms: int | None = None  # when the token ends
    token_ids: frozenset[str] = frozenset()  # by which it may be taken back before
    amr: frozenset[str] = frozenset()  # how the person logged in (RFC 8176)
    auth_at_ms: int | None = None  # and when


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: a verb on categories of one person's record. What is derived asks for all it is made from."""

    person: str
    verb: str  # "read" | "write"
    categories: tuple[str, ...]
    about: str  # what was looked at, short and without values: "series heart-rate"
    is_partial: bool = False  # any of the categories will do, and what is given is cut down to them
    by_period: bool = False  # what is given is cut down to the period of data of a grant that has one


@dataclass(frozen=True, slots=True)
class Permission:
    """An access that was allowed and whose log line is on its way; nothing may leave before ``finish`` returned.

    Its line names the categories that it is for: of a partial ask, those of them that the caller may see or write.
    """

    line: Line
    sight: Sight  # of the categories of the line
    written: Future[None]
    whose: Document | None = None  # the owner as stored, where that came with the decision

    def finish(self) -> None:
        """Returns when the line is majority-journaled. Raises what kept it from being so."""
        try:
            self.written.result(timeout=LOG_TIMEOUT_S)
        except TimeoutError as error:
            raise LogUnavailable("the access log did not answer in time") from error


def may(database: Database, caller: Caller, ask: Ask, now_ms: int) -> None:
    """Returns when the access is allowed and logged. Raises AccessDenied, logged as well.

    A person who does not exist is refused in the same words as one that the caller may not see.
    """
    begin(database, caller, ask, now_ms).finish()


def begin(database: Database, caller: Caller, ask: Ask, now_ms: int) -> Permission:
    """As ``may``, with the log line written while the caller reads; ``finish`` it before the answer leaves."""
    decided = _decide(database, caller, ask, now_ms)
    if decided.line.outcome == "refused":
        access_lines.append(database, decided.line)
        raise AccessDenied(REFUSED)
    return Permission(decided.line, decided.sight, line_writer.submit(database, decided.line), decided.whose)


def as_other(database: Database, permission: Permission, other: Caller, ask: Ask, now_ms: int) -> Permission:
    """What the other would be given, for one whose own permission is to see just that; logs nothing of the other.

    Raises AccessDenied where that is nothing.
    """
    decided = _decide(database, other, ask, now_ms)
    if decided.line.outcome == "refused":
        raise AccessDenied(REFUSED)
    return replace(permission, line=decided.line, sight=decided.sight, whose=decided.whose)


def visible(database: Database, caller: Caller, ask: Ask, now_ms: int) -> Sight:
    """The sight that ``begin`` would give now; logs nothing, for who was let in and is listening still."""
    return _decide(database, caller, ask, now_ms).sight


@dataclass(frozen=True, slots=True)
class Resident:
    """What the caller may read of somebody who lets them look after them, by which grants."""

    sight: Sight
    grants: tuple[str, ...]
    kinds: tuple[str, ...]


def residents(database: Database, caller: Caller, categories: tuple[str, ...], now_ms: int) -> dict[str, Resident]:
    """Whose family doctor the caller is now, alone or in a team, with what ``visible`` would say of each.

    ``categories``: all that is asked for; logs nothing, see ``record_shown``.
    """
    if caller.kind != "person" or caller.act is not None:
        return {}
    grantees = [caller.subject, *organisations.teams_of(database, caller.subject, now_ms)]
    ids: dict[str, list[str]] = {}
    sorts: dict[str, tuple[int, ...]] = {}
    alike = grants.alike_to(database, grantees, now_ms)
    for number, (_, people) in enumerate(alike):
        for grant, person in people.items():
            ids.setdefault(person, []).append(grant)
            sorts[person] = (*sorts.get(person, ()), number)
    ask = Ask("", "read", categories, "panel", is_partial=True, by_period=True)
    refused = _refused(caller, ask, now_ms)
    known: dict[tuple[int, ...], tuple[Sight, tuple[str, ...]]] = {}
    for some in set(sorts.values()):
        held = [alike[number][0] for number in some]
        known[some] = _by_grants(refused, ask, held)[1], tuple(sorted({one.kind for one in held}))
    return {
        person: Resident(known[some][0], tuple(ids[person]), known[some][1])
        for person, some in sorts.items()
        if FAMILY_DOCTOR in known[some][1] and known[some][0].periods and person != caller.subject
    }


def record_shown(
    database: Database, caller: Caller, shown: Mapping[str, tuple[Resident, Sequence[str]]], about: str, now_ms: int
) -> Future[None]:
    """A line for each of the people who were shown together, with the categories shown of them, in one write."""
    lines = [
        replace(
            _refused(caller, Ask(person, "read", tuple(categories), about), now_ms),
            role=",".join(one.kinds),
            grant=",".join(sorted(one.grants)),
            outcome="allowed",
        )
        for person, (one, categories) in shown.items()
    ]
    return line_writer.submit(database, *lines)


def hold_to(database: Database, permission: Permission, categories: Iterable[str]) -> None:
    """Raises AccessDenied, logged as well, where a partial permission does not reach to all of these categories."""
    if not set(categories) <= set(permission.line.categories):
        refused = replace(permission.line, categories=tuple(sorted(set(categories))), outcome="refused")
        access_lines.append(database, refused)
        raise AccessDenied(REFUSED)


def is_owners(permission: Permission) -> bool:
    """True where the owner asks, or who stands in for them; not an operator in the owner's name."""
    return permission.line.role in (OWNER, *WITH_KIND[OWNERS_ALONE])


def record(database: Database, line: Line) -> None:
    """Writes a line about an access that was decided elsewhere (an operator who is given a token)."""
    access_lines.append(database, line)


def log_of(database: Database, person: str, limit: int) -> list[Line]:
    """Who looked at a person's record, latest first."""
    rows = database[LOG].find({"person": person}).sort([("at_ms", DESCENDING), ("_id", DESCENDING)]).limit(limit)
    return [line_of(row) for row in rows]


def lines(database: Database, person: str) -> Iterator[Line]:
    """Every line about a person's record, the first one first; what is in memory is a batch of the driver's."""
    for row in database[LOG].find({"person": person}).sort([("at_ms", ASCENDING), ("_id", ASCENDING)]):
        yield line_of(row)


def live_support(database: Database, person: str, now_ms: int) -> Grant | None:
    """The person's live grant to the operators, if there is one."""
    found = grants.live(database, person, SUPPORT, now_ms)
    return found[0] if found else None


def ensure_indexes(database: Database) -> None:
    log = database[LOG]
    log.create_index([("person", 1), ("at_ms", -1), ("_id", -1)], name="person")
    log.create_index("who", name="who")
    log.create_index([("w", 1), ("n", 1)], name="open", partialFilterExpression={"open": True})
    is_linked = {"chain": {"$exists": True}}
    log.create_index([("chain", 1), ("seq", 1)], name="chain", unique=True, partialFilterExpression=is_linked)


def _refused(caller: Caller, ask: Ask, now_ms: int) -> Line:
    return Line(
        at_ms=now_ms,
        who=caller.subject,
        client_id=caller.client_id,
        act=caller.act,
        role="none",
        grant=None,
        person=ask.person,
        verb=ask.verb,
        categories=ask.categories,
        about=ask.about,
        outcome="refused",
    )


class _Decided(NamedTuple):
    line: Line
    sight: Sight
    whose: Document | None = None


def _decide(database: Database, caller: Caller, ask: Ask, now_ms: int) -> _Decided:
    refused = _refused(caller, ask, now_ms)
    if caller.kind != "person" or not ask.categories:
        return _Decided(refused, NOTHING)
    if any(keyring.is_destroyed(database, one) for one in {ask.person, caller.subject}):
        # Of an erased record; to an erased person, whose token and grants hold a few minutes longer.
        return _Decided(refused, NOTHING)
    if caller.subject == ask.person and caller.act is None:
        return _Decided(replace(refused, role=OWNER, outcome="allowed"), Sight.of(ask.categories))
    # An operator's token carries the owner's id: it is worth what the support grant is worth at this moment.
    if caller.act is not None and caller.subject != ask.person:
        return _Decided(refused, NOTHING)
    grantee = caller.subject if caller.act is None else SUPPORT
    standing = grants.standing(database, ask.person, grantee, now_ms)
    line, sight = _by_grants(refused, ask, standing.grants)
    if line.outcome == "refused" and ask.categories == (CONTRACTS,) and caller.act is None:
        line, sight = _by_work(refused, organisations.membership(database, caller.subject, now_ms))
    return _Decided(line, sight, standing.person)


def _by_work(refused: Line, member: Member | None) -> tuple[Line, Sight]:
    """Professionals come to contracts, which the view keeps to those of their own organisation, and to nothing else."""
    if member is None or member.role not in PROFESSIONS:
        return refused, NOTHING
    return replace(refused, role=STAFF, outcome="allowed"), Sight.of(refused.categories)


def _by_grants(refused: Line, ask: Ask, live: Sequence[Grant]) -> tuple[Line, Sight]:
    """Allowed what one of the grants covers, or, of a partial ask, what they cover together.

    Of several grants that cover the same the one on the longest period of data counts.
    """
    usable = [one for one in live if one.period.is_all or (ask.by_period and ask.verb == "read")]
    usable.sort(key=lambda one: (-one.period.length_ms, one.id))
    for grant in usable:
        if grant.covers(ask.verb, ask.categories):
            return _allowed(refused, dict.fromkeys(ask.categories, grant))
    if not ask.is_partial:
        return refused, NOTHING
    covering = {one: [grant for grant in usable if grant.covers(ask.verb, [one])] for one in ask.categories}
    by_category = {category: found[0] for category, found in covering.items() if found}
    return _allowed(refused, by_category) if by_category else (refused, NOTHING)


def _allowed(refused: Line, by_category: Mapping[str, Grant]) -> tuple[Line, Sight]:
    used = {grant.id: grant for grant in by_category.values()}
    kinds = ",".join(sorted({grant.kind for grant in used.values()}))
    line = replace(refused, role=kinds, grant=",".join(sorted(used)), categories=tuple(by_category), outcome="allowed")
    return line, Sight({category: grant.period for category, grant in by_category.items()})
