"""The kinds of entry: what each takes and refuses, and whose eyes each is for."""

import itertools
from typing import Any

import pytest
from marshmallow import ValidationError

from phr.auth import scopes
from phr.timeline.categories import SENSITIVE, all_categories, categories_of
from phr.timeline.coding import SYSTEMS, has_check_digit
from phr.timeline.content import checked, patched
from phr.timeline.kinds import kinds
from phr.timeline.kinds.questionnaire import instruments, score
from phr.timeline.kinds.symptom import programmes

RESULT = {"text": "空腹血糖", "codes": [{"system": "loinc", "code": "14771-0"}], "value": 6.1, "unit": "mmol/L"}
# One good example of each kind; a kind without one fails the test of sets.
EXAMPLES: dict[str, dict[str, Any]] = {
    "alert": {"text": "血压偏高", "rule": "htn.danger", "severity": 3},
    "allergy": {"text": "青霉素", "substance": "medication", "reactions": [{"text": "皮疹", "severity": "mild"}]},
    "check-up": {"text": "年度体检", "sections": [{"text": "血生化", "items": [RESULT | {"low": 3.9, "high": 6.1}]}]},
    "condition": {"text": "2型糖尿病", "codes": [{"system": "icd-10", "code": "E11.9"}], "status": "active"},
    "device-event": {"text": "电量低", "device": "acme/cuff-7", "event": "battery-low"},
    "document": {"text": "出院小结", "type": "discharge", "words": "患者因头晕入院"},
    "encounter": {"text": "社区门诊", "type": "visit", "diagnoses": [{"text": "高血压"}]},
    "exposure": {
        "text": "吸烟",
        "to": "smoking",
        "status": "current",
        "amount": {"value": 10, "unit": "支", "per": "day"},
    },
    "family-history": {"text": "脑卒中", "relation": "father", "onset_age": 61},
    "genomic": {"text": "药物基因", "variants": [{"gene": "CYP2C19", "variant": "*2/*2"}]},
    "imaging": {"text": "胸部CT", "modality": "CT", "conclusion": "未见异常"},
    "immunisation": {
        "text": "乙肝疫苗",
        "codes": [{"system": "cvx", "code": "08"}],
        "dose_number": 1,
        "series_doses": 3,
    },
    "intake": {"text": "二甲双胍", "status": "taken", "dose": {"value": 500, "unit": "mg"}},
    "laboratory": {"text": "血糖", "items": [RESULT]},
    "lesson": {"text": "少盐", "lesson": "salt", "outcome": "finished", "score_percent": 80},
    "life-event": {"text": "退休", "event": "retirement"},
    "medication": {"text": "二甲双胍", "codes": [{"system": "atc", "code": "A10BA02"}], "times_a_day": 2},
    "note": {"text": "头晕"},
    "procedure": {"text": "阑尾切除术", "codes": [{"system": "icd-9-cm-3", "code": "47.09"}]},
    "questionnaire": {"instrument": "phq-9", "answers": [1] * 9},
    "reminder": {"text": "量血压", "about": "measure", "outcome": "done"},
    "symptom": {"programme": "copd", "symptom": "more-sputum", "severity": "mild"},
}


