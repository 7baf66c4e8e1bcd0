"""What stands above a view, in this order: its route, who may call it (access), what it takes, what it returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial, wraps
from typing import Any, Generic, Literal
from urllib.parse import urlencode

import msgspec
from flask import Response, g, request
from marshmallow import Schema, ValidationError
from typing_extensions import TypeVar
from werkzeug.datastructures import ETags
from werkzeug.exceptions import UnsupportedMediaType

from phr.api import recency
from phr.api.installation import database, installation
from phr.api.problems import PreconditionMissing, ShapeInvalid
from phr.api.professionals import speaks_for
from phr.api.repeats import once
from phr.auth import tickets
from phr.auth.protector import SecondFactorMissing, TokenInvalid
from phr.auth.scopes import by_category as scopes_by_category
from phr.auth.scopes import scopes
from phr.auth.tokens import TWO_FACTORS, acr_of
from phr.clock import now_ms
from phr.errors import AccessDenied, InputInvalid, VersionConflict
from phr.people import granting, organisations, people, seals
from phr.people.access import Ask, Caller, Permission, as_other, begin, hold_to, is_owners
from phr.people.grants import OWNERS_ALONE, SHARING
from phr.people.organisations import Member
from phr.people.people import Person
from phr.vocabulary.sight import HIDDEN, Period, hidden_but_from, plain

View = Callable[..., Any]
Body = TypeVar("Body", default=dict[str, Any])
ME = "me"
VIEW_AS = "View-As"  # with the id of a grant: a GET is answered as the grantee would be
LONGEST_ABOUT = 120
_TIME = re.compile(r"[0-9TZ:.+ -]{1,35}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Body]):
    """What a view gives where a body alone does not do."""

    body: Body
    version: int | None = None  # becomes the ETag
    headers: Mapping[str, str] = field(default_factory=dict)


def access(
    scope_name: str, categories: tuple[str, ...] | None = None, *, by_period: bool = False
) -> Callable[[View], View]:
    """Only for a token with the scope; on a person's record only for those who may, each try in the access log.

    A scope of a person: the route has ``<person>`` ("me" is the caller); the view gets ``person``, its id. A scope of a
    vendor: the view gets ``vendor``, its slug; of an organisation: ``member``, what the caller is there; of the
    installation: nothing, and is for operators who have logged in with two factors.
    ``categories``: where the view touches others than the scope's.
    ``by_period``: the view keeps to ``period()``, or gives nothing that has a time; only then a grant on a period of
    data counts. The log line is written while the view reads (before a view that writes) and is on disk before the
    answer leaves. A POST that is sent again with its Idempotency-Key is answered as the first time.
    """
    scope = scopes()[scope_name]

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**args: Any) -> Any:
            caller = g.caller = installation().protector.caller(scope_name)
            if scope.of == "vendor":
                vendor = _vendor(caller)
                return once(view, seals.vendor(vendor), vendor=vendor, **args)
            if scope.of == "organisation":
                return view(member=_member(caller), **args)
            if scope.of == "installation":
                _check_operator(caller)
                return view(**args)
            ask = Ask("", scope.verb, categories or scope.categories, "", by_period=by_period)
            permission = g.permission = _begun(ask, args)
            return _recorded(partial(once, view, args["person"]), permission, args)

        guarded.__dict__["scope"] = scope_name
        return guarded

    return decorate


def access_by_category(
    verb: Literal["read", "write"], *, has_tickets: bool = False, by_period: bool = False
) -> Callable[[View], View]:
    """For what is of many categories: to whoever may see (write) some, cut down to those; each try in the access log.

    The token needs one of the scopes of a category, or timeline.read. The view gets ``person``, and ``sight``: the
    categories that it must keep to, by ``permit`` where it learns only from the body what is to be written, and with
    ``by_period`` (see ``access``) their periods. ``has_tickets``: a ticket in the URL does instead of the token that
    it was given for.
    """
    accepted = scopes_by_category(verb)

    @lru_cache(maxsize=1024)
    def categories_of(scopes: frozenset[str]) -> tuple[str, ...]:
        return tuple(sorted({category for scope in scopes & accepted.keys() for category in accepted[scope]}))

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**args: Any) -> Any:
            ticket = request.args.get("ticket") if has_tickets else None
            protector = installation().protector
            caller = g.caller = _bearer(ticket, args["person"]) if ticket else protector.caller(*accepted)
            categories = categories_of(caller.scopes)
            permission = g.permission = _begun(Ask("", verb, categories, "", True, by_period), args)
            sight = permission.sight.also(_hidden_sight(g.caller, permission))
            return _recorded(view, permission, args | {"sight": sight})

        guarded.__dict__["scope"] = " | ".join(accepted)
        return guarded

    return decorate


def permit(categories: Iterable[str]) -> None:
    """Raises AccessDenied, logged, where the request may not write (or see) all of these categories."""
    hold_to(database(), g.permission, plain(categories))


def permit_owner() -> None:
    """Raises AccessDenied, logged, unless the owner asks, or who stands in for them."""
    if not is_owners(g.permission):
        hold_to(database(), g.permission, (OWNERS_ALONE,))


def period(category: str) -> Period:
    """The period of data of a category that the view was allowed."""
    found: Permission = g.permission
    return found.sight.periods[category]


def takes(schema: type[Schema], location: Literal["query", "json"] = "json") -> Callable[[View], View]:
    """The view gets ``query`` or ``body``, loaded by the schema. Raises ShapeInvalid with every fault."""
    loader = schema()

    def decorate(view: View) -> View:
        @wraps(view)
        def loaded(**args: Any) -> Any:
            raw = request.args.to_dict() if location == "query" else _json()
            with shape_faults():
                value = loader.load(raw)
            return view(**args, **{"query" if location == "query" else "body": value})

        loaded.__dict__[location] = schema
        return loaded

    return decorate


def speaks(takes: str | None = None, gives: str | None = None) -> Callable[[View], View]:
    """Says of a view that takes or gives something other than JSON of a schema which media type that is."""

    def decorate(view: View) -> View:
        view.__dict__.update({"takes_type": takes, "gives_type": gives})
        return view

    return decorate


def returns(status: int = 200) -> Callable[[View], View]:
    """The view's value (or Answer) as JSON. What is in it its annotation says, and phr.api.openapi after that."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(**args: Any) -> Response:
            given = view(**args)
            answer = given if isinstance(given, Answer) else Answer(given)
            body = b"" if answer.body is None else msgspec.json.encode(answer.body)
            response = Response(body, status, dict(answer.headers), content_type="application/json")
            if answer.version is not None:
                response.set_etag(str(answer.version))
                response.make_conditional(request)
            return response

        answered.__dict__.update({"status": status})
        return answered

    return decorate


