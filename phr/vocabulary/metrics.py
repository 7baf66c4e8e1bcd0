"""The metrics of this record: metrics.toml, checked and indexed."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from phr.errors import DataFileInvalid
from phr.vocabulary.metric import Bounds, Component, Density, Enough, Metric, Summary, Unit, ValueType

METRICS_FILE = Path(__file__).with_name("metrics.toml")
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WITH_UNIT = {ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS, ValueType.SAMPLED}
_WITH_BOUNDS = {ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENT, ValueType.SAMPLED}
_WITH_CODES = {ValueType.CODED, ValueType.EPISODE}
_LOINC_STATUSES = ("S", "S1", "G", "NONE")


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """All metrics by key; equal to itself only, so that what is worked out from one can be remembered."""

    metrics: dict[str, Metric]

    def get(self, key: str) -> Metric | None:
        return self.metrics.get(key)

    def nearest(self, key: str) -> str | None:
        """The known key that looks most like this one; None where nothing does."""
        # difflib is quadratic and the key comes from outside
        found = difflib.get_close_matches(key[:64], self.metrics, n=1)
        return found[0] if found else None


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that this project ships, read once a process."""
    return load()


def load(path: Path | None = None) -> Vocabulary:
    """The vocabulary of a file (none: the shipped one). Raises DataFileInvalid naming file, metric and field."""
    source = path or METRICS_FILE
    try:
        tables = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataFileInvalid(f"{source.name}: {error}") from error
    if set(tables) != {"metrics"} or not isinstance(tables["metrics"], dict):
        raise DataFileInvalid(f"{source.name}: holds tables named [metrics.KEY] and nothing else")
    try:
        rows = {key: _row(key, table) for key, table in tables["metrics"].items()}
        return Vocabulary({key: _metric(key, row, rows) for key, row in rows.items()})
    except DataFileInvalid as error:
        raise DataFileInvalid(f"{source.name}: {error.detail}") from error


class _UnitRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    code: str
    decimals: int
    aliases: tuple[str, ...] = ()
    factor: float | str = 1.0
    offset: float | str = 0.0


class _ComponentRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    key: str
    metric: str
    required: bool = True
    unit: str | None = None


class _EnoughRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    days: Annotated[int, msgspec.Meta(ge=1)]
    coverage: Annotated[float, msgspec.Meta(gt=0, le=1)]
    source: Annotated[str, msgspec.Meta(min_length=1)]