def test_each_kind_has_its_example() -> None:
    assert set(EXAMPLES) == set(kinds())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example_is_taken_and_can_be_changed(name: str) -> None:
    content = checked(kinds()[name], EXAMPLES[name])
    assert patched(kinds()[name], content, {}) == content


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_a_kind_must_say_it_must_say(name: str) -> None:
    with pytest.raises(ValidationError):
        checked(kinds()[name], {})


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_unknown_word_is_pointed_at(name: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        checked(kinds()[name], EXAMPLES[name] | {"odd": 1})
    assert refusal.value.messages == {"odd": ["Unknown field."]}


@pytest.mark.parametrize(
    ("name", "changes", "path"),
    [
        ("condition", {"codes": [{"system": "icd-10", "code": "11.9"}]}, ("codes", 0, "code")),
        ("condition", {"codes": [{"system": "atc", "code": "A10BA02"}]}, ("codes", 0, "system")),
        ("condition", {"codes": []}, ("codes",)),
        ("laboratory", {"items": []}, ("items",)),
        ("laboratory", {"items": [{"text": "血糖"}]}, ("items", 0, "value")),
        ("laboratory", {"items": [RESULT | {"value": "6.1"}]}, ("items", 0, "value")),
        ("laboratory", {"items": [RESULT | {"value": True}]}, ("items", 0, "value")),
        ("laboratory", {"items": [RESULT | {"value": float("nan")}]}, ("items", 0, "value")),
        ("laboratory", {"items": [RESULT | {"low": 6, "high": 5}]}, ("items", 0, "high")),
        ("laboratory", {"items": [RESULT | {"codes": [{"system": "loinc", "code": "14771-1"}]}]}, None),
        ("immunisation", {"expires_on": "2026-02-30"}, ("expires_on",)),
        ("immunisation", {"dose_number": 1.5}, ("dose_number",)),
        ("medication", {"times_a_day": 25}, ("times_a_day",)),
        ("questionnaire", {"answers": [1] * 8}, ("answers",)),
        ("questionnaire", {"answers": [1] * 8 + [4]}, ("answers", 8)),
        ("questionnaire", {"answers": [1] * 8 + [True]}, ("answers", 8)),
        ("questionnaire", {"score": 5}, ("score",)),
        ("symptom", {"symptom": "eye-pain"}, ("symptom",)),
        ("symptom", {"programme": "weather"}, ("programme",)),
    ],
)
def test_bad_field_is_pointed_at(name: str, changes: dict[str, Any], path: tuple[str | int, ...] | None) -> None:
    with pytest.raises(ValidationError) as refusal:
        checked(kinds()[name], EXAMPLES[name] | changes)
    at: Any = refusal.value.messages
    for step in path or ():
        at = at[step]


@pytest.mark.parametrize(
    ("system", "good", "bad"),
    [
        ("icd-10", "I10", "i10"),
        ("icd-10", "E11.9", "E11."),
        ("icd-10-cn", "I10.x00x002", "I10.x0"),
        ("icd-10-cn", "E11.900x001", "E11.9"),
        ("icd-11", "5A11", "5O11"),
        ("icd-9-cm-3", "47.09", "47."),
        ("loinc", "8867-4", "8867-5"),
        ("atc", "A10BA02", "A10BA2"),
        ("cvx", "08", "8"),
        ("rxnorm", "6809", "six"),
        ("snomed", "44054006", "44054"),
        ("local", "GLU-01", "a b"),
    ],
)
def test_code_has_the_shape_of_its_system(system: str, good: str, bad: str) -> None:
    taker = next(k for k in kinds().values() if system in str(_systems(k.schema)))
    for code, is_good in ((good, True), (bad, False)):
        said = EXAMPLES[taker.name] | {"codes": [{"system": system, "code": code}]}
        if is_good:
            checked(taker, said)
        else:
            with pytest.raises(ValidationError):
                checked(taker, said)


def _systems(schema: Any) -> list[str]:
    taken = schema().fields.get("codes")
    return [] if taken is None else list(taken.inner.schema.fields["system"].validate.choices)


def test_every_system_is_taken_somewhere() -> None:
    taken = set(itertools.chain.from_iterable(_systems(kind.schema) for kind in kinds().values()))
    assert taken == set(SYSTEMS)


@pytest.mark.parametrize(("code", "is_good"), [("44261-6", True), ("70274-6", True), ("44261-7", False)])
def test_loinc_has_its_check_digit(code: str, is_good: bool) -> None:
    assert has_check_digit(code) is is_good


@pytest.mark.parametrize(
    ("total", "severity"),
    [
        (4, "minimal"),
        (5, "mild"),
        (9, "mild"),
        (10, "moderate"),
        (14, "moderate"),
        (15, "moderately-severe"),
        (19, "moderately-severe"),
        (20, "severe"),
        (27, "severe"),
        (0, "minimal"),
    ],
)
def test_phq_9_has_its_bands(total: int, severity: str) -> None:
    answers = [min(3, max(0, total - 3 * place)) for place in range(9)]
    assert (sum(answers), score(instruments()["phq-9"], answers)["severity"]) == (total, severity)


@pytest.mark.parametrize(
    ("total", "severity", "is_positive"),
    [
        (4, "minimal", False),
        (5, "mild", False),
        (9, "mild", False),
        (10, "moderate", True),
        (14, "moderate", True),
        (15, "severe", True),
        (21, "severe", True),
    ],
)
def test_gad_7_has_its_bands(total: int, severity: str, is_positive: bool) -> None:
    answers = [min(3, max(0, total - 3 * place)) for place in range(7)]
    found = score(instruments()["gad-7"], answers)
    assert (found["score"], found["severity"], found["is_positive"]) == (total, severity, is_positive)


@pytest.mark.parametrize(("last", "needs_review"), [(0, False), (1, True), (3, True), (None, False)])
def test_ninth_item_needs_review_whatever_the_total(last: int | None, needs_review: bool) -> None:
    assert score(instruments()["phq-9"], [0] * 8 + [last])["needs_review"] is needs_review


@pytest.mark.parametrize(("missing", "total"), [(1, 18), (2, 18), (3, None), (9, None)])
def test_two_unanswered_items_count_as_the_mean_of_the_others(missing: int, total: int | None) -> None:
    found = score(instruments()["phq-9"], [None] * missing + [2] * (9 - missing))
    assert found["score"] == total


def test_unanswered_item_of_gad_7_leaves_no_score() -> None:
    assert score(instruments()["gad-7"], [None] + [2] * 6)["score"] is None


def test_symptom_of_a_list_has_the_lists_words() -> None:
    content = checked(kinds()["symptom"], {"programme": "hypertension", "symptom": "eye-pain"})
    assert (content["label"], content["is_present"]) == ("眼痛 Eye pain", True)


def test_lists_name_each_symptom_once_and_their_source() -> None:
    assert {name: len(found) for name, found in programmes().items()} == {
        "hypertension": 8,
        "diabetes": 13,
        "copd": 6,
        "asthma": 4,
    }


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("condition", ("icd-10", "F32.1"), ("conditions", "mental")),
        ("condition", ("icd-10-cn", "F32.900x001"), ("conditions", "mental")),
        ("condition", ("icd-10", "O80"), ("conditions", "reproductive")),
        ("condition", ("icd-10", "B20"), ("conditions", "sexual-health")),
        ("condition", ("icd-10", "B19.9"), ("conditions",)),
        ("condition", ("icd-10", "B25"), ("conditions",)),
        ("condition", ("icd-10", "N91"), ("conditions", "reproductive")),
        ("condition", ("icd-10", "N90"), ("conditions",)),
        ("medication", ("atc", "N06AB03"), ("medications", "mental")),
        ("medication", ("atc", "N06DA02"), ("medications",)),
        ("medication", ("atc", "G03AA07"), ("medications", "reproductive")),
    ],
)
def test_sensitive_code_adds_its_category(name: str, code: tuple[str, str], expected: tuple[str, ...]) -> None:
    content = {"text": "x", "codes": [{"system": code[0], "code": code[1]}]}
    assert categories_of(kinds()[name], content) == expected


def test_code_inside_a_diagnosis_counts_too() -> None:
    diagnosis = {"text": "抑郁发作", "codes": [{"system": "icd-10", "code": "F32"}]}
    content = {"text": "门诊", "type": "visit", "diagnoses": [diagnosis]}
    assert categories_of(kinds()["encounter"], content) == ("encounters", "mental")


def test_author_can_name_more() -> None:
    assert categories_of(kinds()["note"], {"text": "x"}, ["mental"]) == ("mental", "notes")


def test_each_category_has_its_scopes_and_timeline_read_forgets_none() -> None:
    known = scopes.scopes()
    assert known["timeline.read"].categories == all_categories()
    wanted = {f"{category}.{verb}" for category in all_categories() for verb in ("read", "write")}
    assert wanted <= set(known)
    assert {scopes.scopes()[name].categories for name in wanted} == {(one,) for one in all_categories()}


def test_sensitive_categories_are_categories() -> None:
    assert set(SENSITIVE) <= set(all_categories())