@contextmanager
def shape_faults() -> Iterator[None]:
    """Makes marshmallow's ValidationError a ShapeInvalid with every fault and its pointer."""
    try:
        yield
    except ValidationError as error:
        raise ShapeInvalid(_faults(error.messages)) from error


def caller() -> Caller:
    """Who the current request comes from."""
    found: Caller = g.caller
    return found


def whose(person: str) -> Person:
    """Whose record the request is about; read again only where the decision did not need them. Raises NotFound."""
    permission: Permission = g.permission
    row = permission.whose if permission.line.person == person else None
    return people.opened(database(), row) if row else people.require(database(), person)


def expected_version(current: int) -> int:
    """The version that If-Match names. Raises PreconditionMissing without one, VersionConflict for another."""
    tags: ETags = request.if_match
    if not tags and not tags.star_tag:
        raise PreconditionMissing("say which version you change: If-Match with the ETag of what you read")
    if not tags.contains(str(current)):
        raise VersionConflict("it has changed since you read it; read it again")
    return current


def _begun(wanted: Ask, args: dict[str, Any]) -> Permission:
    """The decision about the person whom the path names, who stands in ``args`` by id when this returns."""
    who: Caller = g.caller
    if request.url_rule and (request.method, request.url_rule.rule) in recency.ROUTES:
        recency.hold_to(database(), who, now_ms())
    about = _about({name: value for name, value in args.items() if name != "person"})
    args["person"] = who.subject if args["person"] == ME else args["person"]
    ask = replace(wanted, person=args["person"], about=about)
    if VIEW_AS in request.headers:
        return _shown_as(who, ask)
    permission = begin(database(), who, ask, now_ms())
    if ask.verb == "write":
        permission.finish()
    return permission


