"""`python app.py care …`: why an alert fired, and which rules there are; prints JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from ops import administration
from phr.care.explain import Kept, explain
from phr.care.rule import Rule
from phr.care.rules import rules
from phr.clock import now_ms, rfc3339, to_ms
from phr.config import Settings
from phr.database import Database
from phr.errors import NotFound
from phr.notices import outbox
from phr.people.access import Ask, Caller, may
from phr.people.signing import Signature
from phr.plans import signatures


def main(argv: Sequence[str], settings: Settings) -> int:
    """The exit status."""
    root = argparse.ArgumentParser(prog="app.py care", description=__doc__)
    verbs = root.add_subparsers(required=True, dest="verb", metavar="VERB")
    verbs.add_parser("explain", help="why it fired, in one sentence").add_argument("alert", metavar="ALERT")
    verbs.add_parser("rules", help="each rule: its source, who signed it, and whether it speaks; one a line")
    asked = root.parse_args(argv)
    if asked.verb == "explain":
        return administration.printing(settings, lambda record: _explain(record, settings, asked.alert))
    if settings.mongodb_uri is None:  # the rules can be read before anything runs, and then nobody has signed
        return _print_rules({})
    return administration.working(settings, lambda record: _print_rules(signatures.of_all(record, rules())))


def _explain(record: Database, settings: Settings, alert: str) -> dict[str, Any]:
    """The operator acts as the person does, under their live support grant, and stands in the access log."""
    found = outbox.found(record, alert)
    if found is None:
        raise NotFound(f"no rule has raised an alert {alert}")
    person = found.notice.person
    operator = Caller(person, administration.OPERATOR_CLIENT, frozenset(), settings.operator, "person")
    may(record, operator, Ask(person, "read", found.notice.categories, f"why alert {alert}"[:120]), now_ms())
    kept = Kept(
        rule=found.notice.rule,
        version=found.rule_version,
        values=found.values,
        unit=found.unit,
        measured_at=rfc3339(to_ms(found.notice.measured_at)),
        source=found.notice.source,
        is_reviewed=found.notice.reviewed,
        message_zh=found.notice.message_zh,
        message_en=found.notice.message_en,
        targets=found.targets,
    )
    zh, en = explain(kept, rules().get(kept.rule))
    return {"alert": alert, "zh": zh, "en": en}


def _print_rules(found: dict[str, Signature]) -> int:
    """As this installation's clinicians have signed them, one a line."""
    for rule in sorted(signatures.signed(rules(), found).all, key=lambda one: one.id):
        print(json.dumps(_row(rule, found.get(rule.id)), ensure_ascii=False))
    return 0


def _row(rule: Rule, signature: Signature | None) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "version": rule.version,
        "metric": rule.metric.key,
        "severity": rule.severity,
        "audience": rule.scope.audience,
        "source": rule.source.citation,
        "evidence": rule.source.evidence,
        "reviewed_by": signature.name if signature else "not reviewed by a clinician",
        "reviewed_at": rfc3339(signature.at_ms) if signature else None,
        "is_active": rule.is_active,
        "looks_at": "a window" if rule.window else "each reading",
    }
