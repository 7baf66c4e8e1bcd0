"""An Apple Health export as long as one likes: a watch and a phone, day after day, written as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

ZONE = timezone(timedelta(hours=8))
FIRST = datetime(2015, 1, 1, tzinfo=ZONE)
WATCH = (
    "&lt;&lt;HKDevice: 0x{place:x}&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, "
    "software:9.1&gt;"
)
PHONE = (
    "&lt;&lt;HKDevice: 0x{place:x}&gt;, name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone13,2, "
    "software:16.1&gt;"
)
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
]>
<HealthData locale="zh_CN">
 <ExportDate value="2026-11-20 07:27:26 +0800"/>
"""


def write(path: Path, records: int, first: datetime = FIRST) -> None:
    """Heart rates (most with their motion context), steps, energy and distances; type after type, as Apple writes."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        quarter = records // 4
        file.writelines(_beats(records - 3 * quarter, first))
        file.writelines(_periods("StepCount", "count", quarter, first, PHONE, "{0}"))
        file.writelines(_periods("ActiveEnergyBurned", "kcal", quarter, first, WATCH, "0.{0:03d}"))
        file.writelines(_periods("DistanceWalkingRunning", "km", quarter, first, PHONE, "0.0{0:05d}1"))
        file.write("</HealthData>\n")


def _beats(count: int, first: datetime) -> Iterator[str]:
    for n in range(count):
        at = _text(first + timedelta(seconds=300 * n + n % 60))
        device = WATCH.format(place=0x282A45810 + n % 7 * 16)
        yield (
            f' <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="小明的Apple Watch" sourceVersion="9.1" '
            f'device="{device}" unit="count/min" creationDate="{at}" startDate="{at}" endDate="{at}" '
            f'value="{55 + n * 7 % 80}">\n'
            f'  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="{n % 3}"/>\n </Record>\n'
        )


def _periods(kind: str, unit: str, count: int, first: datetime, device: str, value: str) -> Iterator[str]:  # noqa: PLR0913, PLR0917
    for n in range(count):
        begin = first + timedelta(seconds=300 * n)
        yield (
            f' <Record type="HKQuantityTypeIdentifier{kind}" sourceName="小明的手机" sourceVersion="16.1" '
            f'device="{device.format(place=0x282A45810)}" unit="{unit}" '
            f'creationDate="{_text(begin + timedelta(hours=1))}" startDate="{_text(begin)}" '
            f'endDate="{_text(begin + timedelta(seconds=240))}" value="{value.format(1 + n * 13 % 400)}"/>\n'
        )


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %z")
