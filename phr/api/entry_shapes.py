"""Entries as JSON, in and out: the words that every kind has; a kind's own are its schema's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NotRequired, TypedDict

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

from phr.api.shapes import At, MomentField, PageQuery, WhenField
from phr.clock import rfc3339
from phr.timeline.content import Provenance, SensitiveField
from phr.timeline.entry import Author, Entry
from phr.timeline.history import Change
from phr.timeline.kinds import kinds
from phr.timeline.listing import Filter
from phr.vocabulary.sight import Sight, plain

SOURCE = r"hand|record|import(:[A-Za-z0-9_-]{1,64})?"


class EntryBody(Schema):
    class Meta:
        unknown = INCLUDE  # the kind's own words, which its schema checks

    id = fields.String(load_default=None, validate=validate.Regexp(r"[A-Za-z0-9_-]{1,64}\Z"))
    kind = fields.String(
        required=True,
        validate=validate.OneOf(sorted(one.name for one in kinds().values() if not one.is_written_by_record)),
    )
    effective_at = WhenField(required=True)
    effective_until = WhenField(allow_none=True)
    provenance = fields.Nested(Provenance)
    sensitive = SensitiveField()


class EntryPatch(Schema):
    class Meta:
        unknown = INCLUDE

    kind = fields.String()
    effective_at = WhenField()
    effective_until = WhenField(allow_none=True)
    provenance = fields.Nested(Provenance)
    sensitive = SensitiveField()


class KindsField(fields.Field[frozenset[str]]):
    """Kinds with commas between, of those that the route knows."""

    openapi: ClassVar[dict[str, Any]] = {"type": "string"}

    def __init__(self, known: frozenset[str], **changes: Any) -> None:
        super().__init__(**changes)
        self.known = known

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> frozenset[str]:
        wanted = frozenset(str(value).split(","))
        if odd := sorted(wanted - self.known):
            raise ValidationError(f"{odd[0]!r} is no kind; there are {', '.join(sorted(self.known))}")
        return wanted


class FilterQuery(PageQuery):
    """``from``, ``to``, ``source``, ``text``, ``code`` and a page; what filters entries wherever they are listed."""

    start = MomentField(data_key="from", load_default=None)
    end = MomentField(data_key="to", load_default=None)
    source = fields.String(load_default=None, validate=validate.Regexp(rf"({SOURCE})\Z"))
    text = fields.String(load_default=None, validate=validate.Length(1, 200))
    code = fields.String(load_default=None, validate=validate.Regexp(r"[\x21-\x7e]{1,100}\Z"))


class EntriesQuery(FilterQuery):
    kinds = KindsField(frozenset(kinds()), load_default=None)


def filter_of(query: Mapping[str, Any], sight: Sight) -> Filter:
    """The entries that a query asks for and that may be seen."""
    start, end = query["start"], query["end"]
    return Filter(
        from_ms=start and start.t_ms,
        to_ms=end and end.t_ms,
        kinds=query["kinds"],
        sight=sight,
        source=query["source"],
        text=query["text"],
        code=query["code"],
    )


class SourceTold(TypedDict):
    """``act``: the operator who wrote in the person's name."""

    kind: str
    id: NotRequired[str]
    by: str
    client: str
    act: NotRequired[str]


class EntryTold(TypedDict):
    """And what an entry of its kind says, as it was sent."""

    id: str
    kind: str
    effective_at: str
    effective_until: NotRequired[str]
    categories: list[str]
    hidden: NotRequired[bool]
    sensitive: NotRequired[list[str]]
    provenance: dict[str, Any]
    version: int
    source: SourceTold
    created_at: At
    changed_at: At


class ChangeTold(TypedDict):
    """Who, when, from where, before and after; what is deleted has no after."""

    version: int
    action: str
    at: At
    source: SourceTold
    before: EntryTold | None
    after: EntryTold | None


def entry_json(entry: Entry) -> EntryTold:
    """An entry as the API shows it, in lists and in the timeline too."""
    told: EntryTold = {
        "id": entry.id,
        "kind": entry.kind,
        **entry.content,  # type: ignore[typeddict-item] # its kind's own words, checked when it was written
        "effective_at": str(entry.effective.begin),
        "categories": list(plain(entry.categories)),
        "provenance": dict(entry.provenance),
        "version": entry.version,
        "source": source_json(entry.source, entry.author),
        "created_at": rfc3339(entry.created_at_ms),
        "changed_at": rfc3339(entry.changed_at_ms),
    }
    if entry.effective.end:
        told["effective_until"] = str(entry.effective.end)
    if entry.is_hidden:
        told["hidden"] = True
    if entry.sensitive:
        told["sensitive"] = list(entry.sensitive)
    return told


def source_json(source: str, author: Author) -> SourceTold:
    kind, _, name = source.partition(":")
    told: SourceTold = {"kind": kind, "by": author.subject, "client": author.client_id}
    if name:
        told["id"] = name
    return told


def change_json(change: Change) -> ChangeTold:
    after = change.after
    source = source_json(after.source, after.author)
    if after.author.act:
        source["act"] = after.author.act
    return {
        "version": after.version,
        "action": change.action,
        "at": rfc3339(after.changed_at_ms),
        "source": source,
        "before": _version_json(change.before),
        "after": _version_json(after),
    }


def _version_json(entry: Entry | None) -> EntryTold | None:
    return None if entry is None or entry.is_deleted else entry_json(entry)
