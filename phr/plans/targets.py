"""Personal targets: limits that a doctor has set for one person, with who and why: collection ``targets``.

A target is of a rule (its limit for one component), or of a metric (what a visit's form calls the goal).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from phr.care.rule import Rule, Statistic
from phr.care.rules import rules
from phr.care.windows import own_unit
from phr.database import Database
from phr.errors import InputInvalid, NotFound
from phr.plans import versions
from phr.plans.versions import New, Version
from phr.vocabulary.metric import Bounds, Metric
from phr.vocabulary.metrics import vocabulary

COLLECTION = "targets"
LONGEST_WHY = 1_000
_NAME = re.compile(r"(?P<kind>rule|metric)\.(?P<of>[a-z0-9-]{1,64})(\.(?P<component>[a-z0-9-]{1,32}))?")
# Of a window whose number is not the metric's own, what it can be at all.
_WIDEST = {"%": (0.0, 300.0), "d": (0.0, 366.0), "": (0.0, 100_000.0), "kg/m²": (5.0, 150.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``limit`` in the canonical unit; None: taken back, the rule's own counts again."""

    person: str
    name: str  # "rule.ID" or "metric.KEY", then ".component" where there are several
    limit: float | None
    why: str
    by: str
    at_ms: int
    version: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What a target's name stands for; ``rule`` None: the goal of a metric."""

    rule: Rule | None
    metric: Metric
    component: str


def subject(name: str) -> Subject:
    """Raises NotFound for a name that stands for nothing which has a limit."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise NotFound("a target is rule.ID or metric.KEY, with .component where there are several")
    component = found["component"] or ""
    rule = rules().get(found["of"]) if found["kind"] == "rule" else None
    if rule is not None and any(one.component == component for one in rule.any_of):
        return Subject(rule, rule.metric, component)
    metric = vocabulary().get(found["of"]) if found["kind"] == "metric" else None
    if metric is not None and _bounds_of(metric, component):
        return Subject(None, metric, component)
    raise NotFound(f"{name}: nothing with this name has a limit")


def unit_of(about: Subject) -> str | None:
    """The code of the unit that its limit is in."""
    own = own_unit(about.rule.window) if about.rule and about.rule.window else None
    if own is not None:
        return own
    return about.metric.unit.code if about.metric.unit else None


def put(database: Database, new: Target) -> Target:
    """The target as it is now set, ``new.version`` being the version that it replaces, 0 for none.

    Raises NotFound, InputInvalid beyond what can be measured or without a reason, VersionConflict.
    """
    about = subject(new.name)
    if not 1 <= len(new.why.strip()) <= LONGEST_WHY:
        raise InputInvalid("say why", "/why")
    low, high = _bounds(about)
    if new.limit is not None and not low <= new.limit <= high:
        raise InputInvalid(f"from {low:g} to {high:g}: beyond that nothing can be", "/limit")
    body = {"limit": new.limit, "why": new.why.strip()}
    row = New(person=new.person, name=new.name, by=new.by, at_ms=new.at_ms, body=body)
    return _target(versions.put(database, COLLECTION, row, new.version))


def find(database: Database, person: str, name: str) -> Target | None:
    found = versions.find(database, COLLECTION, person, name)
    return _target(found) if found else None


def of_person(database: Database, person: str) -> list[Target]:
    """Those that are set, in order of their names."""
    found = (_target(one) for one in versions.find_all(database, COLLECTION, [person]))
    return [one for one in found if one.limit is not None]


def history(database: Database, person: str, name: str) -> list[Target]:
    """Every version, newest first."""
    return [_target(one) for one in versions.history(database, COLLECTION, person, name)]


def of_people(stored: Iterable[Version]) -> dict[str, dict[tuple[str, str], float]]:
    """Limits by rule and component, of those who have some."""
    found: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    for one in stored:
        name = _NAME.fullmatch(one.name)
        if name and name["kind"] == "rule" and one.body["limit"] is not None:
            found[one.person][name["of"], name["component"] or ""] = one.body["limit"]
    return found


def goals(found: Iterable[Target]) -> Mapping[tuple[str, str], Target]:
    """The goals of metrics among targets, by metric and component."""
    named = ((_NAME.fullmatch(one.name), one) for one in found)
    return {(name["of"], name["component"] or ""): one for name, one in named if name and name["kind"] == "metric"}


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("person", name="person")


def _bounds(about: Subject) -> tuple[float, float]:
    """The physical bounds of what the limit is compared with."""
    window = about.rule.window if about.rule else None
    own = own_unit(window) if window else None
    if own is not None:
        return _WIDEST[own]
    bounds = _bounds_of(about.metric, about.component)
    assert bounds is not None  # a subject has some
    is_difference = window is not None and (window.predicate or window.statistic is Statistic.SLOPE)
    return (-bounds.high if is_difference else bounds.low), bounds.high


def _bounds_of(metric: Metric, component: str) -> Bounds | None:
    if not metric.components:
        return None if component else metric.bounds
    return next((one.bounds for one in metric.components if one.key == component), None)


def _target(found: Version) -> Target:
    return Target(
        person=found.person, name=found.name, version=found.version, by=found.by, at_ms=found.at_ms, **found.body
    )
