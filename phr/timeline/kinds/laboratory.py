"""A laboratory report: its items with the ranges that the laboratory printed."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import LONGEST_TEXT, choice, codes, entry_id, printed, results
from phr.timeline.filed import file, words
from phr.timeline.kind import Kind


class Laboratory(Schema):
    text = printed()
    codes = codes("loinc", "snomed")
    specimen = printed(required=False, longest=100)
    items = results()
    conclusion = printed(required=False, longest=LONGEST_TEXT)
    status = choice("preliminary", "final", "amended", "cancelled")
    document = entry_id()
    file = file()
    words = words()


KIND = Kind(name="laboratory", category="results", zh="检验报告", en="Laboratory report", schema=Laboratory)
