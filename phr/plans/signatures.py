"""Which rules a clinician of this installation has signed: collection ``rule_signatures`` (phr.people.signing)."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace

import msgspec

from phr.care.rule import Rule, Rules
from phr.care.rules import indexed
from phr.database import Database
from phr.people.signing import Book, Signature, Text

LIFE_MS = 60_000  # how long a process may go on as it was signed before
_BOOK = Book("rule_signatures", "rule")


def sign(database: Database, rule: Rule, name: str, by: str, now_ms: int) -> Signature:
    """The signature on the rule as it is; one that is there stays."""
    return _BOOK.sign(database, _text(rule), (name, by), now_ms)


def take_back(database: Database, rule: Rule) -> None:
    """The rule as it is counts as unsigned again. Safe to repeat."""
    _BOOK.take_back(database, _text(rule))


def of_all(database: Database, shipped: Rules) -> dict[str, Signature]:
    """The signatures that hold for the rules as they are, by rule."""
    return _BOOK.of_all(database, {rule.id: _text(rule) for rule in shipped.all})


def signed(shipped: Rules, signatures: dict[str, Signature]) -> Rules:
    """The rules with who reviewed them; those that were silent for want of a signature speak."""
    if not signatures:
        return shipped
    found = (
        replace(rule, reviewed_by=signatures[rule.id].name) if rule.id in signatures else rule for rule in shipped.all
    )
    return indexed(found, shipped.programmes)


class Signed:
    """The rules as they are signed, looked up once a minute; one a process, used from one thread."""

    def __init__(self, database: Database, shipped: Rules) -> None:
        self._database, self._shipped = database, shipped
        self._rules, self._signatures, self._at_ms = shipped, dict[str, Signature](), -1

    def rules(self, now_ms: int) -> Rules:
        """The same object until a signature comes or goes."""
        if self._at_ms < 0 or not 0 <= now_ms - self._at_ms < LIFE_MS:
            found = of_all(self._database, self._shipped)
            if found != self._signatures:
                self._rules, self._signatures = signed(self._shipped, found), found
            self._at_ms = now_ms
        return self._rules


def digest(rule: Rule) -> str:
    """Of all that the rule says, whoever has signed it."""
    told = asdict(replace(rule, reviewed_by="", examples=(), metric=None)) | {"metric": rule.metric.key}  # type: ignore[arg-type]
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()[:32]


def _text(rule: Rule) -> Text:
    return Text(rule.id, digest(rule), rule.version)
