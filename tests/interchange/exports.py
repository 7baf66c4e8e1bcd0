"""Apple Health exports, written by hand; valid by default."""

from __future__ import annotations

import io
import zipfile
from typing import Any

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation)*)>
<!ATTLIST HealthData locale CDATA #REQUIRED>
<!ATTLIST Record malformed as some of Apple's are>
]>
"""
WATCH = "&lt;&lt;HKDevice: 0x{0:x}&gt;, name:Apple Watch, model:Watch, hardware:Watch6,2, software:9.1&gt;"
BEAT = "HKQuantityTypeIdentifierHeartRate"
STEPS = "HKQuantityTypeIdentifierStepCount"
SYSTOLIC = "HKQuantityTypeIdentifierBloodPressureSystolic"
DIASTOLIC = "HKQuantityTypeIdentifierBloodPressureDiastolic"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"


def record(kind: str, value: Any, start: str = "07:30:00", end: str | None = None, **changes: Any) -> str:
    """A Record of 23 November 2026 at +0800; ``metadata`` are its children."""
    metadata = changes.pop("metadata", {})
    attributes = {"type": kind, "sourceName": "Mei’s Watch", "device": WATCH.format(7)}
    attributes |= {"startDate": f"2026-11-23 {start} +0800", "endDate": f"2026-11-23 {end or start} +0800"}
    attributes |= {"value": value, "unit": "count/min" if kind == BEAT else "count"} | changes
    text = " ".join(f'{name}="{said}"' for name, said in attributes.items())
    children = "".join(f'<MetadataEntry key="{key}" value="{said}"/>' for key, said in metadata.items())
    return f"<Record {text}>{children}</Record>"


def pressure(systolic: float, diastolic: float, start: str = "07:30:00") -> list[str]:
    """The two Records of a blood pressure."""
    return [record(SYSTOLIC, systolic, start, unit="mmHg"), record(DIASTOLIC, diastolic, start, unit="mmHg")]


def export(*elements: str, head: str = HEAD, tail: str = "</HealthData>") -> bytes:
    return (head + '<HealthData locale="zh_CN">\n' + "\n".join(elements) + tail).encode()


def beats(count: int, first_value: int = 60) -> list[str]:
    """Heart rates ten seconds apart."""
    return [
        record(BEAT, first_value + n % 60, f"{n // 360:02d}:{n // 6 % 60:02d}:{n % 6 * 10:02d}") for n in range(count)
    ]


def zipped(name: str, content: bytes, **others: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, inside in {**others, name: content}.items():
            archive.writestr(one, inside)
    return target.getvalue()
