"""The words of Apple Health: its units, types, stages and metadata, and what they are called here.

Source: developer.apple.com/documentation/healthkit, of each constant the page that has its name.
"""

from __future__ import annotations

import re
from typing import Any

from phr.interchange.nights import IN_BED
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary

ROOT = "HealthData"
# HealthKit's own unit strings (HKUnit) -> a unit of the metrics, and the factor to it where they differ.
_UNITS = {
    "count/min": ("/min", 1),
    "count/s": ("Hz", 1),
    "degC": ("Cel", 1),
    "degF": ("[degF]", 1),
    "mL/min·kg": ("mL/kg/min", 1),
    "km/hr": ("km/h", 1),
    "mi/hr": ("km/h", 1.609344),
    "ft/s": ("m/s", 0.3048),
    "hr": ("h", 1),
    "ft": ("m", 0.3048),
    "yd": ("m", 0.9144),
}
_MMOL = re.compile(r"mmol<[0-9.]+>/L")
# The same HealthKit type stands for two metrics, or holds another thing than the metric that names it.
_NOT_BY_NAME = {
    "glucose-interstitial": "told by its source, below",
    "skin-temp-deviation": "Apple's is the absolute temperature of the wrist",
    "ahi": "Apple's is a count of disturbances",
}
GLUCOSE = "HKQuantityTypeIdentifierBloodGlucose"
SENSORS = re.compile(r"dexcom|libre|xdrip|sibionics|aidex|ottai|guardian|eversense|loop|trio|cgm", re.IGNORECASE)
SYSTOLIC, DIASTOLIC = (f"HKQuantityTypeIdentifierBloodPressure{which}" for which in ("Systolic", "Diastolic"))
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"
# HKCategoryValueSleepAnalysis, with its older name for what has no stage.
STAGES = {
    "InBed": IN_BED,
    "Asleep": "sleeping",
    "AsleepUnspecified": "sleeping",
    "Awake": "awake",
    "AsleepCore": "light",
    "AsleepDeep": "deep",
    "AsleepREM": "rem",
}
CONTEXTS: dict[tuple[str, str], tuple[str, Any]] = {
    ("HKWasUserEntered", "1"): ("user_entered", True),
    # HKHeartRateMotionContext: 1 sedentary, 2 active
    ("HKMetadataKeyHeartRateMotionContext", "1"): ("activity", "rest"),
    ("HKMetadataKeyHeartRateMotionContext", "2"): ("activity", "active"),
    # HKBloodGlucoseMealTime: 1 preprandial, 2 postprandial
    ("HKBloodGlucoseMealTime", "1"): ("meal", "before meal"),
    ("HKBloodGlucoseMealTime", "2"): ("meal", "after meal"),
    # HKInsulinDeliveryReason: 1 basal, 2 bolus
    ("HKInsulinDeliveryReason", "1"): ("purpose", "basal"),
    ("HKInsulinDeliveryReason", "2"): ("purpose", "bolus"),
}
DEVICE_PARTS = re.compile(r"(?:^|, )(name|model|hardware):([^,>]*(?:,\d+)?)")
NOT_KEPT = {
    "Workout": ("workout-not-kept", "its heart rate, energy and distance stand in the export as records of their own"),
    "ActivitySummary": ("day-total", "a vendor's total of a day is never added to its samples"),
    "ClinicalRecord": ("type-not-kept", "clinical records are taken from their FHIR files"),
    "Audiogram": ("type-not-kept", "no metric keeps an audiogram"),
    "VisionPrescription": ("type-not-kept", "no metric keeps a prescription of glasses"),
}
PATH = f"/{ROOT}/Record"


def by_healthkit() -> dict[str, Metric]:
    """The metric of each HealthKit type that stands for one alone."""
    metrics = vocabulary().metrics.values()
    return {one.healthkit: one for one in metrics if one.healthkit and one.is_reading and one.key not in _NOT_BY_NAME}


def unit_of(metric: Metric, unit: str | None) -> tuple[str, float]:
    """The metric's own name of a unit and the factor to it. HealthKit's percent is a fraction of one."""
    if unit == "%" and "1" in metric.unit_by_name:
        return "1", 1
    if unit is not None and _MMOL.fullmatch(unit):
        return "mmol/L", 1
    if unit in metric.unit_by_name:
        return unit, 1
    if unit == "count" and len(metric.units) == 1:
        return metric.units[0].code, 1
    return _UNITS.get(unit or "", (unit or "", 1))