class _MetricRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One table of the file, as written."""

    zh: str
    en: str
    group: str
    value_type: ValueType
    loinc_status: str
    decimals: int
    stored_decimals: int
    density: Density
    summary: Summary
    merge_sources: bool
    loinc: str | None = None
    loinc_alt: str | None = None
    units: tuple[_UnitRow, ...] = ()
    bounds: tuple[float, float] | None = None
    published: tuple[float, float] | None = None
    components: tuple[_ComponentRow, ...] = ()
    codes: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    day_of: str = "start"
    use_instead: tuple[str, ...] = ()
    omh: str | None = None
    ieee1752: str | None = None
    healthkit: str | None = None
    health_connect: str | None = None
    gatt: str | None = None
    fhir_category: str | None = None
    notes: str = ""
    enough: _EnoughRow | None = None


def _row(key: str, table: Any) -> _MetricRow:
    if not _KEY.fullmatch(key):
        raise DataFileInvalid(f"metrics.{key}: a key is lower-case words joined by hyphens")
    try:
        return msgspec.convert(table, _MetricRow)
    except msgspec.ValidationError as error:
        raise DataFileInvalid(f"metrics.{key}: {error}") from error


def _metric(key: str, row: _MetricRow, rows: dict[str, _MetricRow]) -> Metric:
    units = tuple(_unit(key, number, unit) for number, unit in enumerate(row.units))
    _check(key, row, rows)
    _check_units(key, row, units)
    plain = {name: getattr(row, name) for name in _MetricRow.__struct_fields__}
    return Metric(
        **plain
        | {
            "key": key,
            "units": units,
            "enough": Enough(row.enough.days, row.enough.coverage, row.enough.source) if row.enough else None,
            "bounds": _bounds(key, "bounds", row.bounds),
            "published": _bounds(key, "published", row.published),
            "components": tuple(_component(key, component, rows) for component in row.components),
            "unit_by_name": _by_name(key, units),
        }
    )


def _unit(key: str, number: int, row: _UnitRow) -> Unit:
    where = f"metrics.{key}.units[{number}]"
    factor, offset = _number(f"{where}.factor", row.factor), _number(f"{where}.offset", row.offset)
    if not (math.isfinite(factor) and factor > 0):
        raise DataFileInvalid(f"{where}.factor: {row.factor} is not a positive number")
    if number == 0 and (factor, offset) != (1.0, 0.0):
        raise DataFileInvalid(f"{where}.factor: the first unit is the canonical one, factor 1 and offset 0")
    return Unit(row.code, row.aliases, factor, offset, row.decimals)


def _number(where: str, written: float | str) -> float:
    """A number, or a ratio of two decimals written "5/9"."""
    if not isinstance(written, str):
        return float(written)
    try:
        above, below = written.split("/")
        return float(Fraction(above) / Fraction(below))
    except (ValueError, ZeroDivisionError) as error:
        raise DataFileInvalid(f"{where}: {written!r} is not a ratio of two numbers") from error


def _check(key: str, row: _MetricRow, rows: dict[str, _MetricRow]) -> None:
    is_reading = row.value_type not in (ValueType.COMPONENT, ValueType.AGGREGATE, ValueType.DERIVED)
    checks = {
        "units": bool(row.units) or row.value_type not in _WITH_UNIT,
        "bounds": row.bounds is not None or row.value_type not in _WITH_BOUNDS,
        "components": bool(row.components) == (row.value_type is ValueType.COMPONENTS),
        "codes": bool(row.codes) or row.value_type not in _WITH_CODES,
        "use_instead": bool(row.use_instead) != is_reading and all(other in rows for other in row.use_instead),
        "loinc_status": row.loinc_status in _LOINC_STATUSES and (row.loinc is None) == (row.loinc_status == "NONE"),
        "day_of": row.day_of in ("start", "end"),
        "stored_decimals": 0 <= row.decimals <= row.stored_decimals,
    }
    for field, is_right in checks.items():
        if not is_right:
            raise DataFileInvalid(f"metrics.{key}.{field}: missing or not what a {row.value_type} metric has")


def _check_units(key: str, row: _MetricRow, units: tuple[Unit, ...]) -> None:
    step = 10.0**-row.stored_decimals
    for number, unit in enumerate(units):
        where = f"metrics.{key}.units[{number}].decimals"
        if unit.decimals < 0:
            raise DataFileInvalid(f"{where}: below 0")
        if step > unit.factor * 10.0**-unit.decimals * (1 + 1e-9):
            raise DataFileInvalid(f"{where}: stored_decimals = {row.stored_decimals} is too coarse for its step")


def _bounds(key: str, field: str, pair: tuple[float, float] | None) -> Bounds | None:
    if pair is None:
        return None
    if not (math.isfinite(pair[0]) and math.isfinite(pair[1]) and pair[0] < pair[1]):
        raise DataFileInvalid(f"metrics.{key}.{field}: the first number is not below the second")
    return Bounds(*pair)


def _component(key: str, row: _ComponentRow, rows: dict[str, _MetricRow]) -> Component:
    """A component has the bounds, and where it names one the unit, of the metric that it is."""
    where = f"metrics.{key}.components.{row.key}"
    target = rows.get(row.metric)
    if target is None or target.bounds is None:
        raise DataFileInvalid(f"{where}.metric: {row.metric} is not a metric with bounds")
    found = [_unit(row.metric, 0, unit) for unit in target.units[:1] if unit.code == row.unit]
    if row.unit is not None and not found:
        raise DataFileInvalid(f"{where}.unit: {row.unit} is not the canonical unit of {row.metric}")
    return Component(
        key=row.key,
        metric=row.metric,
        required=row.required,
        bounds=Bounds(*target.bounds),
        published=Bounds(*target.published) if target.published else None,
        unit=found[0] if found else None,
    )


def _by_name(key: str, units: tuple[Unit, ...]) -> dict[str, Unit]:
    names: dict[str, Unit] = {}
    for number, unit in enumerate(units):
        for name in (unit.code, *unit.aliases):
            if name in names:
                raise DataFileInvalid(f"metrics.{key}.units[{number}].aliases: {name!r} stands there twice")
            names[name] = unit
    return names
