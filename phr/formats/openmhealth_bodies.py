"""What the body schemas of Open mHealth and IEEE 1752.1 measure, and the words they allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """One reading of a body."""

    metric: str
    measures: Mapping[str, str]  # field of the body -> component of the metric, "" for a plain number
    units: tuple[str, ...]
    is_required: bool = True
    is_selected_by_unit: bool = False  # another unit is another quantity, and the part is not there
    within: str = ""  # the object in the body that holds the fields
    covers_period: bool = False  # a plain number that is stated for a period
    plain: str | None = field(init=False)  # the one field of a plain number

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", next((name for name, key in self.measures.items() if not key), None))


@dataclass(frozen=True, slots=True)
class Body:
    """A schema. ``plain_until``: the last major version whose value is a number without a unit."""

    parts: tuple[Part, ...]
    majors: range
    has_draft: bool = False  # version 0 of IEEE
    plain_until: int = 0
    context_numbers: Mapping[str, str] = field(default_factory=dict)  # a unit-value field -> context field


_MASS = ("fg", "pg", "ng", "ug", "mg", "g", "kg", "Metric Ton", "gr", "oz", "lb", "Ton")
_LENGTH = ("fm", "pm", "nm", "um", "mm", "cm", "m", "km", "in", "ft", "yd", "mi")
_DURATION = ("ps", "ns", "us", "ms", "sec", "min", "h", "d", "wk", "Mo", "yr")
_PRESSURES = {"systolic_blood_pressure": "systolic", "diastolic_blood_pressure": "diastolic"}


def _one(metric: str, name: str, units: tuple[str, ...]) -> tuple[Part, ...]:
    return (Part(metric, {name: ""}, units),)


def _part(metric: str, name: str, units: tuple[str, ...], within: str = "") -> Part:
    return Part(metric, {name: ""}, units, is_required=False, within=within)


_SLEEP_PARTS = (
    _part("sleep-duration", "total_sleep_time", _DURATION),
    _part("light-sleep", "light_sleep_duration", _DURATION),
    _part("deep-sleep", "deep_sleep_duration", _DURATION),
    _part("rem-sleep", "rem_sleep_duration", _DURATION),
    _part("awake-time", "wake_after_sleep_onset", _DURATION),
)
_STEPS = Part("steps", {"base_movement_quantity": ""}, ("steps",), is_required=False, is_selected_by_unit=True)

BODIES = {
    "ambient-sound": Body(_one("noise-exposure", "ambient_sound", ("dB", "dBA")), range(1, 2)),
    "ambient-temperature": Body(_one("ambient-temperature", "ambient_temperature", ("K", "F", "C")), range(1, 2)),
    "apnea-hypopnea-index": Body(
        (Part("ahi", {"apnea_hypopnea_index": ""}, ("events/h",), covers_period=True),), range(1, 2)
    ),
    "blood-glucose": Body(_one("glucose-capillary", "blood_glucose", ("mg/dL", "mmol/L")), range(1, 5)),
    "blood-pressure": Body((Part("blood-pressure", _PRESSURES, ("mmHg",)),), range(1, 5)),
    "body-fat-percentage": Body(_one("body-fat-pct", "body_fat_percentage", ("%",)), range(1, 3)),
    "body-height": Body(_one("height", "body_height", _LENGTH), range(1, 3), has_draft=True),
    "body-mass-index": Body(_one("bmi", "body_mass_index", ("kg/m2", "kg/m^2")), range(1, 4), has_draft=True),
    "body-temperature": Body(_one("body-temperature", "body_temperature", ("K", "F", "C")), range(1, 5)),
    # The IEEE draft (0.x) adds what a scale knows besides; its percentages of muscle, water and bone have no metric.
    "body-weight": Body(
        (
            Part("weight", {"body_weight": ""}, _MASS),
            _part("body-fat-pct", "body_fat_percentage", ("%",)),
            _part("muscle-mass", "body_skeletal_muscle_mass_weight", _MASS),
            _part("body-water", "body_water_mass_weight", _MASS),
            _part("bone-mass", "body_bone_mass_weight", _MASS),
        ),
        range(1, 4),
        has_draft=True,
    ),
    "calories-burned": Body(_one("active-energy", "kcal_burned", ("kcal",)), range(1, 3)),
    "deep-sleep": Body(_one("deep-sleep", "deep_sleep_duration", _DURATION), range(1, 2)),
    "forced-expiratory-volume-1-second": Body(_one("fev1", "forced_expiratory_volume_1_second", ("L",)), range(1, 2)),
    "forced-vital-capacity": Body(_one("fvc", "forced_vital_capacity", ("L",)), range(1, 2)),
    "heart-rate": Body(_one("heart-rate", "heart_rate", ("beats/min",)), range(1, 3)),
    "light-sleep": Body(_one("light-sleep", "light_sleep_duration", _DURATION), range(1, 2)),
    "medication-adherence-percent": Body(
        _one("medication-adherence", "medication_adherence_percent", ("%",)), range(1, 3)
    ),
    "oxygen-saturation": Body(
        _one("spo2", "oxygen_saturation", ("%",)),
        range(1, 3),
        context_numbers={"supplemental_oxygen_flow_rate": "oxygen_flow_l_min"},
    ),
    "physical-activity": Body(
        (
            _part("exercise-minutes", "duration", _DURATION),
            _part("distance", "distance", _LENGTH),
            _part("active-energy", "kcal_burned", ("kcal",)),
            _STEPS,
        ),
        range(1, 2),
    ),
    "respiratory-rate": Body(_one("respiratory-rate", "respiratory_rate", ("breaths/min",)), range(1, 3)),
    "rr-interval": Body(_one("rr-interval", "rr_interval", ("ms",)), range(1, 2)),
    "single-medication-dose-taken": Body((Part("medication-taken", {}, ()),), range(1, 2)),
    "sleep-duration": Body(_one("sleep-duration", "sleep_duration", _DURATION), range(1, 3)),
    "sleep-episode": Body((Part("sleep-episode", {}, ()), *_SLEEP_PARTS), range(1, 2)),
    "sleep-stage-summary": Body(
        (
            Part("sleep-episode", {}, ()),
            *(_part(one.metric, next(iter(one.measures)), _DURATION, "sleep_stage_summary") for one in _SLEEP_PARTS),
        ),
        range(1, 2),
    ),
    "step-count": Body(_one("steps", "step_count", ("steps",)), range(1, 4), plain_until=2),
    "time-in-bed": Body(_one("time-in-bed", "time_in_bed", _DURATION), range(1, 2)),
    "total-sleep-time": Body(_one("sleep-duration", "total_sleep_time", _DURATION), range(1, 2)),
    "wake-after-sleep-onset": Body(_one("awake-time", "wake_after_sleep_onset", _DURATION), range(1, 2)),
}

# What a specimen of glucose measures; None: only when fasting, as laboratories do.
GLUCOSE_OF = {
    "capillary blood": "glucose-capillary",
    "whole blood": "glucose-capillary",
    "interstitial fluid": "glucose-interstitial",
    "plasma": None,
    "serum": None,
}
_POSTURES = ("sitting", "lying down", "standing", "semi-recumbent")

# A field that describes the circumstances -> our context field and the words that the schemas allow, all versions.
CONTEXT: dict[str, tuple[str, tuple[str, ...]]] = {
    "temporal_relationship_to_meal": (
        "meal",
        (
            *("fasting", "not fasting", "before meal", "after meal", "before breakfast", "after breakfast"),
            *("before lunch", "after lunch", "before dinner", "after dinner", "2 hours postprandial"),
            *("with meal", "with food", "not related to meals"),
        ),
    ),
    "temporal_relationship_to_sleep": ("sleep", ("before sleeping", "during sleep", "on waking")),
    "temporal_relationship_to_physical_activity": (
        "activity",
        ("at rest", "active", "before exercise", "after exercise", "during exercise"),
    ),
    "body_posture": ("posture", _POSTURES),
    "position_during_measurement": ("posture", _POSTURES[:3]),
    "measurement_location": (
        "site",
        (
            *("left ankle", "right ankle", "left hip", "right hip", "left thigh", "right thigh", "left thorax"),
            *("middle left thorax", "left upper arm", "right upper arm", "left wrist", "right wrist"),
            *("axillary", "finger", "forehead", "oral", "rectal", "temporal artery", "toe", "tympanic", "wrist"),
            "vagina",
        ),
    ),
    "blood_specimen_type": ("specimen", ("whole blood", "plasma", "serum")),
    "specimen_source": (
        "specimen",
        (*GLUCOSE_OF, "breath", "lacrimal fluid", "saliva", "sweat", "tears", "urine"),
    ),
    "measurement_quality": ("quality", ("acceptable", "usable")),
    "reported_activity_intensity": ("intensity", ("light", "moderate", "vigorous")),
}
# Free texts and truths of a body -> context field.
TEXTS = {"user_notes": "note", "activity_name": "activity"}
STATISTICS = (
    *("average", "count", "maximum", "median", "minimum", "standard deviation", "sum", "variance"),
    *("20th percentile", "80th percentile", "nth percentile", "lower quartile", "upper quartile"),
    *("quartile deviation", "1st quintile", "2nd quintile", "3rd quintile", "4th quintile"),
)
STAGES = {
    "REM_sleep": "rem",
    "Light_sleep": "light",
    "Deep_sleep": "deep",
    "Unknown_sleep": "sleeping",
    "Awake": "awake",
}


def major_of(version: str) -> int:
    """-1, which no schema has, where the version is no version."""
    head = version.partition(".")[0]
    return int(head) if head.isascii() and head.isdigit() and len(head) < 4 else -1
