"""The tables of a mapping file as they are written, and as they are used once they are checked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Literal

import msgspec

from phr.formats.building import ItemRefused, find_metric, find_unit
from phr.formats.local_time import find_zone
from phr.formats.mapping_expression import Expression, MappingInvalid, compiled
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.metrics import Vocabulary

MAX_FILE_BYTES = 64 * 1024
MAX_VALUES = 32
MAX_EXAMPLES = 32

_SLUG = re.compile(r"[a-z0-9-]{1,32}")
_MAPPED = (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS, ValueType.CODED, ValueType.EVENT)
Form = Literal["rfc3339", "epoch-s", "epoch-ms", "local", "local-epoch-s", "arrival"]


class TimeRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    form: Form
    at: str | None = None
    clock: str | None = None
    zone: str | None = None
    default_zone: str | None = None


class ValueRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    metric: str
    value: str | None = None
    components: dict[str, str] = {}
    unit: str | None = None
    unit_at: str | None = None
    units: dict[str, str] = {}
    scale: int | float = 1
    none: tuple[int | float | str, ...] = ()
    text: bool = False
    codes: dict[str, str] = {}
    when: str | None = None
    slot: str | None = None
    seq: str | None = None
    end: str | None = None
    length_s: str | None = None
    context: dict[str, str] = {}


class ExampleRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``expect``: readings as payload v1 writes them; ``rejected``: the codes of what is not taken, in order."""

    payload: str
    expect: tuple[dict[str, Any], ...] = ()
    rejected: tuple[str, ...] = ()
    device: str | None = None
    id: str | None = None


class FileRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    vendor: str
    name: str
    time: TimeRow
    values: tuple[ValueRow, ...]
    examples: tuple[ExampleRow, ...]
    readings: str | None = None
    device: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class TimeRule:
    form: Form
    at: Expression | None
    clock: Expression | None
    zone: Expression | None
    default_zone: tzinfo | None


@dataclass(frozen=True, slots=True)
class ValueRule:
    """``parts``: component -> its expression, "" for a plain number or code; ``scale`` None: as it is."""

    metric: Metric
    parts: dict[str, Expression]
    unit: str | None
    unit_at: Expression | None
    units: dict[str, str]
    scale: Decimal | None
    none: tuple[int | float | str, ...]
    is_text: bool
    codes: dict[str, str]
    when: Expression | None
    slot: Expression | None
    seq: Expression | None
    end: Expression | None
    length_s: Expression | None
    context: dict[str, Expression]


def read_file(text: str) -> FileRow:
    """The tables, of the right shape. Raises MappingInvalid naming the line, or the table and field."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
        raise MappingInvalid(f"a mapping has at most {MAX_FILE_BYTES} bytes")
    try:
        row = msgspec.convert(tomllib.loads(text), FileRow)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise MappingInvalid(str(error) or "nested too deep") from error
    for field in ("vendor", "name"):
        if not _SLUG.fullmatch(getattr(row, field)):
            raise MappingInvalid(f"{field}: 1 to 32 small letters, digits and hyphens", field)
    for field, most in (("values", MAX_VALUES), ("examples", MAX_EXAMPLES)):
        if not 0 < len(getattr(row, field)) <= most:
            raise MappingInvalid(f"{field}: 1 to {most} of them", field)
    return row


def time_rule(row: TimeRow) -> TimeRule:
    """Raises MappingInvalid."""
    if (row.at is None) != (row.form == "arrival"):
        raise MappingInvalid('time.at: where the time stands; only form = "arrival" has none', "time.at")
    if row.clock is not None and row.form != "local":
        raise MappingInvalid('time.clock: only form = "local" splits date and time', "time.clock")
    is_local = row.form.startswith("local")
    if is_local and row.zone is None and row.default_zone is None:
        raise MappingInvalid("time.zone: a local time needs a zone or a default_zone", "time.zone")
    zone = None
    if row.default_zone is not None:
        try:
            zone = find_zone(row.default_zone, "")
        except ItemRefused as refused:
            raise MappingInvalid(f"time.default_zone: {refused.detail}", "time.default_zone") from refused
    at, clock, zone_at = (_optional(getattr(row, field), f"time.{field}") for field in ("at", "clock", "zone"))
    return TimeRule(row.form, at, clock, zone_at, zone)


def value_rule(row: ValueRow, number: int, vocabulary: Vocabulary) -> ValueRule:
    """Raises MappingInvalid."""
    where = f"values[{number}]"
    try:
        metric = find_metric(vocabulary, row.metric)
    except ItemRefused as refused:
        raise MappingInvalid(f"{where}.metric: {refused.detail}", f"{where}.metric") from refused
    _check_parts(row, metric, where)
    _check_units(row, metric, where)
    if not 0 < row.scale < 1e9:
        raise MappingInvalid(f"{where}.scale: above 0", f"{where}.scale")
    written = row.components or ({"": row.value} if row.value is not None else {})
    fields = ("unit_at", "when", "slot", "seq", "end", "length_s")
    optional = {field: _optional(getattr(row, field), f"{where}.{field}") for field in fields}
    return ValueRule(
        metric=metric,
        parts={key: compiled(text, f"{where}.{key or 'value'}") for key, text in written.items()},
        unit=row.unit,
        units=row.units,
        scale=None if row.scale == 1 else Decimal(repr(row.scale)),
        none=row.none,
        is_text=row.text,
        codes=row.codes,
        context={key: compiled(text, f"{where}.context.{key}") for key, text in row.context.items()},
        **optional,
    )


def _optional(text: str | None, where: str) -> Expression | None:
    return None if text is None else compiled(text, where)


def _check_parts(row: ValueRow, metric: Metric, where: str) -> None:
    if metric.value_type not in _MAPPED:
        raise MappingInvalid(f"{where}.metric: {metric.key} has a shape that can't be mapped", f"{where}.metric")
    if metric.value_type is ValueType.COMPONENTS:
        known = {one.key for one in metric.components}
        missing = {one.key for one in metric.components if one.required} - row.components.keys()
        if row.value is not None or missing or not row.components.keys() <= known:
            names = ", ".join(one.key for one in metric.components)
            raise MappingInvalid(f"{where}.components: {metric.key} is made of {names}", f"{where}.components")
    elif row.components or (row.value is None and metric.value_type is not ValueType.EVENT):
        raise MappingInvalid(f"{where}.value: {metric.key} has one value", f"{where}.value")
    if metric.value_type is ValueType.INTERVAL and (row.end is None) == (row.length_s is None):
        raise MappingInvalid(f"{where}.end: {metric.key} covers a period; end or length_s", f"{where}.end")
    if unknown := set(row.codes.values()) - set(metric.codes):
        raise MappingInvalid(f"{where}.codes: {metric.key} has no {min(unknown)}", f"{where}.codes")


def _check_units(row: ValueRow, metric: Metric, where: str) -> None:
    if row.unit is not None and row.unit_at is not None:
        raise MappingInvalid(f"{where}.unit_at: either unit or unit_at", f"{where}.unit_at")
    names = [row.unit] if row.unit_at is None else list(row.units.values())
    for name in names:
        try:
            find_unit(metric, name)
        except ItemRefused as refused:
            raise MappingInvalid(f"{where}.unit: {refused.detail}", f"{where}.unit") from refused
