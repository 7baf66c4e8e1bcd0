"""The examples that stand beside a rule, tried out when it is loaded."""

from __future__ import annotations

from dataclasses import replace

from phr.care.compare import condition_holds
from phr.care.evaluate import holds
from phr.care.observation import Observation, PersonFacts
from phr.care.rule import Condition, Example, Rule
from phr.care.windows import found_by
from phr.errors import DataFileInvalid
from phr.vocabulary.units import to_stored


def try_out(rule: Rule) -> None:
    """Raises DataFileInvalid where an example contradicts the rule, or a limit has none on one of its sides."""
    for number, example in enumerate(rule.examples):
        if raises(rule, example) != example.raises:
            said = str(example.raises).lower()
            raise DataFileInvalid(f"examples[{number}]: says raises = {said}; the rule disagrees")
    if {one.raises for one in rule.examples} != {True, False}:
        raise DataFileInvalid("examples: must lie on both sides of the limit")
    for number, condition in enumerate(rule.any_of):
        sides = {side for one in rule.examples if (side := _side(rule, condition, one)) is not None}
        if sides != {True, False}:
            raise DataFileInvalid(f"examples: must lie on both sides of the limit of any_of[{number}]")


def raises(rule: Rule, example: Example, now_ms: int = 0) -> bool:
    """What the rule makes of the example, whoever it is for and whether it is signed or not."""
    if rule.window is None:
        return holds(rule, observation_of(rule, example))
    person = PersonFacts(height_cm=example.height_cm, best={rule.metric.key: example.best} if example.best else {})
    return found_by(rule, observations_of(rule, example, now_ms), person, now_ms) is not None


def observation_of(rule: Rule, example: Example, now_ms: int = 0) -> Observation:
    """The last reading of the example as if a device had sent it now."""
    return observations_of(rule, example, now_ms)[-1]


def observations_of(rule: Rule, example: Example, now_ms: int) -> list[Observation]:
    """The example as if a device had sent it, the last reading ``ago_ms`` before now."""
    own_units = {component.key: component.unit for component in rule.metric.components}
    last = len(example.series) - 1
    return [
        Observation(
            "example",
            rule.metric,
            "example",
            0,
            now_ms - example.ago_ms - (last - number) * example.every_ms,
            {key: to_stored(rule.metric, own_units.get(key) or example.unit, value) for key, value in values.items()},
            example.unit,
            example.flag,
            context=example.context,
        )
        for number, values in enumerate(example.series)
    ]


def _side(rule: Rule, condition: Condition, example: Example) -> bool | None:
    """True: the example reaches this limit; False: it doesn't; None: it says nothing of it."""
    if rule.window is None:
        seen = observation_of(rule, example)
        return condition_holds(condition, seen) if condition.component in seen.values else None
    if len(rule.any_of) == 1:
        return example.raises
    alone = [one for one in example.series if condition.component in one]
    return raises(replace(rule, any_of=(condition,)), example) if alone else None
