"""A rule file that contradicts itself stops the start; what is shipped is unsigned, sourced and gives no orders."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from phr.care import scores
from phr.care.files import documents
from phr.care.protocols import protocols
from phr.care.rule import Rules
from phr.care.rules import RULES_FOLDER, load, rules
from phr.care.scores import Risk
from phr.education.library import library
from phr.errors import DataFileInvalid
from phr.vocabulary.metrics import vocabulary

# One rule and nothing else of its file.
GOOD = (RULES_FOLDER / "hypertension.toml").read_text(encoding="utf-8").split("[rules.home-")[0]
RULE_LINE = GOOD.splitlines().index("[rules.blood-pressure-very-high]") + 1
# No word to a citizen may name a disease the person has, or change what they take.
ORDERS = re.compile(
    r"确诊|诊断|您患|您得了|加量|减量|停药|换药|停用|停服|多吃一|少吃一|增加剂量|减少剂量|\d\s*(?:mg(?!/)|毫克|片|粒)|单位胰岛素"
    r"|you have (?!a severe|felt)|you are (?:a diabetic|hypertensive)|diagnos|dose|dosage|tablet|pill|milligram"
    r"|(?:stop|start|increase|reduce|skip|double|halve)\w* (?:taking|your|the) ?(?:\w+ )?(?:medic|insulin|drug)",
    re.IGNORECASE,
)

Loads = Callable[[str], Rules]


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """Loads a folder with one rule file that has this text."""

    def write_and_load(text: str) -> Rules:
        (tmp_path / "made-up.toml").write_text(text, encoding="utf-8")
        return load(tmp_path, vocabulary())

    return write_and_load


def test_the_shipped_rules_load_once() -> None:
    assert rules() is rules()
    assert {rule.id for rule in rules().all} >= {"blood-pressure-very-high"}


@pytest.mark.parametrize("rule", rules().all, ids=lambda rule: rule.id)
def test_a_shipped_rule_is_unsigned_and_sourced(rule) -> None:
    assert rule.reviewed_by == ""
    assert rule.source.year >= 2000
    assert rule.source.note
    assert rule.scope.method


def told() -> list[str]:
    """All words that a citizen may see."""
    messages = [words for rule in rules().all for words in (rule.message_zh, rule.message_en)]
    said = [one for programme in rules().programmes for one in (*programme.schedule, *programme.education)]
    return messages + [words for one in said for words in (one.zh, one.en)]


def test_no_words_to_citizens_give_a_diagnosis_or_change_a_dose() -> None:
    assert [words for words in told() if ORDERS.search(words)] == []


@pytest.mark.parametrize(
    "order",
    [
        "您患有糖尿病。",
        "您得了高血压。",
        "可以确诊为高血压。",
        "请停药三天。",
        "请加量到 2 片。",
        "请注射 6 单位胰岛素。",
        "You have diabetes.",
        "You are hypertensive.",
        "This is diagnostic of hypertension.",
        "Double your dose tonight.",
        "Take 5 mg more.",
        "Stop taking your insulin.",
        "Reduce the blood medicine.",
    ],
)
def test_the_refusal_of_diagnoses_and_doses_finds_them(order: str) -> None:
    assert ORDERS.search(order)


@pytest.mark.parametrize("rule", [one for one in rules().all if one.scope.audience == "person"], ids=lambda one: one.id)
def test_a_message_to_a_citizen_says_whom_to_ask(rule) -> None:
    assert "医生" in rule.message_zh
    assert "doctor" in rule.message_en


PROGRAMMES = {
    *("hypertension", "diabetes", "copd", "heart-failure", "dyslipidaemia", "ckd", "obesity", "asthma"),
    *("pregnancy-hypertension", "pregnancy-diabetes", "atrial-fibrillation", "sleep", "depression"),
}


def test_each_programme_is_there() -> None:
    assert {programme.id for programme in rules().programmes} == PROGRAMMES


@pytest.mark.parametrize("programme", rules().programmes, ids=lambda programme: programme.id)
def test_a_programme_without_sourced_limits_is_a_schedule_and_says_so(programme) -> None:
    speaking = [rule for rule in rules().all if rule.id in programme.rules and rule.is_active]
    assert bool(speaking) is programme.has_limits
    assert all(programme.said_of_limits) is not programme.has_limits
    assert programme.schedule
    assert {lesson.reviewed_by for lesson in programme.education} == {""}


def test_each_document_is_named_by_somebody() -> None:
    said = [one for programme in rules().programmes for one in (*programme.schedule, *programme.education)]
    nothing = Risk(**dict.fromkeys(Risk.__slots__))
    made = (scores.bmi(None, None, None), scores.egfr(None, None, None), scores.china_par(nothing))
    citing = (*library().articles.values(), *protocols().values(), *made)
    read = {source.id for one in citing for source in one.sources}
    assert {one.source.id for one in (*rules().all, *said)} | read == set(documents())


def test_what_is_not_verified_is_marked_and_silent() -> None:
    unsure = [rule for rule in rules().all if rule.source.evidence == "unverified"]
    assert {"potassium-out-of-range", "peak-flow-red", "irregular-rhythm"} <= {rule.id for rule in unsure}
    assert all("unverified" in rule.source.citation and not rule.is_active for rule in unsure)


@pytest.mark.parametrize("rule", [rule for rule in rules().all if rule.severity >= 3], ids=lambda rule: rule.id)
def test_an_urgent_message_says_when_to_call_and_whom_to_ask(rule) -> None:
    assert "120" in rule.message_zh
    assert "医生" in rule.message_zh
    assert "120" in rule.message_en
    assert "doctor" in rule.message_en


def test_the_shipped_file_loads_under_another_name(loads: Loads) -> None:
    assert [rule.id for rule in loads(GOOD).all] == ["blood-pressure-very-high"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('metric = "blood-pressure"', 'metric = "blood-presure"', "metric: blood-presure is not known"),
        ('metric = "blood-pressure"', 'metric = "systolic-bp"', "metric"),
        ("version = 1", "version = 0", "version"),
        ("version = 1", "", "`version`"),
        ("version = 1", "version = 1\nverson = 2", "`verson`"),
        ("severity = 3", "severity = 0", "severity"),
        ("severity = 3", "severity = 5", "severity"),
        ('op = ">="', 'op = "=>"', "any_of"),
        ('component = "systolic"', 'component = "top"', "any_of.component"),
        ("limit = 180", 'limit = "180"', "any_of"),
        ("limit = 180", "limit = 181", "examples[1]"),
        ("limit = 180", "limit = 179", "examples[0]"),
        ("limit = 110", "limit = 111", "examples[3]"),
        ('"PT24H"', '"24h"', "max_age"),
        ('"PT24H"', '"PT"', "max_age"),
        ('evidence = "read"', 'evidence = "sure"', "source.evidence"),
        ('evidence = "read"\n', "", "`evidence`"),
        ('id = "NBPHS3"', 'id = "NBPHS4"', "source.id"),
        ('altitude = "low"', 'altitude = "everywhere"', "altitude"),
        ('audience = "person"\n', "", "`audience`"),
        ("max_age =", 'context = {weather = ["rain"]}\nmax_age =', "context"),
        ("max_age =", 'window = {span = "P7D"}\nmax_age =', "window"),
        ("max_age =", 'window = {span = "P7D", predicate = "magic"}\nmax_age =', "window.predicate"),
        ("max_age =", 'window = {span = "P7D", statistic = "time-in-range"}\nmax_age =', "window.within"),
        ("max_age =", 'unit = "bar"\nmax_age =', "unit: bar"),
        ('id = "NBPHS3"\n', "", "`id`"),
        ('id = "NBPHS3"', 'id = ""', "source"),
        ("age_min = 18\n", "", "`age_min`"),
        ("age_min = 18", "age_min = 18\nage_max = 17", "scope.age_max"),
        ('pregnancy = "not-pregnant"', 'pregnancy = "maybe"', "pregnancy"),
        ("这次血压是 {value}", "这次血压是", "message.zh"),
        ("Your blood pressure was {value}", "Your blood pressure was {values}", "message.en"),
        ("Your blood pressure was {value}", "Your blood pressure was {value", "message.en"),
        ('unit = "kPa"', 'unit = "bar"', "unit: bar"),
        ("raises = true", "raises = false", "examples[1]"),
    ],
)
def test_a_contradiction_is_named_with_file_and_line(loads: Loads, old: str, new: str, named: str) -> None:
    assert old in GOOD
    with pytest.raises(DataFileInvalid) as raised:
        loads(GOOD.replace(old, new, 1))
    assert raised.value.detail.startswith(f"made-up.toml line {RULE_LINE}: rules.blood-pressure-very-high")
    assert named in raised.value.detail


def test_examples_on_one_side_of_the_limit_are_not_enough(loads: Loads) -> None:
    head, *examples = re.split(r"(?=\[\[rules)", GOOD)
    with pytest.raises(DataFileInvalid, match="both sides"):
        loads(head + "".join(one for one in examples if "raises = true" in one))


def test_broken_toml_is_named_with_its_line(loads: Loads) -> None:
    with pytest.raises(DataFileInvalid, match=r"made-up\.toml: .*line 1"):
        loads("[rules\n")


def test_a_file_with_something_else_in_it_is_refused(loads: Loads) -> None:
    with pytest.raises(DataFileInvalid, match=r"\[rules\.ID\]"):
        loads(GOOD + "\n[articles]\n")


PROGRAMME = (RULES_FOLDER / "ckd.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("has_limits = false", "has_limits = true", "has_limits"),
        ('what = "urine-acr"', 'what = "urine-acs"', "schedule[0]: urine-acs"),
        ('what = "urine-acr"', 'what = "egfr"', "schedule[0]: egfr"),
        ("times = 1", "times = 0", "schedule[0]"),
        ('per = "P365D"', 'per = "yearly"', "schedule.per"),
        ('id = "SHEET"', 'id = "HEARSAY"', "source.id"),
        ('reviewed_by = ""\n', "", "`reviewed_by`"),
    ],
)
def test_a_programmes_mistake_is_named_with_file_and_line(loads: Loads, old: str, new: str, named: str) -> None:
    assert old in PROGRAMME
    with pytest.raises(DataFileInvalid) as raised:
        loads(PROGRAMME.replace(old, new, 1))
    assert raised.value.detail.startswith("made-up.toml line 3: programme: ")
    assert named in raised.value.detail


def test_a_rule_can_yield_only_to_one_that_is_there(loads: Loads) -> None:
    with pytest.raises(DataFileInvalid, match=r"made-up\.toml line 7: .*yields_to: nobody"):
        loads(GOOD.replace("max_age =", 'yields_to = "nobody"\nmax_age =', 1))


def test_each_limit_needs_examples_on_both_sides(loads: Loads) -> None:
    one_sided = (
        GOOD.replace("limit = 110", "limit = 300")
        .replace("150, diastolic = 11", "190, diastolic = 11")
        .replace("20.0, diastolic = 14", "24.5, diastolic = 14")
    )
    with pytest.raises(DataFileInvalid, match=r"both sides of the limit of any_of\[1\]"):
        loads(one_sided)


def test_a_limit_may_be_written_in_another_unit(loads: Loads) -> None:
    text = GOOD.replace("max_age =", 'unit = "kPa"\nmax_age =', 1).replace("limit = 180", "limit = 23.99")
    condition = loads(text.replace("limit = 110", "limit = 14.66")).all[0].any_of[0]
    assert condition.limit == pytest.approx(180, abs=0.1)


def test_one_id_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    with pytest.raises(DataFileInvalid, match=r"b\.toml line 7: rules\.blood-pressure-very-high stands in a\.toml too"):
        load(tmp_path, vocabulary())


def test_an_empty_folder_has_no_rules(tmp_path: Path) -> None:
    assert load(tmp_path, vocabulary()).all == ()


@pytest.mark.parametrize(("written", "hours"), [("PT24H", 24), ("P1D", 24), ("P1DT1H", 25), ("PT60M", 1)])
def test_durations_are_iso_8601(loads: Loads, written: str, hours: int) -> None:
    assert loads(GOOD.replace("PT24H", written)).all[0].max_age_ms == hours * 3_600_000
