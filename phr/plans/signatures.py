"""Which rules a clinician of this installation has signed: collection ``rule_signatures``.

    _id  rule:digest     rule  version     name, by  who signed, as patients read it and by id     at_ms
A signature is of a rule as it was: one that says anything else has another digest and is unsigned again.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace

import msgspec

from phr.care.rule import Rule, Rules
from phr.care.rules import indexed
from phr.database import DURABLE, Database, Document

COLLECTION = "rule_signatures"
LIFE_MS = 60_000  # how long a process may go on as it was signed before


@dataclass(frozen=True, slots=True)
class Signature:
    rule: str
    version: int
    name: str  # of the clinician
    by: str
    at_ms: int


def sign(database: Database, rule: Rule, name: str, by: str, now_ms: int) -> Signature:
    """The signature on the rule as it is; one that is there stays."""
    row = {"rule": rule.id, "version": rule.version, "name": name, "by": by, "at_ms": now_ms}
    signatures = database[COLLECTION].with_options(write_concern=DURABLE)
    signatures.update_one({"_id": _id_of(rule)}, {"$setOnInsert": row}, upsert=True)
    found = signatures.find_one({"_id": _id_of(rule)})
    assert found is not None
    return _signature(found)


def take_back(database: Database, rule: Rule) -> None:
    """The rule as it is counts as unsigned again. Safe to repeat."""
    database[COLLECTION].with_options(write_concern=DURABLE).delete_one({"_id": _id_of(rule)})


def of_all(database: Database, shipped: Rules) -> dict[str, Signature]:
    """The signatures that hold for the rules as they are, by rule."""
    by_key = {_id_of(rule): rule.id for rule in shipped.all}
    rows = database[COLLECTION].find({"_id": {"$in": list(by_key)}})
    return {by_key[row["_id"]]: _signature(row) for row in rows}


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


def _id_of(rule: Rule) -> str:
    return f"{rule.id}:{digest(rule)}"


def _signature(row: Document) -> Signature:
    return Signature(row["rule"], row["version"], row["name"], row["by"], row["at_ms"])
