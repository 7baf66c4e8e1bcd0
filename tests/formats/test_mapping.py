"""A vendor's mapping: what it reads, what it may say, and that its own examples are held against it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phr.errors import PayloadUnreadable
from phr.formats.mapping import MAX_ITEMS, Mapping, MappingInvalid, check, read
from phr.formats.mapping_expression import MAX_DEPTH, MAX_LENGTH
from phr.formats.mapping_rules import MAX_FILE_BYTES, MAX_VALUES
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import AT_ARRIVAL, DURATION, Decoded

AT_MS = 1_795_390_200_000
HEAD = """
vendor = "acme"
name = "scale"
readings = "data.records[]"
device = "data.sn"
id = "data.msg"
"""
LOCAL = """
[time]
form = "local"
at = "date"
clock = "time"
zone = "tz"
default_zone = "Asia/Shanghai"
"""
WEIGHT = """
[[values]]
metric = "weight"
value = "w"
unit_at = "u"
units = { 1 = "kg", 2 = "{jin}" }
scale = 0.01
none = ["", 65535]
text = true
slot = "user"
seq = "n"
"""
PRESSURE = """
[[values]]
metric = "blood-pressure"
components = { systolic = "bp.s", diastolic = "bp.d" }
unit = "mm[Hg]"
when = "type == 'bp'"
context = { posture = "pos" }
"""
STEPS = """
[[values]]
metric = "steps"
value = "st"
unit = "{steps}"
length_s = "secs"
"""
EXAMPLE = """
[[examples]]
payload = '''{"data": {"sn": "s-1", "msg": 7, "records": [
  {"date": "2026-11-23", "time": "07:30:00", "w": "6150", "u": 1}]}}'''
