"""The rules of this installation, and the signatures of its clinicians: what nobody has signed may stay silent."""

from __future__ import annotations

from typing import Literal, TypedDict

from flask import Blueprint

from phr.api.deciding import access, returns
from phr.api.installation import database
from phr.api.shapes import Words
from phr.care.explain import to_sign
from phr.care.form import forms
from phr.care.programme import Programme
from phr.care.rule import Audience, Rule
from phr.care.rules import rules
from phr.care.source import Evidence
from phr.clock import At, now_ms, rfc3339
from phr.errors import AccessDenied, NotFound
from phr.people import people
from phr.people.organisations import DOCTOR, Member
from phr.people.signing import Signature
from phr.plans import signatures

blueprint = Blueprint("care_rules", __name__)

UNREVIEWED: Words = {"zh": "未经临床医生审核", "en": "not reviewed by a clinician"}
EMERGENCY = 4


class RuleTold(TypedDict):
    """``digest``: of all that the rule says, which is what is signed; ``note``: of one that nobody has signed."""

    rule: str
    version: int
    digest: str
    metric: str
    severity: int
    audience: Audience
    looks_at: Literal["window", "reading"]
    source: str
    evidence: Evidence
    message: Words
    is_active: bool
    reviewed_by: str | None
    reviewed_at: At | None
    note: Words | None


class RulesTold(TypedDict):
    rules: list[RuleTold]
    silent_emergency_rules: list[str]


class ScheduledTold(TypedDict):
    """``what``: a metric, or "visit", "check-up"."""

    what: str
    zh: str
    en: str
    source: str


class ProgrammeTold(Words):
    """``note``: of a programme without limits."""

    programme: str
    has_limits: bool
    note: Words | None
    has_form: bool
    rules: list[str]
    schedule: list[ScheduledTold]


class ProgrammesTold(TypedDict):
    programmes: list[ProgrammeTold]


class RuleUnknown(NotFound):
    code = "rule-unknown"


@blueprint.get("/v1/care/rules")
@access("organisation.read")
@returns()
def list_rules(member: Member) -> RulesTold:  # noqa: ARG001
    """All of them, the silent ones first, those for emergencies before others; who signed each, as it is now."""
    found = signatures.of_all(database(), rules())
    signed = sorted(signatures.signed(rules(), found).all, key=lambda one: (one.is_active, -one.severity, one.id))
    silent = [one.id for one in signed if not one.is_active and one.severity == EMERGENCY]
    return {"rules": [rule_json(one, found.get(one.id)) for one in signed], "silent_emergency_rules": silent}


@blueprint.get("/v1/care/programmes")
@access("organisation.read")
@returns()
def list_programmes(member: Member) -> ProgrammesTold:  # noqa: ARG001
    """What people can be enrolled in, with what each asks for and whether it has limits from a source at all."""
    return {"programmes": [_programme_json(one) for one in rules().programmes]}


@blueprint.post("/v1/care/rules/<rule>/sign")
@access("care-rules.sign")
@returns()
def sign_rule(member: Member, rule: str) -> RuleTold:
    """By a doctor, with their name: the rule as it is now. A rule that changes is unsigned again."""
    whose = signer(member)
    signature = signatures.sign(database(), _rule(rule), whose, member.person, now_ms())
    return rule_json(_rule(rule), signature)


@blueprint.delete("/v1/care/rules/<rule>/sign")
@access("care-rules.sign")
@returns(status=204)
def take_signature_back(member: Member, rule: str) -> None:
    signer(member)
    signatures.take_back(database(), _rule(rule))


def rule_json(rule: Rule, signature: Signature | None) -> RuleTold:
    """``message``: with the rule's own limit in it, and a sign where a value will stand."""
    message_zh, message_en = to_sign(rule)
    is_active = rule.is_active or signature is not None
    return {
        "rule": rule.id,
        "version": rule.version,
        "digest": signatures.digest(rule),
        "metric": rule.metric.key,
        "severity": rule.severity,
        "audience": rule.scope.audience,
        "looks_at": "window" if rule.window else "reading",
        "source": rule.source.citation,
        "evidence": rule.source.evidence,
        "message": {"zh": message_zh, "en": message_en},
        "is_active": is_active,
        "reviewed_by": signature.name if signature else None,
        "reviewed_at": rfc3339(signature.at_ms) if signature else None,
        "note": None if signature else UNREVIEWED,
    }


def _programme_json(one: Programme) -> ProgrammeTold:
    limits_zh, limits_en = one.said_of_limits
    return {
        "programme": one.id,
        "zh": one.zh,
        "en": one.en,
        "has_limits": one.has_limits,
        "note": {"zh": limits_zh, "en": limits_en} if limits_zh else None,
        "has_form": one.id in forms(),
        "rules": list(one.rules),
        "schedule": [
            {"what": each.what, "zh": each.zh, "en": each.en, "source": each.source.citation} for each in one.schedule
        ],
    }


def signer(member: Member) -> str:
    """The name of the doctor. Raises AccessDenied for who is none, or has none."""
    found = people.find(database(), member.person)
    if member.role != DOCTOR or found is None or not found.name:
        raise AccessDenied("rules and articles are signed by a doctor, with their name")
    return found.name


def _rule(rule_id: str) -> Rule:
    found = rules().get(rule_id)
    if found is None:
        raise RuleUnknown("there is no such rule; GET /v1/care/rules lists them")
    return found