def _shown_as(who: Caller, ask: Ask) -> Permission:
    """What the holder of a grant would be shown; the view takes the holder for the caller. Raises as ``begin``."""
    if ask.verb != "read" or request.method != "GET":  # a ticket in the holder's name would be theirs in the log
        raise InputInvalid(f"{VIEW_AS} is for reading")
    name = request.headers[VIEW_AS]
    to_look = begin(
        database(), who, Ask(ask.person, "read", (SHARING,), f"{ask.about} as {name}"[:LONGEST_ABOUT]), now_ms()
    )
    to_look.finish()
    grantee = granting.find(database(), ask.person, name).grantee
    g.caller = Caller(grantee, who.client_id, who.scopes, None, "person", who.until_ms)
    return as_other(database(), to_look, g.caller, ask, now_ms())


def _recorded(view: View, permission: Permission, args: dict[str, Any]) -> Any:
    try:
        return view(**args)
    finally:
        permission.finish()


def _hidden_sight(caller: Caller, permission: Permission) -> frozenset[str]:
    """What else is seen of what its owner has hidden: by the owner all, by professionals what their own wrote."""
    if is_owners(permission):
        return frozenset((HIDDEN,))
    organisation = speaks_for(caller)
    return frozenset((hidden_but_from(organisation),) if organisation else ())


def _bearer(ticket: str, person: str) -> Caller:
    """Who the ticket was given to. One that is shown for another record is lost."""
    found, whose = tickets.redeem(database(), ticket, now_ms())
    if whose != (found.subject if person == ME else person):
        raise TokenInvalid(tickets.REFUSED)
    return found


def _vendor(caller: Caller) -> str:
    if caller.kind != "vendor":
        raise AccessDenied("this is for a vendor's own client")
    return caller.subject


def _member(caller: Caller) -> Member:
    is_oneself = caller.kind == "person" and caller.act is None
    found = organisations.membership(database(), caller.subject, now_ms()) if is_oneself else None
    if found is None:
        raise AccessDenied("this is for who works in an organisation")
    return found


def _check_operator(caller: Caller) -> None:
    is_oneself = caller.kind == "person" and caller.act is None
    found = people.find(database(), caller.subject) if is_oneself else None
    if found is None or people.OPERATOR not in found.roles:
        raise AccessDenied("this is for who runs the installation")
    if acr_of(caller.amr) != TWO_FACTORS:
        raise SecondFactorMissing("log in with a second factor first")


def _about(args: Mapping[str, Any]) -> str:
    rule = request.url_rule.rule if request.url_rule else request.path
    what = rule.partition("<person>")[2].strip("/") or ("profile" if "<person>" in rule else rule)
    for name, value in args.items():
        what = what.replace(f"<{name}>", str(value))
    return f"{request.method} {what}"[:LONGEST_ABOUT] + _span()


def _span() -> str:
    """Which time was asked for; what is no time at all does not come into the log."""
    said = {name: request.args[name] for name in ("from", "to") if name in request.args}
    told = {name: text for name, text in said.items() if _TIME.fullmatch(text)}
    return f"?{urlencode(told, safe=':')}" if told else ""


def _json() -> Any:
    if request.mimetype not in ("", "application/json", "application/merge-patch+json"):
        raise UnsupportedMediaType("send application/json")
    try:
        value = msgspec.json.decode(request.get_data())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ShapeInvalid([("", f"not JSON: {error}")]) from error
    if not isinstance(value, dict):
        raise ShapeInvalid([("", "not a JSON object")])
    return value


def _faults(messages: Any, pointer: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        return [fault for key, inner in messages.items() for fault in _faults(inner, _below(pointer, str(key)))]
    return [(pointer, " ".join(str(one) for one in messages) if isinstance(messages, list) else str(messages))]


def _below(pointer: str, key: str) -> str:
    return pointer if key == "_schema" else f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
