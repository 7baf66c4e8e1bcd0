"""Shapes of the stored documents about people; only the stores beside this file import them."""

from __future__ import annotations

from mongoengine import (
    BinaryField,
    BooleanField,
    DictField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentListField,
    ListField,
    LongField,
    StringField,
)

PERSON_ID = r"^[a-z2-7]{20}$"
GRANT_KINDS = (
    "support",
    "family-doctor",
    "relative",
    "guardian",
    "minors-guardian",
    "specialist",
    "proxy",
    "break-glass",
)
AWAITED = r"^(code|[a-z2-7]{20})$"
DATE = r"^\d{4}-\d{2}-\d{2}$"


class ZonePeriodDocument(EmbeddedDocument):
    meta = {"strict": True}  # noqa: RUF012 - mongoengine reads it from the class
    since_ms = LongField()
    zone = StringField(required=True, max_length=64)


class PersonDocument(Document):
    """As it is checked; what identifies goes sealed into the row."""

    meta = {"collection": "people", "auto_create_index": False, "strict": True}  # noqa: RUF012
    id = StringField(primary_key=True, regex=PERSON_ID)
    name = StringField(max_length=200)
    birth_on = StringField(regex=DATE)
    phone = StringField(max_length=16)
    identity_number = StringField(max_length=20)
    sex = StringField(choices=("female", "male", "other", "unknown"))
    zones = EmbeddedDocumentListField(ZonePeriodDocument, required=True)
    roles = ListField(StringField(max_length=32))
    organisation = StringField(max_length=200)
    is_demo = BooleanField(required=True)
    consent_withdrawn = BooleanField(required=True)
    died_on = StringField(regex=DATE)
    refused = ListField(StringField(max_length=64))
    unsettled_since_ms = LongField()
    seq = LongField(required=True)


class GrantDocument(Document):
    meta = {"collection": "grants", "auto_create_index": False, "strict": True}  # noqa: RUF012
    id = StringField(primary_key=True)
    person = StringField(required=True, regex=PERSON_ID)
    grantee = StringField(required=True, max_length=64)
    kind = StringField(
        required=True,
        choices=GRANT_KINDS,
    )
    categories = ListField(StringField(max_length=32), required=True)
    verbs = ListField(StringField(choices=("read", "write")), required=True)
    purpose = StringField(required=True, max_length=200)
    from_ms = LongField(required=True)
    until_ms = LongField()
    revoked_at_ms = LongField()
    awaits = StringField(regex=AWAITED)
    proposed_by = StringField(max_length=64)
    proposed_at_ms = LongField()
    accepted_by = StringField(max_length=64)
    accepted_at_ms = LongField()
    declined_at_ms = LongField()
    revoked_by = StringField(max_length=64)
    assisted = DictField()
    frozen = StringField(max_length=32)
    reminded_at_ms = LongField()
    asked_anew_ms = LongField()
    text = DictField()
    data_from_ms = LongField()
    data_until_ms = LongField()
    sealed = BinaryField()


class LoginDocument(Document):
    meta = {"collection": "logins", "auto_create_index": False, "strict": True}  # noqa: RUF012
    id = StringField(primary_key=True, regex=r"^[a-z0-9._-]{3,64}$")
    person = StringField(required=True, regex=PERSON_ID)
    password_hash = StringField(required=True)
