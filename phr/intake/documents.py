"""Shapes of the stored vendors and devices; only the stores beside this file import them."""

from __future__ import annotations

from typing import Any

from mongoengine import (
    BooleanField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    EmbeddedDocumentListField,
    ListField,
    LongField,
    StringField,
    ValidationError,
)

from phr.errors import InputInvalid

VENDOR_SLUG = r"[a-z0-9-]{1,32}"
DEVICE_SLUG = r"[A-Za-z0-9._:-]{1,64}"


class LimitsDocument(EmbeddedDocument):
    meta = {"strict": True}  # noqa: RUF012
    messages_per_min = LongField(min_value=0)
    readings_per_min = LongField(min_value=0)


class VendorDocument(Document):
    meta = {"collection": "vendors", "auto_create_index": False, "strict": True}  # noqa: RUF012 - read from the class
    id = StringField(primary_key=True, regex=rf"^{VENDOR_SLUG}\Z")
    limits = EmbeddedDocumentField(LimitsDocument)
    created_at_ms = LongField(required=True)


class BindingDocument(EmbeddedDocument):
    meta = {"strict": True}  # noqa: RUF012
    slot = StringField(max_length=32)
    person = StringField(required=True)
    since_ms = LongField()
    until_ms = LongField()


class RemovalDocument(EmbeddedDocument):
    meta = {"strict": True}  # noqa: RUF012
    at_ms = LongField(required=True)
    by = StringField(required=True, min_length=1, max_length=64)
    why = StringField(required=True, min_length=1, max_length=200)


class ClockPeriodDocument(EmbeddedDocument):
    meta = {"strict": True}  # noqa: RUF012
    from_device_ms = LongField(required=True)
    offset_ms = LongField(required=True)
    learned_at_ms = LongField(required=True)
    removed = EmbeddedDocumentField(RemovalDocument)


class DeviceDocument(Document):
    meta = {"collection": "devices", "auto_create_index": False, "strict": True}  # noqa: RUF012
    id = StringField(primary_key=True, regex=rf"^{VENDOR_SLUG}/{DEVICE_SLUG}\Z")
    vendor = StringField(required=True)
    name = StringField(required=True)
    format = StringField(max_length=80)
    model = StringField(max_length=32)
    made_on = StringField(regex=r"^\d{4}-\d{2}-\d{2}$")
    bindings = EmbeddedDocumentListField(BindingDocument)
    is_suspended = BooleanField(required=True)
    limits = EmbeddedDocumentField(LimitsDocument)
    clock_periods = EmbeddedDocumentListField(ClockPeriodDocument)
    ahead_ms = ListField(LongField())
    retired_at_ms = LongField()
    claim_code_hash = StringField()
    created_at_ms = LongField(required=True)
    seq = LongField(required=True)


def checked(document: Document, sentence: str) -> dict[str, Any]:
    """What is stored of the document. Raises InputInvalid with the sentence and the fields at fault."""
    try:
        document.validate()
    except ValidationError as error:
        raise InputInvalid(f"{sentence} ({', '.join(error.errors or ())})") from error
    plain: dict[str, Any] = document.to_mongo().to_dict()
    return plain
