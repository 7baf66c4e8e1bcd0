"""`admin archive …`: what an organisation keeps of people who were erased; each look is in the access log."""

from __future__ import annotations

import argparse
from typing import Any

from ops.administration import OPERATOR_CLIENT, Operator, Printed
from phr.clock import rfc3339
from phr.erasure import archive
from phr.erasure.archive import Archive
from phr.people import access
from phr.people.access_lines import Line
from phr.people.grants import ERASURE
from phr.timeline.entry import Entry


def add(things: Any) -> None:
    verbs = things.add_parser("archive").add_subparsers(required=True, metavar="VERB")
    found = verbs.add_parser("list", help="the archives of an organisation, without what is in them")
    found.set_defaults(run=_list)
    found.add_argument("organisation")
    shown = verbs.add_parser("show", help="one of them, for the organisation that must be able to show it")
    shown.set_defaults(run=_show)
    shown.add_argument("archive")
    shown.add_argument("--reason", required=True, help="who asks for it by what right; stands in the access log")


def record(operator: Operator, person: str, verb: str, about: str) -> None:
    """The line about what an operator does with a record, or with what is left of it, without its owner's grant."""
    line = Line(
        at_ms=operator.now_ms,
        who=operator.settings.operator,
        client_id=OPERATOR_CLIENT,
        act=operator.settings.operator,
        role="operator",
        grant=None,
        person=person,
        verb=verb,
        categories=(ERASURE,),
        about=about[:200],
        outcome="allowed",
    )
    access.record(operator.database, line)


def _list(operator: Operator, wished: argparse.Namespace) -> Printed:
    return {"archives": [_json(one) for one in archive.of_organisation(operator.database, wished.organisation)]}


def _show(operator: Operator, wished: argparse.Namespace) -> Printed:
    record(operator, wished.archive, "read", f"archive: {wished.reason}")
    whose, versions = archive.opened(operator.database, wished.archive)
    return {"archive": wished.archive, "whose": whose, "versions": [_version(one) for one in versions]}


def _json(one: Archive) -> Printed:
    return {"archive": one.id, "versions": one.versions, "until": rfc3339(one.until_ms)}


def _version(one: Entry) -> Printed:
    return {
        "id": one.id,
        "version": one.version,
        "kind": one.kind,
        "effective_at": rfc3339(one.effective_ms),
        "changed_at": rfc3339(one.changed_at_ms),
        "author": one.author.subject,
        "provenance": dict(one.provenance),
        "is_deleted": one.is_deleted,
        **one.content,
    }
