"""A rule speaks once a clinician of the installation has signed it, and is silent again once it says something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from phr.care.evaluate import evaluate
from phr.care.examples import observation_of
from phr.care.rules import rules
from phr.database import Database
from phr.plans import signatures
from phr.plans.signatures import LIFE_MS, Signed
from tests.cast import T0

SILENT = rules().get("potassium-out-of-range")
assert SILENT
BAD = next(one for one in SILENT.examples if one.raises)


def raised(signed: Signed, now_ms: int) -> list[tuple[str, bool]]:
    seen = replace(observation_of(SILENT, BAD, now_ms), person="ana")  # type: ignore[arg-type]
    return [(one.rule, one.reviewed) for one in evaluate(signed.rules(now_ms), [seen], {}, now_ms)]


def test_unsigned_rule_speaks_within_a_minute_of_its_signature(database: Database) -> None:
    signed = Signed(database, rules())
    assert raised(signed, T0) == []
    signatures.sign(database, SILENT, "陈医生", "d" * 20, T0)
    assert raised(signed, T0 + LIFE_MS - 1) == []
    assert raised(signed, T0 + LIFE_MS) == [(SILENT.id, True)]
    signatures.take_back(database, SILENT)
    assert raised(signed, T0 + 2 * LIFE_MS) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"version": SILENT.version + 1},
        {"severity": 1},
        {"message_zh": SILENT.message_zh + "。"},
        {"any_of": tuple(replace(one, limit=one.limit + 0.1) for one in SILENT.any_of)},
        {"scope": replace(SILENT.scope, age_min=17)},
    ],
)
def test_changed_rule_is_unsigned_again(database: Database, changes: dict[str, object]) -> None:
    signatures.sign(database, SILENT, "陈医生", "d" * 20, T0)
    changed = replace(SILENT, **changes)
    shipped = replace(rules(), others=tuple(changed if one is SILENT else one for one in rules().others))
    assert signatures.of_all(database, shipped) == {}
    assert signatures.of_all(database, rules())[SILENT.id].name == "陈医生"


def test_first_signature_stays(database: Database) -> None:
    first = signatures.sign(database, SILENT, "陈医生", "d" * 20, T0)
    assert signatures.sign(database, SILENT, "李医生", "e" * 20, T0 + 1) == first


def test_every_rule_has_a_digest_of_its_own() -> None:
    assert len({signatures.digest(one) for one in rules().all}) == len(rules().all)
