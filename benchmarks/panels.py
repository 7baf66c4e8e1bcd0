"""How fast a doctor's panel of 2,000 residents opens over HTTP: the first fifty with names and lines in their logs."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator

from benchmarks import Figure, note
from benchmarks.http_client import REPEATS, WARM_UP, Client, client_of
from benchmarks.residents import residents
from benchmarks.stack import Stack, running
from phr.alerts import raising
from phr.clock import now_ms
from phr.panel import rows
from phr.people import grants, organisations, people
from phr.people.grants import FAMILY_DOCTOR, NewGrant
from phr.people.organisations import DOCTOR, Member
from phr.people.people import NewPerson
from phr.vocabulary.alert import Alert

FIGURES = ("panel_first_page_p50_ms", "panel_filtered_p50_ms", "panel_rows_per_s")
RULES = (
    ("oxygen-very-low", 4),
    ("blood-pressure-very-high", 3),
    ("glucose-low", 2),
    ("resting-heart-rate-above-usual", 1),
)
WITH_ALERTS = 0.3


def figures() -> Iterator[Figure]:
    with running() as stack:
        ids, doctor = residents(stack), _clinic(stack)
        now, chance = now_ms(), random.Random(1)
        for person in ids:
            draft = NewGrant(
                person=person, grantee="team:clinic/blue", kind=FAMILY_DOCTOR, categories=("*",),
                verbs=("read", "write"), purpose="care", from_ms=0,
            )  # fmt: skip
            grants.create(stack.database, draft)
        raising.take(stack.database, [_alert(one, chance, now) for one in ids if chance.random() < WITH_ALERTS], now)
        while rows.gather_some(stack.database, now):
            pass
        began, count = time.perf_counter(), 0
        while rows.refresh_one(stack.database, now):
            count += 1
        took_s = time.perf_counter() - began
        client = client_of(stack, stack.start_api(), doctor, "organisation.read")
        first = json.loads(_get(client, ""))
        note(f"{first['total']} residents, {count} who need something; {first['counts']}")
        if len(first["residents"]) != 50 or not all(one["name"] for one in first["residents"]):
            raise RuntimeError(f"a page of {len(first['residents'])}")
        yield Figure(FIGURES[0], _p50_ms(client, ""), "ms")
        yield Figure(FIGURES[1], _p50_ms(client, "?need=alert"), "ms")
        yield Figure(FIGURES[2], count / took_s, "residents/s")


def _clinic(stack: Stack) -> str:
    doctor = people.create(stack.database, NewPerson(zone="Asia/Shanghai", name="陈医生")).id
    organisations.create(stack.database, "clinic", "clinic")
    organisations.create_team(stack.database, "clinic", "blue", "blue")
    organisations.put_member(stack.database, Member("clinic", doctor, DOCTOR, None), now_ms())
    organisations.join_team(stack.database, "clinic/blue", doctor, now_ms())
    return doctor


def _alert(person: str, chance: random.Random, now: int) -> Alert:
    rule, severity = chance.choice(RULES)
    return Alert(
        key=f"{person}{rule}", rule=rule, rule_version=1, person=person, severity=severity, metric="spo2", device="a/1",
        t_ms=now, seq=0, values={"": 1}, unit=None, message_zh="zh", message_en="en", source="s", reviewed=False,
        raised_at_ms=now,
    )  # fmt: skip


def _get(client: Client, query: str) -> bytes:
    client.connection.request("GET", f"/v1/panel{query}", headers={"Authorization": f"Bearer {client.token}"})
    answer = client.connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status} {body[:200]!r}")
    return body


def _p50_ms(client: Client, query: str) -> float:
    taken = []
    for _ in range(REPEATS + WARM_UP):
        began = time.perf_counter()
        _get(client, query)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken[WARM_UP:])
