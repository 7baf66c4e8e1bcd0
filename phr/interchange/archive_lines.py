"""What stands in an archive of a whole record, file by file, beside the lines of readings and entries.

manifest.json             Manifest: what there is, with checksums
profile.json              Profile
entries.jsonl             phr.timeline.whole.Version, a line a version
documents/ENTRY/SHA256    the files that entries name
readings/METRIC.jsonl     phr.readings.telling.Line, a line a span of a device
informative/*.jsonl       phr.interchange.archive_context: for its reader; an import passes them over
informative/consents/GRANT/SHA256  papers of consents that staff took down; passed over as well
"""

from __future__ import annotations

import re

import msgspec

FORMAT, VERSION = "phr-archive", 1
MANIFEST, PROFILE, ENTRIES = "manifest.json", "profile.json", "entries.jsonl"
READINGS = re.compile(r"readings/([a-z0-9-]{1,64})\.jsonl", re.ASCII)
INFORMATIVE = re.compile(r"informative/(?:[a-z-]{1,64}\.jsonl|consents/[A-Za-z0-9_-]{1,64}/[0-9a-f]{64})", re.ASCII)
DOCUMENTS = re.compile(r"documents/([A-Za-z0-9_-]{1,64})/([0-9a-f]{64})", re.ASCII)


class Zone(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """An IANA zone that the person lived in from an instant on (absent: since ever)."""

    zone: str
    since: int | None = None


class Profile(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """``rankings``: by metric, the devices in the order in which they are believed."""

    zones: list[Zone]
    name: str | None = None
    birth_on: str | None = None
    sex: str | None = None
    phone: str | None = None
    identity_number: str | None = None
    rankings: dict[str, list[str]] = {}


class Member(msgspec.Struct, forbid_unknown_fields=True):
    """One file of the archive: its bytes unpacked, and what it counts (lines; of readings, readings)."""

    name: str
    bytes: int
    sha256: str
    count: int


class Scale(msgspec.Struct, forbid_unknown_fields=True):
    """Numbers of a metric are in ``unit`` times ``scale``."""

    unit: str
    scale: int


class Manifest(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    exported_at: str
    metrics: dict[str, Scale]
    files: list[Member]
