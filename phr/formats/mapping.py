"""A vendor's own JSON, described by the vendor in TOML instead of in a decoder.

    vendor = "acme"
    name = "scale"
    readings = "data.records[]"             # JMESPath on the payload: the items; left out: the payload is the one item
    device = "data.sn"                      # on the payload; also id, which the verdict gives back
    [time]                                  # JMESPath on an item from here on
    form = "local"                          # rfc3339 | epoch-s | epoch-ms | local | local-epoch-s | arrival
    at = "date"                             # local: the date, or date and time with a blank between them
    clock = "time"
    zone = "tz"                             # "8", "+0800", "Asia/Shanghai"
    default_zone = "Asia/Shanghai"          # where the item names none
    [[values]]
    metric = "weight"                       # or several components = { systolic = "sys", diastolic = "dia" }
    value = "w"
    unit = "kg"                             # or unit_at = "u" with units = { 1 = "kg", 2 = "{jin}" }
    scale = 0.01                            # times the number
    none = ["", 65535]                      # what is no value
    text = true                             # numbers are written as texts
    when = "type == 'weight'"               # taken where this comes out true
    slot = "user"                           # also seq, end or length_s, context = { meal = "m" }, codes = { a = "b" }
    [[examples]]                            # at least one; a mapping that fails its own is not taken
    payload = '{"data": {"sn": "s-1", "records": [...]}}'
    expect = [{metric = "weight", t = "2026-11-23T07:30:00+08:00", value = 61.5, unit = "kg"}]

`read` takes the file, `check` tries its examples, and `Mapping.decode` decodes as a format does. All are pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import MAX_TEXT, Item, ItemRefused, is_text
from phr.formats.json_text import read_json
from phr.formats.mapping_examples import Problem, problems_of
from phr.formats.mapping_expression import Expression, MappingInvalid, compiled
from phr.formats.mapping_item import names_of, read_item, read_time
from phr.formats.mapping_rules import ExampleRow, TimeRule, ValueRule, read_file, time_rule, value_rule
from phr.formats.pointers import take_named
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

__all__ = ["Mapping", "MappingInvalid", "Problem", "check", "read"]

MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Mapping:
    """``items_at``: pointer of the items in the payload; None where the expression is no plain path."""

    vendor: str
    name: str
    readings: Expression | None
    items_at: str | None
    device: Expression | None
    id: Expression | None
    time: TimeRule
    values: tuple[ValueRule, ...]
    examples: tuple[ExampleRow, ...]

    @property
    def format(self) -> str:
        """The name that a device is registered with."""
        return f"map:{self.vendor}/{self.name}"

    def decode(self, payload: bytes, vocabulary: Vocabulary) -> Decoded:  # noqa: ARG002 - called as a format is
        """The readings of every item, each judged by itself. Raises PayloadUnreadable."""
        said = read_json(payload)
        try:
            items = said if self.readings is None else self.readings(said)
            decoded = Decoded(payload_id=_name(self.id, said), device=_name(self.device, said))
        except ItemRefused as refused:
            raise PayloadUnreadable(refused.detail, refused.pointer) from refused
        if items is None:
            raise PayloadUnreadable("the payload has no items where the mapping says", self.items_at or "")
        if not isinstance(items, list):
            self._take(decoded, items, self.items_at or "")
            return decoded
        if len(items) > MAX_ITEMS:
            raise PayloadUnreadable(f"more than {MAX_ITEMS} items", self.items_at or "")
        for index, item in enumerate(items):
            self._take(decoded, item, "" if self.items_at is None else f"{self.items_at}/{index}")
        return decoded

    def _take(self, decoded: Decoded, said: Any, path: str) -> None:
        """An item's readings. Without its time, or with nothing in it, it is one rejection."""
        try:
            t_ms, offset_min = read_time(self.time, said)
            rules = [rule for rule in self.values if rule.when is None or rule.when(said) is True]
            blank = Item(path, self.values[0].metric, t_ms, offset_min=offset_min)
            found = [self._take_value(decoded, rule, said, blank) for rule in rules]
            if not any(found):
                raise ItemRefused("value-missing", "the item holds nothing that the mapping takes")
        except ItemRefused as refused:
            decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))

    def _take_value(self, decoded: Decoded, rule: ValueRule, said: Any, blank: Item) -> bool:
        """False where the item has no value for this rule."""
        try:
            item = read_item(rule, self.time, said, blank)
        except ItemRefused as refused:
            decoded.rejections.append(Rejection(blank.path + refused.pointer, refused.code, refused.detail))
            return True
        if item is None:
            return False
        take_named(decoded, item, lambda: names_of(rule, blank.path))
        return True


def read(text: str, vocabulary: Vocabulary) -> Mapping:
    """The mapping that a file describes. Raises MappingInvalid naming the line, or the table and field, at fault."""
    row = read_file(text)
    readings = None if row.readings is None else compiled(row.readings, "readings", may_iterate=True)
    return Mapping(
        vendor=row.vendor,
        name=row.name,
        readings=readings,
        items_at=_items_at(row.readings),
        device=None if row.device is None else compiled(row.device, "device"),
        id=None if row.id is None else compiled(row.id, "id"),
        time=time_rule(row.time),
        values=tuple(value_rule(one, number, vocabulary) for number, one in enumerate(row.values)),
        examples=row.examples,
    )


def check(mapping: Mapping, vocabulary: Vocabulary) -> list[Problem]:
    """The mapping's own examples that it does not read as they say; a mapping with one is not to be used."""
    return [
        problem
        for number, example in enumerate(mapping.examples)
        for problem in problems_of(example, number, lambda payload: mapping.decode(payload, vocabulary))
    ]


def _items_at(text: str | None) -> str | None:
    """The pointer of "a.b", "a.b[]" and "a.b[*]"; None for anything else."""
    plain = (text or "@").removesuffix("[]").removesuffix("[*]")
    if plain in ("", "@"):
        return ""
    found = compiled(plain, "readings", may_iterate=True)
    return found.pointer or None


def _name(expression: Expression | None, said: Any) -> str | None:
    """An id or a device; numbers are written as texts."""
    value = None if expression is None else expression(said)
    if type(value) is int and abs(value) < 2**63:
        value = str(value)
    if value is not None and not is_text(value, MAX_TEXT):
        raise ItemRefused(
            "name-invalid", f"a text of at most {MAX_TEXT} characters", expression.pointer if expression else ""
        )
    return value
