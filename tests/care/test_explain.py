"""An alert is explained by the version that fired, with the value, the limit, the source, and who has signed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from phr.care.evaluate import evaluate
from phr.care.explain import Kept, explain, to_sign
from phr.care.observation import Observation
from phr.care.rule import Rule
from phr.care.rules import rules
from tests.care.builders import NOW_MS, RULE, glucose, pressure


def kept(seen: Observation) -> Kept:
    alert = evaluate(rules(), [seen], {}, NOW_MS)[0]
    return Kept(
        rule=alert.rule,
        version=alert.rule_version,
        values=alert.values,
        unit=alert.unit,
        measured_at="2026-11-18T12:26:40Z",
        source=alert.source,
        is_reviewed=alert.reviewed,
        message_zh=alert.message_zh,
        message_en=alert.message_en,
    )


@pytest.mark.parametrize(
    ("seen", "because"),
    [
        (pressure(182, 96), "systolic 182 mmHg is at or above 180 mmHg (NBPHS3 2017"),
        (pressure(150, 112), "diastolic 112 mmHg is at or above 110 mmHg (NBPHS3 2017"),
        (
            pressure(182, 112),
            "systolic 182 mmHg is at or above 180 mmHg and diastolic 112 mmHg is at or above 110 mmHg",
        ),
        (pressure(24.3, 12.0, "kPa"), "systolic 24.3 kPa is at or above 24.0 kPa"),
        (glucose(2.9), "glucose-capillary 2.9 mmol/L is below 3.0 mmol/L"),
        (glucose(3.0, flag="below-range"), "3.0 mmol/L is below 3.0 mmol/L (beyond the device's range)"),
        (glucose(70, "mg/dL"), "glucose-capillary 70 mg/dL is at or below 70 mg/dL"),
    ],
)
def test_the_sentence_says_value_and_limit_as_sent(seen: Observation, because: str) -> None:
    known = kept(seen)
    zh, en = explain(known, rules().get(known.rule))
    assert because in en
    assert en.endswith("not reviewed by a clinician.")
    assert zh.endswith("未经临床医生审核。")
    assert all(word in zh for word in (known.rule, "第 1 版", known.source, known.measured_at))


@pytest.mark.parametrize("now", [None, replace(RULE, version=2)])
def test_of_another_version_the_words_of_then_are_repeated(now: Rule | None) -> None:
    known = kept(pressure())
    zh, en = explain(known, now)
    assert known.message_zh in zh
    assert known.message_en in en
    assert "at or above" not in en
    assert ("version 2 now" in en) is (now is not None)


def test_a_signed_rule_says_nothing_of_a_missing_review() -> None:
    assert "reviewed" not in explain(replace(kept(pressure()), is_reviewed=True), RULE)[1]


def test_limit_that_a_doctor_has_set_is_called_so() -> None:
    zh, en = explain(replace(kept(pressure(182, 96)), targets={"systolic": 160.0}), RULE)
    assert "160 mmHg（您的医生定的目标）" in zh
    assert "160 mmHg (your doctor's target)" in en


@pytest.mark.parametrize(
    ("rule", "values", "unit", "because"),
    [
        (
            "home-blood-pressure-high",
            {"systolic": 141.23, "diastolic": 80.0},
            "mm[Hg]",
            "over the 7 days up to 2026-11-18T12:26:40Z, by mean, systolic 141.2 mmHg is at or above 135 mmHg",
        ),
        ("cgm-time-in-range-low", {"": 61.44}, "%", "over the 14 days up to 2026-11-18T12:26:40Z, by time-in-range, "),
        ("cgm-time-in-range-low", {"": 61.44}, "%", "glucose-interstitial 61.4 % is at or below 70 %"),
    ],
)
def test_window_is_explained_by_its_span_and_statistic(rule, values, unit, because) -> None:
    told = replace(kept(pressure(182, 96)), rule=rule, version=1, values=values, unit=unit)
    assert because in explain(told, rules().get(rule))[1]


def test_rule_is_read_with_its_own_limit_before_it_is_signed() -> None:
    zh, en = to_sign(RULE)
    assert "〔测得的值〕" in zh
    assert "180/110 mmHg" in zh
    assert "[the value]" in en
    assert RULE.source.title_en in en


def test_no_rule_shows_a_clinician_what_is_for_machines() -> None:
    for rule in rules().all:
        for words in to_sign(rule):
            assert not {"{", "}"} & set(words), rule.id
