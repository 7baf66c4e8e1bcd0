"""A symptom from the short list of a programme (symptoms.toml), or in words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from phr.timeline.coding import choice, codes, printed, whole
from phr.timeline.kind import Content, Kind

FILE = Path(__file__).with_name("symptoms.toml")


@cache
def programmes() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """{programme: {symptom: {"zh", "en"}}}."""
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: {one["code"]: one for one in table["symptoms"]} for name, table in tables.items()}


class Symptom(Schema):
    programme = choice(*sorted(programmes()))
    symptom = fields.String()
    text = printed(required=False)
    codes = codes("icd-10", "icd-10-cn", "snomed")
    is_present = fields.Boolean(truthy={True}, falsy={False}, load_default=True)
    severity = choice("mild", "moderate", "severe")
    strength = whole(0, 10)
    note = printed(required=False, longest=2_000)

    @validates_schema
    def _is_on_the_list(self, body: dict[str, Any], **kwargs: Any) -> None:  # noqa: ARG002
        if ("programme" in body) != ("symptom" in body):
            raise ValidationError("a programme and a symptom of its list go together", "symptom")
        if "symptom" not in body and "text" not in body:
            raise ValidationError("a symptom is on a programme's list or has words", "text")
        if "symptom" in body and body["symptom"] not in programmes()[body["programme"]]:
            listed = ", ".join(programmes()[body["programme"]])
            raise ValidationError(f"{body['programme']} lists {listed}", "symptom")


def _completed(content: Content) -> Content:
    """With the list's own words."""
    if "symptom" not in content:
        return content
    listed = programmes()[content["programme"]][content["symptom"]]
    return {**content, "label": f"{listed['zh']} {listed['en']}"}


KIND = Kind(name="symptom", category="symptoms", zh="症状", en="Symptom", schema=Symptom, completed=_completed)
