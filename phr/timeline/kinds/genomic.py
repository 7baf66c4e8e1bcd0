"""A genomic report: variants as they were reported, with its file or the document that it came in."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import LONGEST_TEXT, choice, codes, entry_id, printed
from phr.timeline.filed import file, words
from phr.timeline.kind import Kind


class Variant(Schema):
    gene = printed(longest=40)
    variant = printed(longest=200)
    zygosity = choice("heterozygous", "homozygous", "hemizygous", "unknown")
    significance = choice("pathogenic", "likely-pathogenic", "uncertain", "likely-benign", "benign", "drug-response")


class Genomic(Schema):
    text = printed()
    codes = codes("loinc", "snomed")
    variants = fields.List(fields.Nested(Variant), validate=validate.Length(1, 500))
    conclusion = printed(required=False, longest=LONGEST_TEXT)
    document = entry_id()
    file = file()
    words = words()


KIND = Kind(name="genomic", category="genomic", zh="基因检测", en="Genomic report", schema=Genomic)
