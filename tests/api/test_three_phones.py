"""Three phones of one person that are offline most of the time, and a server: in the end all know the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.cast import Cast, a_note

ENTRIES = "/v1/people/{owner}/entries"
STEPS = 40

Known = dict[str, tuple[int, str]]  # version and text by entry id
Request = tuple[str, str, dict[str, Any]]  # method, path, what else is sent


@dataclass
class Phone:
    """Works on its own copy and keeps what it has to send; what the server refuses it drops and reads again."""

    name: str
    cast: Cast
    chance: random.Random
    known: Known = field(default_factory=dict)
    unsent: list[Request] = field(default_factory=list)
    since: str | None = None
    made: int = 0

    def create(self) -> None:
        self.made += 1
        note = a_note(id=f"{self.name}-{self.made}", text=f"{self.name} {self.made}")
        self.known[note["id"]] = (1, note["text"])
        self.unsent.append(("POST", ENTRIES, {"json": note}))

    def edit(self) -> None:
        if self.known:
            entry = self.chance.choice(sorted(self.known))
            version, _ = self.known[entry]
            text = f"{self.name} edits {self.chance.random()}"
            self.known[entry] = (version + 1, text)
            self.unsent.append(("PATCH", f"{ENTRIES}/{entry}", {"json": {"text": text}} | _match(version)))

    def delete(self) -> None:
        if self.known:
            entry = self.chance.choice(sorted(self.known))
            version, _ = self.known.pop(entry)
            self.unsent.append(("DELETE", f"{ENTRIES}/{entry}", _match(version)))

    def push(self) -> None:
        """Each at least once; an answer that is lost on the way makes it send again."""
        for method, path, request in self.unsent:
            for _ in range(1 + (self.chance.random() < 0.3)):
                answer = self.cast.send(self.cast.owner, method, path, **request)
                assert answer.status_code in (200, 201, 204, 404, 409, 412)
        self.unsent.clear()

    def sync(self) -> None:
        self.push()
        has_more = True
        while has_more:
            query = {"limit": self.chance.randint(1, 5)} | ({"since": self.since} if self.since else {})
            page = self.cast.send(self.cast.owner, "GET", "/v1/people/{owner}/changes", query_string=query).json
            for change in page["changes"]:
                self.take(change)
            self.since, has_more = page["next_since"], page["has_more"]

    def take(self, change: dict[str, Any]) -> None:
        if change["is_deleted"]:
            self.known.pop(change["id"], None)
        else:
            self.known[change["id"]] = (change["version"], change["entry"]["text"])


def _match(version: int) -> dict[str, Any]:
    return {"headers": {"If-Match": f'"{version}"'}}


def on_the_server(cast: Cast) -> Known:
    page = cast.send(cast.owner, "GET", f"{ENTRIES}?limit=500").json
    return {one["id"]: (one["version"], one["text"]) for one in page["entries"]}


@pytest.mark.parametrize("seed", range(3))
def test_all_phones_end_with_what_the_server_has(cast: Cast, seed: int) -> None:
    chance = random.Random(seed)
    phones = [Phone(name, cast, chance) for name in ("a", "b", "c")]
    for _ in range(STEPS):
        phone = chance.choice(phones)
        steps: list[Callable[[], None]] = [phone.create, phone.edit, phone.delete, phone.sync]
        chance.choices(steps, (4, 4, 1, 2))[0]()
    for phone in phones * 2:
        phone.sync()
    server = on_the_server(cast)
    assert len(server) > 2
    assert [phone.known for phone in phones] == [server] * 3
