"""Reads the text of one document in a process of its own, and nothing else: started by ``phr.timeline.extraction``.

The document is standard input, its type the only argument. Standard output is one JSON object: {"text", "pages",
"notes"} or {"fault": code}. It imports nothing of the record, gets no environment, and opens no file or connection.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

LONGEST_TEXT = 100_000
MOST_PAGES = 2_000
MEMORY_BYTES = 768 * 1024 * 1024  # of address space; the libraries alone take a third
CPU_S = 10
OUTPUT_BYTES = 1024 * 1024
UNPACKED_BYTES = 100 * 1024 * 1024
MOST_PARTS = 2_000
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
SCRIPTS = ("/JavaScript", "/JS", "/Launch", "/RichMedia")


class Fault(Exception):
    """Why the document is refused; its code is the argument."""


def main(media_type: str) -> int:
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    content = sys.stdin.buffer.read()
    try:
        found = _pdf(content) if media_type == PDF else _docx(content)
    except Fault as fault:
        found = {"fault": str(fault)}
    except MemoryError:
        found = {"text": "", "pages": None, "notes": ["text-not-read"]}
    except Exception:
        found = {"fault": "damaged"}
    json.dump(found, sys.stdout)
    return 0


def _pdf(content: bytes) -> dict[str, Any]:
    from pypdf import PdfReader  # noqa: PLC0415 - under the limits, and only what this document needs

    if b"%%EOF" not in content[-2048:]:
        raise Fault("cut-off")
    reader = PdfReader(io.BytesIO(content))
    notes = ["script"] if any(name.encode() in content for name in SCRIPTS) else []
    if reader.is_encrypted and not reader.decrypt(""):
        return {"text": "", "pages": None, "notes": [*notes, "password"]}
    pages = len(reader.pages)
    if not pages:
        raise Fault("damaged")
    text = _joined(page.extract_text() for page, _ in zip(reader.pages, range(MOST_PAGES), strict=False))
    return {"text": text, "pages": pages, "notes": notes if text else [*notes, "no-text"]}


def _docx(content: bytes) -> dict[str, Any]:
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except zipfile.BadZipFile as error:
        raise Fault("cut-off") from error
    if sum(part.file_size for part in parts) > UNPACKED_BYTES or len(parts) > MOST_PARTS:
        raise Fault("unpacks-too-large")
    names = {part.filename for part in parts}
    if "word/document.xml" not in names:
        raise Fault("not-word")
    import docx  # noqa: PLC0415

    document = docx.Document(io.BytesIO(content))
    notes = ["script"] if any(name.endswith("vbaProject.bin") for name in names) else []
    text = _joined(_lines(document))
    return {"text": text, "pages": None, "notes": notes if text else [*notes, "no-text"]}


def _lines(document: Any) -> Iterator[str]:
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            for row in block.rows:
                yield "\t".join(cell.text for cell in row.cells)
        else:
            yield block.text


def _joined(lines: Iterator[str]) -> str:
    kept, length = [], 0
    for line in lines:
        text = line.replace("\0", "").strip()
        if text:
            kept.append(text)
            length += len(text) + 1
        if length >= LONGEST_TEXT:
            break
    whole = "\n".join(kept)[:LONGEST_TEXT]
    return whole.encode("utf-8", "ignore").decode()  # a broken font gives halves of characters


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
