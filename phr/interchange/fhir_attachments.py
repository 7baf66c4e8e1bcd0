"""What attachments of FHIR resources hold within the file: words of plain text, and one file. No address is followed.

Source: hl7.org/fhir/R4 Attachment: ``data`` is base64, ``contentType`` a media type, ``title`` what people call it.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from phr.interchange.fhir_words import fields, listed
from phr.interchange.formats import Attached
from phr.timeline.filed import LONGEST_WORDS
from phr.timeline.files import LARGEST_BYTES

LARGEST_TEXT = 1_000_000
LONGEST_NAME = 255

Resource = dict[str, Any]


def forms_of(said: Resource) -> list[Resource]:
    """The attachments of a report (``presentedForm``) or of a document (``content``)."""
    found = [
        *listed(said.get("presentedForm")),
        *(fields(one).get("attachment") for one in listed(said.get("content"))),
    ]
    return [one for one in map(fields, found) if one]


def data_length(said: Resource) -> int:
    """How many characters of data a resource holds in memory."""
    return sum(len(one["data"]) for one in forms_of(said) if isinstance(one.get("data"), str))


def words_in(forms: list[Resource]) -> str:
    """The plain texts, one after the other."""
    return "\n".join(text for one in forms if (text := _plain_text(one)))[:LONGEST_WORDS]


def file_in(forms: list[Resource]) -> Attached | None:
    """The first that is a file of at most 10 MiB; an entry carries one."""
    return next(filter(None, map(_file, forms)), None)


def left_in(said: Resource) -> int:
    """How many attachments are neither a plain text that was taken nor the file."""
    forms = forms_of(said)
    texts = sum(_plain_text(one) is not None for one in forms)
    return len(forms) - texts - (file_in(forms) is not None)


def _plain_text(form: Resource) -> str | None:
    if not _is_text(form) or len(str(form.get("data"))) > LARGEST_TEXT:
        return None
    content = _decoded(form)
    try:
        return None if content is None else content.decode()
    except ValueError:
        return None


def _file(form: Resource) -> Attached | None:
    content = None if _is_text(form) or not form.get("data") else _decoded(form)
    if not content or len(content) > LARGEST_BYTES:
        return None
    title = form.get("title")
    return Attached(content, title[:LONGEST_NAME].strip() if isinstance(title, str) else "")


def _is_text(form: Resource) -> bool:
    return str(form.get("contentType") or "").startswith("text/plain")


def _decoded(form: Resource) -> bytes | None:
    """None for what stands elsewhere, is too large to be looked at, or is no base64."""
    data = form.get("data")
    if not isinstance(data, str) or len(data) > LARGEST_BYTES * 4 // 3 + 4:
        return None
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