device = "s-1"
id = "7"
expect = [{ metric = "weight", t = "2026-11-23T07:30:00+08:00", value = 61.5, unit = "kg" }]
"""
FILE = HEAD + LOCAL + WEIGHT + PRESSURE + STEPS + EXAMPLE
ITEM = {"date": "2026-11-23", "time": "07:30:00", "w": "6150", "u": 1}


def test_a_mapping_reads_its_own_example() -> None:
    mapping = _read(FILE)
    assert (mapping.format, check(mapping, vocabulary())) == ("map:acme/scale", [])


def test_scaled_numbers_are_the_decimals_they_stand_for() -> None:
    run = _decode(FILE, ITEM | {"w": "6153", "user": 2, "n": 3}).runs[0]
    assert (run.values[""], run.extras, run.slot, run.seq) == ([61_530], {}, "2", [3])


@pytest.mark.parametrize(("code", "unit"), [(1, "kg"), ("2", "{jin}")])
def test_the_unit_is_looked_up(code: Any, unit: str) -> None:
    run = _decode(FILE, ITEM | {"u": code}).runs[0]
    assert run.unit is not None
    assert run.unit.code == unit


def test_several_values_of_one_item_are_several_readings() -> None:
    decoded = _decode(FILE, ITEM | {"type": "bp", "bp": {"s": 128, "d": 82}, "pos": "sitting", "st": 9, "secs": 60})
    assert [run.metric.key for run in decoded.runs] == ["weight", "blood-pressure", "steps"]
    assert decoded.runs[1].extras[0]["context"] == {"posture": "sitting"}
    assert decoded.runs[2].values[DURATION] == [60_000]


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"w": ""}, "", "value-missing"),
        ({"w": None}, "", "value-missing"),
        ({"w": "65535"}, "", "value-missing"),
        ({"w": 6150}, "/w", "value-invalid"),
        ({"w": "6150 g"}, "/w", "value-invalid"),
        ({"w": "615000"}, "/w", "value-out-of-bounds"),
        ({"u": None}, "/u", "unit-missing"),
        ({"u": 3}, "/u", "unit-unknown"),
        ({"user": [1]}, "/user", "slot-invalid"),
        ({"n": "3"}, "/n", "seq-invalid"),
        ({"date": None}, "/date", "time-missing"),
        ({"date": "23.11.2026"}, "/date", "time-invalid"),
        ({"time": None}, "/date", "time-missing"),
        ({"tz": "x"}, "/tz", "time-zone-unknown"),
        ({"w": "", "type": "bp", "bp": {"s": 128}}, "/bp/d", "component-missing"),
        ({"w": "", "st": 9}, "/secs", "end-missing"),
    ],
)
def test_a_broken_item_is_refused_where_it_is_broken(change: dict[str, Any], where: str, code: str) -> None:
    decoded = _decode(FILE, ITEM | change)
    found = [*decoded.rejections, *(one.rejection for one in decoded.quarantined)]
    assert [(one.path, one.code) for one in found] == [(f"/data/records/0{where}", code)]
    assert not decoded.runs


@pytest.mark.parametrize(
    ("time", "item", "t_ms", "offset_min"),
    [
        ('form = "rfc3339"\nat = "t"', "2026-11-23T07:30:00+08:00", AT_MS, 480),
        ('form = "rfc3339"\nat = "t"\ndefault_zone = "8"', "2026-11-22T23:30:00Z", AT_MS, 480),
        ('form = "epoch-s"\nat = "t"', AT_MS // 1000, AT_MS, None),
        ('form = "epoch-s"\nat = "t"\ndefault_zone = "+0800"', str(AT_MS // 1000), AT_MS, 480),
        ('form = "epoch-ms"\nat = "t"', AT_MS, AT_MS, None),
        ('form = "local"\nat = "t"\ndefault_zone = "8"', "2026-11-23 07:30", AT_MS, 480),
        ('form = "local-epoch-s"\nat = "t"\ndefault_zone = "Asia/Shanghai"', AT_MS // 1000 + 28_800, AT_MS, 480),
        ('form = "arrival"', None, AT_ARRIVAL, None),
    ],
)
def test_each_form_of_time_is_read(time: str, item: Any, t_ms: int, offset_min: int | None) -> None:
    run = _decode(f"{HEAD}[time]\n{time}\n{WEIGHT}{EXAMPLE}", {"t": item, "w": "6150", "u": 1}).runs[0]
    assert (run.t, run.offset_min) == ([t_ms], offset_min)


def test_a_local_time_whose_item_names_no_zone_is_refused() -> None:
    file = FILE.replace('default_zone = "Asia/Shanghai"', "")
    assert [one.code for one in _decode(file, ITEM).rejections] == ["time-zone-missing"]


def test_codes_are_translated() -> None:
    values = '[[values]]\nmetric = "smoking-status"\nvalue = "s"\ncodes = { 1 = "never" }\n'
    runs = _decode(HEAD + LOCAL + values + EXAMPLE, ITEM | {"s": 1}, ITEM | {"s": 2}).runs
    assert [run.extras[0]["value"] for run in runs] == [{"code": "never"}]


def test_the_end_of_a_period_is_written_as_its_time() -> None:
    values = '[[values]]\nmetric = "steps"\nvalue = "st"\nunit = "{steps}"\nend = "until"\n'
    item = {"date": "2026-11-23 07:00", "until": "2026-11-23 07:30", "st": 9}
    run = _decode(HEAD + LOCAL.replace('clock = "time"', "") + values + EXAMPLE, item).runs[0]
    assert run.values[DURATION] == [1_800_000]


@pytest.mark.parametrize(
    ("wrong", "right", "where"),
    [
        ('vendor = "acme"', 'vendor = "Acme"', "/vendor"),
        ('readings = "data.records[]"', 'readings = "data.records["', "/readings"),
        ('readings = "data.records[]"', 'readings = "[@,@][]"', "/readings"),
        ('readings = "data.records[]"', 'readings = "a[].b[].c[].d[].e"', "/readings"),
        ('value = "w"', f'value = "{"a" * (MAX_LENGTH + 1)}"', "/values/0/value"),
        ('value = "w"', 'value = "w[*]"', "/values/0/value"),
        ('value = "w"', 'value = "to_string(@)"', "/values/0/value"),
        ('value = "w"', "", "/values/0/value"),
        ('value = "w"', 'valeu = "w"', ""),
        ('metric = "weight"', 'metric = "wieght"', "/values/0/metric"),
        ('metric = "weight"', 'metric = "ecg-strip"', "/values/0/metric"),
        ('1 = "kg"', '1 = "stone"', "/values/0/unit"),
        ('unit_at = "u"', 'unit_at = "u"\nunit = "kg"', "/values/0/unit_at"),
        ("scale = 0.01", "scale = 0", "/values/0/scale"),
        ("scale = 0.01", "scale = inf", "/values/0/scale"),
        ('diastolic = "bp.d"', 'middle = "bp.d"', "/values/1/components"),
        ('length_s = "secs"', "", "/values/2/end"),
        ('at = "date"', "", "/time/at"),
        ('form = "local"', 'form = "sundial"', ""),
        ('form = "local"', 'form = "epoch-s"', "/time/clock"),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Nowhere"', "/time/default_zone"),
        ("[[examples]]", "[[examples]", ""),
        ("[[values]]", "[[others]]", ""),
    ],
)
def test_what_is_wrong_in_a_mapping_is_named(wrong: str, right: str, where: str) -> None:
    assert wrong in FILE
    with pytest.raises(MappingInvalid) as caught:
        _read(FILE.replace(wrong, right, 1))
    assert caught.value.pointer == where


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1])
def test_an_expression_in_brackets_is_read_or_refused(depth: int) -> None:
    deep = "!(" * depth + "a" + ")" * depth
    file = FILE.replace("when = \"type == 'bp'\"", f'when = "{deep}"')
    if depth <= MAX_DEPTH:
        assert _read(file)
    else:
        with pytest.raises(MappingInvalid):
            _read(file)


@pytest.mark.parametrize("count", [MAX_VALUES - 4, MAX_VALUES - 3, MAX_VALUES - 2])
def test_a_mapping_has_a_limited_number_of_values(count: int) -> None:
    text = HEAD + LOCAL + WEIGHT * count + PRESSURE + STEPS + WEIGHT + EXAMPLE
    if count + 3 <= MAX_VALUES:
        assert len(_read(text).values) == count + 3
    else:
        with pytest.raises(MappingInvalid):
            _read(text)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_file_has_a_limited_size(more: int) -> None:
    text = FILE + "#" * (MAX_FILE_BYTES + more - len(FILE.encode()))
    if more <= 0:
        assert _read(text)
    else:
        with pytest.raises(MappingInvalid):
            _read(text)


@pytest.mark.parametrize("text", ["", "[" * 50_000, "a = " + "[" * 50_000, "\0", "vendor = 1", "x" * MAX_FILE_BYTES])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(MappingInvalid):
        _read(text)


@pytest.mark.parametrize(
    ("wrong", "right", "expected", "found"),
    [
        ("value = 61.5", "value = 61.6", "61.6", "61.5"),
        ('unit = "kg" }]', 'unit = "g" }]', '"g"', '"kg"'),
        ("+08:00", "+09:00", "+09:00", "+08:00"),
        ('device = "s-1"', 'device = "s-2"', "s-2", "s-1"),
        ('id = "7"', 'id = "8"', "8", "7"),
        ('"w": "6150"', '"w": "x"', "61.5", "no reading"),
    ],
)
def test_an_example_that_is_not_read_as_it_says_is_shown(wrong: str, right: str, expected: str, found: str) -> None:
    assert wrong in FILE
    problem = check(_read(FILE.replace(wrong, right)), vocabulary())[0]
    assert problem.example == 0
    assert expected in problem.expected
    assert found in problem.found


def test_an_example_tells_what_is_rejected() -> None:
    example = EXAMPLE.replace('"6150"', '"x"').partition("expect")[0] + 'rejected = ["value-invalid"]\n'
    assert check(_read(HEAD + LOCAL + WEIGHT + example), vocabulary()) == []


def test_an_unreadable_example_is_a_problem() -> None:
    assert "unreadable" in check(_read(FILE.replace("payload = '''{", "payload = '''")), vocabulary())[0].found


@pytest.mark.parametrize("count", [MAX_ITEMS - 1, MAX_ITEMS, MAX_ITEMS + 1])
def test_a_payload_has_a_limited_number_of_items(count: int) -> None:
    payload = json.dumps({"data": {"records": [0] * count}}).encode()
    mapping = _read(FILE)
    if count <= MAX_ITEMS:
        assert len(mapping.decode(payload, vocabulary()).rejections) == count
    else:
        with pytest.raises(PayloadUnreadable):
            mapping.decode(payload, vocabulary())


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b'{"data": {"sn": [1], "records": []}}', b"\xff", b"[" * 100_000]
)
def test_a_payload_without_items_is_unreadable(payload: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        _read(FILE).decode(payload, vocabulary())


@given(start=st.integers(0, len(FILE)), length=st.integers(0, 40), text=st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_file_with_anything_in_any_place_is_read_or_refused(start: int, length: int, text: str) -> None:
    try:
        mapping = _read(FILE[:start] + text + FILE[start + length :])
    except MappingInvalid:
        return
    assert isinstance(check(mapping, vocabulary()), list)


def test_an_expression_that_fails_on_an_item_refuses_that_item() -> None:
    file = FILE.replace("when = \"type == 'bp'\"", "when = \"starts_with(type, 'b')\"")
    assert [one.code for one in _decode(file, ITEM).rejections] == ["mapping-failed"]


def _read(text: str) -> Mapping:
    return read(text, vocabulary())


def _decode(text: str, *items: Any) -> Decoded:
    payload = json.dumps({"data": {"sn": "s-1", "records": items}}).encode()
    return _read(text).decode(payload, vocabulary())
