"""Scores and formulas of one person's values: body mass index, kidney function, cardiovascular risk. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import Literal

from phr.care.files import cited
from phr.care.source import Evidence, Source

Sex = Literal["female", "male"]
ADULT = 18
MG_DL = 0.0259  # mmol/L of cholesterol in a mg/dL, as the authors of China-PAR take it
UMOL_L = 88.4  # creatinine in a mg/dL
CHINA_PAR_AGES = range(35, 75)


@dataclass(frozen=True, slots=True)
class Score:
    """``value`` and ``category`` are None where something is ``missing`` or the score is not for the person."""

    name: str
    zh: str
    en: str
    unit: str
    value: float | None
    category: str | None
    missing: tuple[str, ...]  # what is not known of the person, or has never been measured
    is_enough: bool  # to judge by
    notes: tuple[str, ...]
    meant_for: str
    sources: tuple[Source, ...]
    reviewed_by: str | None = None  # until a clinician signs


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What China-PAR asks: mmHg, mmol/L, cm; None is not known."""

    age: int | None
    sex: Sex | None
    systolic: float | None
    is_treated: bool  # for high blood pressure
    total_cholesterol: float | None
    hdl_cholesterol: float | None
    waist: float | None
    smokes: bool
    has_diabetes: bool
    is_north: bool  # of the Yangtze
    is_urban: bool
    has_family_history: bool


def bmi(weight_kg: float | None, height_cm: float | None, age: int | None) -> Score:
    """kg/m²; judged by the Chinese limits for adults, not by those of the WHO."""
    missing = _missing(weight=weight_kg, height=height_cm, birth_date=age)
    value = weight_kg / (height_cm / 100) ** 2 if weight_kg and height_cm else None
    is_judged = value is not None and age is not None and age >= ADULT
    names = ((18.5, "low"), (24.0, "normal"), (28.0, "overweight"), (None, "obese"))
    notes = ("the limits are for adults",) if age is not None and age < ADULT else ()
    if age is not None and age >= 80:
        notes = ("from 80 years on 22.0 to 26.9 is suitable",)
    return Score(
        "bmi",
        "体质指数",
        "Body mass index",
        "kg/m2",
        None if value is None else round(value, 2),
        _named(value, names) if is_judged and value is not None else None,
        missing,
        is_judged,
        notes,
        "adults who are not pregnant",
        (
            cited("WST-428", "below 18.5 low, from 24.0 overweight, from 28.0 obese", "by the text of WEIGHT-2024"),
            cited("WEIGHT-2024", "from 80 years on 22.0 to 26.9", "by an excerpt"),
        ),
    )


def egfr(creatinine_umol_l: float | None, age: int | None, sex: Sex | None) -> Score:
    """mL/min/1.73 m² by CKD-EPI 2021, and the stage that it would be if it lasted."""
    missing = _missing(creatinine=creatinine_umol_l, birth_date=age, sex=sex)
    value = None
    if creatinine_umol_l is not None and age is not None and sex is not None and age >= ADULT:
        kappa, alpha, factor = (0.7, -0.241, 1.012) if sex == "female" else (0.9, -0.302, 1.0)
        ratio = creatinine_umol_l / UMOL_L / kappa
        value = float(142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.200 * 0.9938**age * factor)
    stages = ((15, "G5"), (30, "G4"), (45, "G3b"), (60, "G3a"), (90, "G2"), (None, "G1"))
    return Score(
        "egfr",
        "估算肾小球滤过率",
        "eGFR CKD-EPI 2021",
        "mL/min/{1.73_m2}",
        None if value is None else round(value, 1),
        None if value is None else _named(value, stages),
        missing,
        value is not None,
        ("one creatinine value says nothing of how long it has been so",) if value is not None else (),
        "adults from 18 years on",
        (
            cited("CKD-EPI-2021", "the equation", "by programs that compute it, with test values"),
            cited("KDIGO", "stages G1 to G5; the equation is for adults", "no document was read", Evidence.UNVERIFIED),
        ),
    )


def china_par(risk: Risk) -> Score:
    """The chance in percent of a heart attack or stroke within ten years.

    Source: Yang X et al., Circulation 2016;134:1430, table 2, men's coefficients at derived precision.
    """
    missing = _missing(
        birth_date=risk.age,
        sex=risk.sex,
        blood_pressure=risk.systolic,
        total_cholesterol=risk.total_cholesterol,
        hdl_c=risk.hdl_cholesterol,
        waist=risk.waist,
    )
    is_for = risk.age in CHINA_PAR_AGES
    value = None if missing or not is_for else _china_par_percent(risk)
    return Score(
        "china-par",
        "十年动脉粥样硬化性心血管病风险",
        "Ten-year cardiovascular risk, China-PAR",
        "%",
        None if value is None else round(value, 2),
        None if value is None else _named(value, ((5, "low"), (10, "moderate"), (None, "high"))),
        missing,
        value is not None,
        () if is_for or risk.age is None else ("the score is for people of 35 to 74 years",),
        "people of 35 to 74 years",
        (
            cited(
                "CHINA-PAR",
                "coefficients and baseline survival: table 2",
                "by a copy; men's coefficients at derived precision",
            ),
            cited("CVD-RISK-2019", "below 5 % low, from 10 % high", "by a copy"),
        ),
    )


def _china_par_percent(risk: Risk) -> float:
    assert risk.age is not None
    assert risk.systolic is not None
    assert risk.total_cholesterol is not None
    assert risk.hdl_cholesterol is not None
    assert risk.waist is not None
    age, pressure, waist = log(risk.age), log(risk.systolic), log(risk.waist)
    total, hdl = log(risk.total_cholesterol / MG_DL), log(risk.hdl_cholesterol / MG_DL)
    if risk.sex == "male":
        of_pressure, of_both = (27.39, -6.02) if risk.is_treated else (26.14876, -5.73074)
        terms = 31.96604 * age + of_pressure * pressure + of_both * age * pressure
        terms += 0.62090 * total - 0.69373 * hdl - 0.71200 * waist + 0.36 * risk.has_diabetes
        terms += (3.96 - 0.94 * age) * risk.smokes + (6.22 - 1.53 * age) * risk.has_family_history
        terms += 0.48 * risk.is_north - 0.16 * risk.is_urban
        mean, survival = 140.68, 0.9707
    else:
        of_pressure, of_both = (20.71, -4.53) if risk.is_treated else (19.98, -4.36)
        terms = 24.87 * age + of_pressure * pressure + of_both * age * pressure
        terms += 0.06 * total - 0.22 * hdl + 1.48 * waist
        terms += 0.49 * risk.smokes + 0.57 * risk.has_diabetes + 0.54 * risk.is_north
        mean, survival = 117.26, 0.9851
    return float(100 * (1 - survival ** exp(terms - mean)))


def _missing(**known: float | str | None) -> tuple[str, ...]:
    return tuple(name.replace("_", "-") for name, value in known.items() if value is None)


def _named(value: float, names: tuple[tuple[float | None, str], ...]) -> str:
    """The name of the first limit that the value is below."""
    return next(name for limit, name in names if limit is None or value < limit)
