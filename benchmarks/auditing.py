"""The access log: what a decision and its line cost a request, and how fast lines are linked and checked."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator

from benchmarks import Figure, note
from benchmarks.stack import Stack, running
from phr import memory
from phr.audit import chaining, days, verifying
from phr.clock import now_ms
from phr.config import Settings
from phr.people import access, access_lines, grants, people
from phr.people.access import Ask, Caller
from phr.people.access_lines import LOG, SALT_BYTES, Line, Writer
from phr.people.grants import NewGrant
from phr.people.people import NewPerson

PEOPLE, LINES, TRIES = 200, 60_000, 500

FIGURES = (
    "access_decision_p50_ms",
    "access_decision_and_line_p50_ms",
    "audit_link_lines_per_s",
    "audit_verify_lines_per_s",
)


def figures() -> Iterator[Figure]:
    with running() as stack:
        yield from _decisions(stack)
        _written(stack)
        began = time.perf_counter()
        while chaining.link_some(stack.database, now_ms()):
            pass
        yield Figure("audit_link_lines_per_s", LINES / (time.perf_counter() - began), "lines/s")
        memory.settle()  # as the command does
        began = time.perf_counter()
        report = verifying.verify(stack.database, days.house(Settings(data_dir=stack.data_dir)), now_ms())
        if report.faults or report.lines < LINES:
            raise RuntimeError(f"{report.lines} lines, {report.faults[:3]}")
        yield Figure("audit_verify_lines_per_s", report.lines / (time.perf_counter() - began), "lines/s")


def _decisions(stack: Stack) -> Iterator[Figure]:
    """A doctor with a grant: until the view may read, and until the line is on the disk as well."""
    owner, doctor = (
        one.id for one in people.create_many(stack.database, [NewPerson(zone="Asia/Shanghai") for _ in range(2)])
    )
    wanted = NewGrant(
        person=owner, grantee=doctor, kind="family-doctor", categories=("*",), verbs=("read",), purpose="x", from_ms=0
    )
    grants.create(stack.database, wanted)
    caller, ask = Caller(doctor, "app", frozenset(), None, "person"), Ask(owner, "read", ("readings",), "GET series/x")
    decided, written = [], []
    for _ in range(TRIES):
        began = time.perf_counter()
        permission = access.begin(stack.database, caller, ask, now_ms())
        decided.append(time.perf_counter() - began)
        permission.finish()
        written.append(time.perf_counter() - began)
    for name, values in zip(FIGURES, (decided, written), strict=False):
        yield Figure(name, statistics.median(values) * 1000, "ms")


def _written(stack: Stack) -> None:
    ids = [
        one.id for one in people.create_many(stack.database, [NewPerson(zone="Asia/Shanghai") for _ in range(PEOPLE)])
    ]
    key, writer, began = access_lines.key_of(stack.database), Writer(), time.perf_counter()
    for first in range(0, LINES, 10_000):
        lines = (
            Line(now_ms(), ids[0], "app", None, "relative", "g" * 16, ids[number % PEOPLE], "read", ("readings",),
                 "GET series/heart-rate?from=2026-03-01&to=2026-04-01", "allowed")
            for number in range(first, first + 10_000)
        )  # fmt: skip
        rows = [access_lines.sealed(key, line, writer.place(), os.urandom(SALT_BYTES)) for line in lines]
        stack.database[LOG].insert_many([row | {"open": True} for row in rows], ordered=False)
    note(f"{LINES:,} lines sealed and stored in {time.perf_counter() - began:.1f} s")
