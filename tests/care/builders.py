"""Readings and rules for tests, valid unless told otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from phr.care.observation import Observation
from phr.care.rule import Comparison, Condition, Rule, Rules
from phr.care.rules import rules
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.units import to_stored

NOW_MS = 1_795_000_000_000  # 2026-11-18T12:26:40Z
RULE = next(one for one in rules().by_metric["blood-pressure"] if one.id == "blood-pressure-very-high")


def pressure(systolic: float = 182, diastolic: float = 96, unit: str = "mm[Hg]", **changes: Any) -> Observation:
    """A home blood pressure, measured now and too high."""
    metric = vocabulary().metrics["blood-pressure"]
    sent = metric.unit_by_name[unit]
    values = {"systolic": to_stored(metric, sent, systolic), "diastolic": to_stored(metric, sent, diastolic)}
    return replace(Observation("ana", metric, "acme/cuff", 0, NOW_MS, values, sent), **changes)


def glucose(value: float, unit: str = "mmol/L", **changes: Any) -> Observation:
    """A finger-stick value, measured now."""
    metric = vocabulary().metrics["glucose-capillary"]
    sent = metric.unit_by_name[unit]
    seen = Observation("ana", metric, "acme/meter", 0, NOW_MS, {"": to_stored(metric, sent, value)}, sent)
    return replace(seen, **changes)


def glucose_rules(op: Comparison, limit: float, **changes: Any) -> Rules:
    """One made-up rule about capillary glucose; its limit belongs to the test."""
    metric = vocabulary().metrics["glucose-capillary"]
    return only(replace(RULE, id="glucose-rule", metric=metric, any_of=(Condition("", op, limit),), **changes))


def only(rule: Rule) -> Rules:
    return Rules({rule.metric.key: (rule,)})
