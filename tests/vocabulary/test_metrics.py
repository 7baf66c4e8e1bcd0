"""The shipped metrics are complete; a metrics file that contradicts itself stops the start and is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from phr.errors import DataFileInvalid
from phr.vocabulary.metric import Density, ValueType
from phr.vocabulary.metrics import METRICS_FILE, Vocabulary, load, vocabulary

# A published name is never renamed or dropped: a key may only be added here.
PUBLISHED = """
active-energy af-burden af-event ahi alcohol alt ambient-temperature ast awake-time bac basal-energy blood-pressure
bmi body-fat-pct body-temperature body-water bone-mass bun cat-score cgm-cv cgm-gmi cgm-mean cgm-tar250 cgm-tbr54
cgm-tir creatinine deep-sleep device-battery diastolic-bp distance ecg-strip egfr energy-intake exercise-minutes
falls fev1 fev1-fvc floors fluid-intake fvc gad7-total glucose-2h-postmeal glucose-capillary glucose-fasting-plasma
glucose-interstitial hba1c hdl-c heart-rate height hemoglobin hrv-rmssd hrv-sdnn inhaler-usage inr insulin-dose
ketones ldl-c lean-body-mass light-sleep mean-arterial-pressure medication-adherence medication-taken menstruation
mmrc mood muscle-mass noise-exposure pain pef perfusion-index phq9-total pm25-exposure potassium rem-sleep
respiratory-rate resting-heart-rate rr-interval six-min-walk skin-temp-deviation sleep-duration sleep-episode
smoking-status sodium-intake spo2 steps steps-day systolic-bp time-in-bed total-cholesterol total-energy-day
triglycerides uric-acid urine-acr vo2max waist walking-speed weight
"""
KEYS = frozenset(PUBLISHED.split())
METRICS = list(vocabulary().metrics.values())

GOOD = """
[metrics.pulse]
zh = "脉率"
en = "Pulse"
group = "cardio"
value_type = "number"
loinc_status = "NONE"
units = [
    {code = "/min", aliases = ["bpm"], decimals = 0},
    {code = "Hz", aliases = ["1/s"], factor = "60/1", decimals = 1},
]
bounds = [20, 300]
decimals = 0
stored_decimals = 1
density = "second"
summary = "mean"
merge_sources = false
"""

Loads = Callable[[str], Vocabulary]


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """Loads a metrics file with this text."""

    def write_and_load(text: str) -> Vocabulary:
        path = tmp_path / "metrics.toml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return write_and_load


def test_all_published_metrics_are_there() -> None:
    assert set(vocabulary().metrics) == KEYS, "add the new key to KEYS; never drop or rename one"


def test_the_vocabulary_is_read_once() -> None:
    assert vocabulary() is vocabulary()


def test_a_good_file_loads(loads: Loads) -> None:
    pulse = loads(GOOD).metrics["pulse"]
    assert (pulse.scale, pulse.unit_by_name["1/s"].factor, pulse.value_type) == (10, 60.0, ValueType.NUMBER)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("decimals = 0\nstored", "decimal = 0\ndecimals = 0\nstored", "`decimal`"),
        ('zh = "脉率"\n', "", "`zh`"),
        ('value_type = "number"', 'value_type = "numbers"', "value_type"),
        ("units = [", "units = []\ncodes = [", "codes"),
        ('factor = "60/1"', "factor = 0", "units[1].factor"),
        ('factor = "60/1"', "factor = -60", "units[1].factor"),
        ('factor = "60/1"', "factor = inf", "units[1].factor"),
        ('factor = "60/1"', 'factor = "60/0"', "units[1].factor"),
        ('factor = "60/1"', 'factor = "sixty"', "units[1].factor"),
        ('["bpm"], decimals', '["bpm"], factor = 2, decimals', "units[0].factor"),
        ('["1/s"]', '["bpm"]', "units[1].aliases"),
        ('["1/s"]', '["Hz"]', "units[1].aliases"),
        ("decimals = 1}", "decimals = 3}", "units[1].decimals"),
        ("decimals = 1}", "decimals = -1}", "units[1].decimals"),
        ("[20, 300]", "[300, 20]", "bounds"),
        ("[20, 300]", "[20, 20]", "bounds"),
        ("bounds = [20, 300]\n", "", "bounds"),
        ("stored_decimals = 1", "stored_decimals = -1", "stored_decimals"),
        ('"NONE"', '"S"', "loinc_status"),
        ('"NONE"', '"maybe"', "loinc_status"),
        ("[metrics.pulse]", "[metrics.Pulse]", "Pulse"),
        ('value_type = "number"', 'value_type = "derived"', "use_instead"),
        ('value_type = "number"', 'value_type = "number"\nuse_instead = ["pulse"]', "use_instead"),
        ('value_type = "number"', 'value_type = "derived"\nuse_instead = ["heart"]', "use_instead"),
        ('value_type = "number"', 'value_type = "coded"', "codes"),
        ('value_type = "number"', 'value_type = "components"', "components"),
        ('value_type = "number"', 'value_type = "number"\nday_of = "noon"', "day_of"),
        ('zh = "脉率"', "zh = ", "line 3"),
        ("[metrics.pulse]", "[metric.pulse]", "[metrics.KEY]"),
    ],
)
def test_a_contradiction_is_named(loads: Loads, old: str, new: str, named: str) -> None:
    assert old in GOOD
    with pytest.raises(DataFileInvalid) as raised:
        loads(GOOD.replace(old, new))
    assert raised.value.detail.startswith("metrics.toml: ")
    assert named in raised.value.detail


def test_a_number_without_a_unit_is_refused(loads: Loads) -> None:
    start, end = GOOD.index("units = ["), GOOD.index("bounds")
    with pytest.raises(DataFileInvalid, match=r"metrics\.pulse\.units: missing"):
        loads(GOOD[:start] + GOOD[end:])


@pytest.mark.parametrize(
    ("component", "named"),
    [
        ('{key = "a", metric = "nothing"}', "metric"),
        ('{key = "a", metric = "pulse", unit = "Hz"}', "unit"),
        ('{key = "a", metric = "pulse", units = "/min"}', "`units`"),
    ],
)
def test_a_component_must_be_a_metric_in_its_canonical_unit(loads: Loads, component: str, named: str) -> None:
    both = GOOD.replace("metrics.pulse", "metrics.both").replace(
        '"number"', f'"components"\ncomponents = [{component}]'
    )
    with pytest.raises(DataFileInvalid, match=rf"metrics\.both.*{named}"):
        loads(GOOD + both)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileInvalid, match=r"absent\.toml"):
        load(tmp_path / "absent.toml")


def test_a_mistyped_key_finds_its_neighbour() -> None:
    assert vocabulary().nearest("heartrate") == "heart-rate"
    assert vocabulary().nearest("blood_pressure") == "blood-pressure"


def test_a_key_like_nothing_has_no_neighbour() -> None:
    assert vocabulary().nearest("zzzz") is None
    assert vocabulary().nearest("") is None


def test_a_key_of_a_megabyte_is_answered_at_once() -> None:
    assert vocabulary().nearest("q" * 1_000_000) is None


def test_get_knows_only_what_is_there() -> None:
    assert vocabulary().get("weight") is vocabulary().metrics["weight"]
    assert vocabulary().get("wait") is None


def test_blood_pressure_is_one_reading_of_components() -> None:
    components = {one.key: (one.metric, one.required) for one in vocabulary().metrics["blood-pressure"].components}
    assert components == {
        "systolic": ("systolic-bp", True),
        "diastolic": ("diastolic-bp", True),
        "mean": ("mean-arterial-pressure", False),
        "pulse": ("heart-rate", False),
    }


def test_a_pulse_beside_a_pressure_keeps_its_own_unit() -> None:
    units = {one.key: one.unit and one.unit.code for one in vocabulary().metrics["blood-pressure"].components}
    assert units == {"systolic": None, "diastolic": None, "mean": None, "pulse": "/min"}


def test_what_is_never_a_reading_names_what_to_send() -> None:
    refused = {one.key for one in METRICS if not one.is_reading}
    assert refused == {one.key for one in METRICS if one.use_instead}
    assert all(
        vocabulary().metrics[other].is_reading for key in refused for other in vocabulary().metrics[key].use_instead
    )


def test_sleep_counts_for_the_day_of_waking() -> None:
    assert {one.key for one in METRICS if one.day_of == "end"} == {
        *("sleep-episode", "sleep-duration", "deep-sleep", "light-sleep", "rem-sleep", "awake-time", "time-in-bed")
    }


@pytest.mark.parametrize(
    ("key", "name", "code"),
    [
        ("blood-pressure", "mmHg", "mm[Hg]"),
        ("heart-rate", "bpm", "/min"),
        ("body-temperature", "℃", "Cel"),
        ("body-temperature", "°F", "[degF]"),
        ("weight", "斤", "{jin}"),
        ("weight", "公斤", "kg"),
        ("weight", "lbs", "[lb_av]"),
        ("glucose-capillary", "mmol/l", "mmol/L"),
        ("spo2", "fraction", "1"),
        ("rr-interval", "1/1024 s", "s/1024"),
    ],
)
def test_units_are_known_as_devices_write_them(key: str, name: str, code: str) -> None:
    assert vocabulary().metrics[key].unit_by_name[name].code == code


@pytest.mark.parametrize(
    ("key", "code", "label"),
    [
        ("blood-pressure", "mm[Hg]", "mmHg"),
        ("blood-pressure", "kPa", "kPa"),
        ("body-temperature", "Cel", "°C"),
        ("weight", "{jin}", "斤"),
        ("inr", "{INR}", "INR"),
    ],
)
def test_a_person_reads_a_unit_without_brackets(key: str, code: str, label: str) -> None:
    assert vocabulary().metrics[key].unit_by_name[code].label == label


def test_every_density_is_used() -> None:
    assert {one.density for one in METRICS} == set(Density)


def test_the_shipped_file_says_nothing_twice() -> None:
    headers = [line for line in METRICS_FILE.read_text(encoding="utf-8").splitlines() if line.startswith("[")]
    assert len(headers) == len(KEYS)
