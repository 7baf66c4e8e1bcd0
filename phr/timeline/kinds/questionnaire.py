"""A questionnaire and its score: PHQ-9 and GAD-7 (questionnaires.toml says how each is counted, with its source)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from phr.timeline.coding import choice, printed
from phr.timeline.kind import Content, Kind

FILE = Path(__file__).with_name("questionnaires.toml")


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    least: int


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``imputed``: how many unanswered items may count as the mean of the others; ``review_item``: from 1."""

    zh: str
    en: str
    source: str
    loinc: str  # of the total
    items: int
    greatest: int  # of an item; each begins at 0
    bands: tuple[Band, ...]
    imputed: int = 0
    positive_from: int | None = None
    review_item: int | None = None


@cache
def instruments() -> Mapping[str, Instrument]:
    return msgspec.toml.decode(FILE.read_bytes(), type=dict[str, Instrument])


def score(instrument: Instrument, answers: Sequence[int | None]) -> dict[str, Any]:
    """{"score", "severity", "is_positive", "needs_review"}; no score where too much is unanswered.

    An answer above 0 to the item that asks for it needs review whatever the total.
    """
    given = [answer for answer in answers if answer is not None]
    found: dict[str, Any] = {"score": None, "severity": None}
    if given and len(answers) - len(given) <= instrument.imputed:
        total = (2 * sum(given) * len(answers) + len(given)) // (2 * len(given))  # half a point rounds up
        found["score"] = total
        found["severity"] = next(band.name for band in reversed(instrument.bands) if total >= band.least)
        if instrument.positive_from is not None:
            found["is_positive"] = total >= instrument.positive_from
    if instrument.review_item is not None:
        found["needs_review"] = bool(answers[instrument.review_item - 1])
    return found


class Questionnaire(Schema):
    instrument = choice(*sorted(instruments()), required=True)
    answers = fields.List(fields.Integer(strict=True, allow_none=True), required=True, validate=validate.Length(1, 100))
    note = printed(required=False, longest=2_000)

    @validates_schema
    def _fits(self, body: dict[str, Any], **kwargs: Any) -> None:  # noqa: ARG002
        instrument = instruments()[body["instrument"]]
        if len(body["answers"]) != instrument.items:
            raise ValidationError(
                f"{instrument.en} has {instrument.items} items; null where one is unanswered", "answers"
            )
        for place, answer in enumerate(body["answers"]):
            if answer is not None and not 0 <= answer <= instrument.greatest:
                raise ValidationError({"answers": {place: [f"0 to {instrument.greatest}"]}})


def _completed(content: Content) -> Content:
    instrument = instruments()[content["instrument"]]
    label = {"text": f"{instrument.zh} {instrument.en}", "codes": [{"system": "loinc", "code": instrument.loinc}]}
    return {**content, **label, **score(instrument, content["answers"])}


KIND = Kind(
    name="questionnaire",
    category="mental",
    zh="量表",
    en="Questionnaire",
    schema=Questionnaire,
    completed=_completed,
)
