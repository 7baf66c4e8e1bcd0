"""What sort of file a document is, by its content, and the text in it, read by a process that can harm nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec

from phr.errors import PhrError, ServerUnavailable
from phr.timeline.extracting import DOCX, PDF

LIFE_S = 15.0
AT_ONCE = 2  # of one process: each may take the memory that its limits allow
PATIENCE_S = 30.0
PROGRAM = Path(__file__).with_name("extracting.py")
IMAGES = ("image/jpeg", "image/png", "image/webp", "image/heif", "image/heic", "image/tiff", "image/gif")
TYPES = (PDF, DOCX, *IMAGES)

_FAULTS = {
    "cut-off": "the file is cut off: its end is missing",
    "damaged": "the file is damaged and can't be opened",
    "unpacks-too-large": "the file unpacks to more than 100 MiB or 2,000 parts",
    "not-word": "a ZIP archive, not a Word document",
}
_turns = threading.BoundedSemaphore(AT_ONCE)


class TypeRefused(PhrError):
    """A file of a sort that is not kept."""

    code = "media-type-refused"
    status = 415


class DocumentUnreadable(PhrError):
    """A file of a sort that is kept, but damaged or made to do harm. Nothing of it is stored."""

    code = "document-unreadable"
    status = 400


@dataclass(frozen=True, slots=True)
class Extracted:
    """Notes: "script" (kept, never run), "password", "no-text" (a scan), "text-not-read" (too much work)."""

    media_type: str
    text: str = ""
    pages: int | None = None
    notes: tuple[str, ...] = ()


def extract(content: bytes) -> Extracted:
    """Type and text, in at most 15 s. Raises TypeRefused, DocumentUnreadable; ServerUnavailable when too many ask."""
    media_type = type_of(content)
    if media_type in IMAGES:
        return Extracted(media_type)
    if not _turns.acquire(timeout=PATIENCE_S):
        raise ServerUnavailable("too many documents are being read; send it again in a minute")
    try:
        said = _run(content, media_type)
    finally:
        _turns.release()
    if said is None:
        return Extracted(media_type, notes=("text-not-read",))
    if said.fault is not None:
        raise DocumentUnreadable(_FAULTS.get(said.fault, _FAULTS["damaged"]))
    return Extracted(media_type, said.text, said.pages, tuple(said.notes))


def type_of(content: bytes) -> str:
    """The media type by the first bytes, whatever its sender calls it. Raises TypeRefused."""
    import puremagic  # noqa: PLC0415 - with the first document

    try:
        found = puremagic.magic_string(content)[0].mime_type
    except (puremagic.PureError, ValueError, IndexError):
        found = ""
    if found not in TYPES:
        raise TypeRefused("a document is a PDF, a Word document (.docx) or an image (JPEG, PNG, WebP, HEIF, TIFF, GIF)")
    return str(found)


class _Said(msgspec.Struct):
    text: str = ""
    pages: int | None = None
    notes: list[str] = []
    fault: str | None = None


def _run(content: bytes, media_type: str) -> _Said | None:
    """What the process said; None where it was too slow, too large or died.

    Files in memory, not pipes: neither side waits for the other, the limit on files bounds the answer, and the document
    stands on no disk in the clear.
    """
    with os.fdopen(os.memfd_create("document"), "w+b") as given, os.fdopen(os.memfd_create("text"), "w+b") as told:
        given.write(content)
        given.seek(0)
        command = [sys.executable, "-I", "-B", str(PROGRAM), media_type]
        process = subprocess.Popen(  # noqa: S603 - our own program, on no shell
            command, stdin=given, stdout=told, stderr=subprocess.DEVNULL, env={}, cwd="/", start_new_session=True
        )
        try:
            code = process.wait(LIFE_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        if code != 0:
            return None
        told.seek(0)
        try:
            return msgspec.json.decode(told.read(), type=_Said)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
