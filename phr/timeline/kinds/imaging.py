"""An imaging report with its file, or the document that it came in (modalities: DICOM PS3.3, C.7.3.1.1.1)."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import LONGEST_TEXT, choice, codes, entry_id, printed
from phr.timeline.filed import file, words
from phr.timeline.kind import Kind


class Imaging(Schema):
    text = printed()
    codes = codes("loinc", "snomed")
    modality = choice("CR", "DX", "CT", "MR", "US", "MG", "NM", "PT", "XA", "ES", "ECG", "OT")
    body_site = printed(required=False, longest=100)
    findings = printed(required=False, longest=LONGEST_TEXT)
    conclusion = printed(required=False, longest=LONGEST_TEXT)
    document = entry_id()
    file = file()
    words = words()


KIND = Kind(name="imaging", category="imaging", zh="影像检查", en="Imaging report", schema=Imaging)
