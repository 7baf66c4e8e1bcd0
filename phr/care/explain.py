"""Why an alert fired, in one sentence. Pure: what was kept with the alert and the rule as it is now in, words out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from phr.care.compare import compares, text, unit_of
from phr.care.evaluate import DOCTORS_EN, DOCTORS_ZH, source_words
from phr.care.rule import Comparison, Condition, Rule
from phr.care.windows import own_unit
from phr.vocabulary.metric import Unit
from phr.vocabulary.units import limit_in

_ZH = {
    Comparison.AT_LEAST: "不低于",
    Comparison.ABOVE: "高于",
    Comparison.AT_MOST: "不高于",
    Comparison.BELOW: "低于",
}
_EN = {
    Comparison.AT_LEAST: "at or above",
    Comparison.ABOVE: "above",
    Comparison.AT_MOST: "at or below",
    Comparison.BELOW: "below",
}
_LENGTHS = ((24 * 60, ("天", "day")), (60, ("小时", "hour")), (1, ("分钟", "minute")))
_Language = tuple[Mapping[Comparison, str], str, str]
_IN_ZH: _Language = (_ZH, "{name} {value} {unit}，{than} {limit} {unit}{whose}", f"（{DOCTORS_ZH}）")
_IN_EN: _Language = (_EN, "{name} {value} {unit} is {than} {limit} {unit}{whose}", f" ({DOCTORS_EN})")


@dataclass(frozen=True, slots=True)
class Kept:
    """What an alert keeps of the rule that raised it and of the reading."""

    rule: str
    version: int
    values: Mapping[str, float]  # as sent, by component; "" for plain numbers
    unit: str | None  # code of the unit as sent
    measured_at: str  # RFC 3339
    source: str
    is_reviewed: bool
    message_zh: str
    message_en: str
    targets: Mapping[str, float] = field(default_factory=dict)  # a doctor's own limits that counted, by component


def explain(kept: Kept, rule: Rule | None) -> tuple[str, str]:
    """In Chinese and English. ``rule``: the one of that name as it is now; None: there is none any more.

    Limits are told only of the version that fired: of another one the words it said then are repeated.
    """
    end_zh = "" if kept.is_reviewed else "；该规则未经临床医生审核"
    end_en = "" if kept.is_reviewed else "; the rule is not reviewed by a clinician"
    if rule is None or rule.version != kept.version:
        now_zh = "现在已没有这条规则" if rule is None else f"现在是第 {rule.version} 版"
        now_en = "there is no such rule any more" if rule is None else f"it is at version {rule.version} now"
        return (
            f"规则 {kept.rule} 第 {kept.version} 版（{now_zh}）对 {kept.measured_at} 的测量发出提醒，"
            f"当时的原话是“{kept.message_zh}”（{kept.source}）{end_zh}。",
            f"Rule {kept.rule}, version {kept.version} ({now_en}), fired on the reading of {kept.measured_at}; "
            f'its words then were "{kept.message_en}" ({kept.source}){end_en}.',
        )
    conditions = [replace(one, limit=kept.targets.get(one.component, one.limit)) for one in rule.any_of]
    there = [one for one in conditions if one.component in kept.values]
    met = [one for one in there if compares(one.op, kept.values[one.component], _limit(kept, rule, one))]
    # Where none holds by its number, the sensor had said Hi or Lo, of which an alert keeps the words alone.
    beyond_zh, beyond_en = ("", "") if met else ("（超出设备量程）", " (beyond the device's range)")
    because_zh = "、".join(_said(kept, rule, one, _IN_ZH) for one in met or there)
    because_en = " and ".join(_said(kept, rule, one, _IN_EN) for one in met or there)
    looked_zh, looked_en = _looked_at(kept, rule)
    return (
        f"规则 {kept.rule} 第 {kept.version} 版发出提醒，因为 {looked_zh}"
        f"{because_zh}{beyond_zh}（{kept.source}）{end_zh}。",
        f"Rule {kept.rule}, version {kept.version}, fired because {looked_en}"
        f"{because_en}{beyond_en} ({kept.source}){end_en}.",
    )


def to_sign(rule: Rule) -> tuple[str, str]:
    """What the rule says, in Chinese and English, with its own limit in it and a sign where each value will stand."""
    own = _own(rule)
    metric = rule.metric
    units = [None if own is not None else unit_of(metric, None, one.component) for one in rule.any_of]
    limits = [text(unit, limit_in(metric, unit, one.limit)) for one, unit in zip(rule.any_of, units, strict=True)]
    unit = own if own is not None else metric.unit.label if metric.unit else ""
    words = {"limit": "/".join(limits), "unit": unit}
    zh, en = source_words(rule, has_target=False)
    return (
        rule.message_zh.format(**words, value="〔测得的值〕", readings="〔次数〕", days="〔天数〕", source=zh),
        rule.message_en.format(**words, value="[the value]", readings="[number]", days="[number]", source=en),
    )


def _looked_at(kept: Kept, rule: Rule) -> tuple[str, str]:
    """A reading, or what a number was made of over so many days, hours or minutes."""
    if rule.window is None:
        return f"{kept.measured_at} 测得 ", f"at {kept.measured_at} "
    of = str(rule.window.statistic or rule.window.predicate)
    minutes = rule.window.span_ms // 60_000
    length, (zh, en) = next((minutes // one, words) for one, words in _LENGTHS if minutes % one == 0)
    end = "" if length == 1 else "s"
    return (
        f"截至 {kept.measured_at} 的最近 {length} {zh}，按 {of} 计算，",
        f"over the {length} {en}{end} up to {kept.measured_at}, by {of}, ",
    )


def _own(rule: Rule) -> str | None:
    """The unit of a window's number where it is not the metric's."""
    return own_unit(rule.window) if rule.window else None


def _unit(kept: Kept, rule: Rule, condition: Condition) -> Unit | None:
    sent = rule.metric.unit_by_name.get(kept.unit) if kept.unit else None
    return unit_of(rule.metric, sent, condition.component)


def _limit(kept: Kept, rule: Rule, condition: Condition) -> float:
    if _own(rule) is not None:
        return condition.limit
    return limit_in(rule.metric, _unit(kept, rule, condition), condition.limit)


def _said(kept: Kept, rule: Rule, condition: Condition, language: _Language) -> str:
    than, form, whose = language
    own = _own(rule)
    unit = None if own is not None else _unit(kept, rule, condition)
    value = kept.values[condition.component]
    return form.format(
        name=condition.component or rule.metric.key,
        value=text(unit, value if rule.window is None else round(value, (unit.decimals if unit else 0) + 1)),
        unit=own if own is not None else unit.label if unit else "",
        than=than[condition.op],
        limit=text(unit, _limit(kept, rule, condition)),
        whose=whose if condition.component in kept.targets else "",
    )
