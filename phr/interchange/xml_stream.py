"""XML of strangers as a stream of elements: no entities, nothing from elsewhere, no growth of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO
from xml.parsers import expat

from phr.interchange.formats import FileBroken

CHUNK_BYTES = 256 * 1024
LONGEST_TOKEN_BYTES = 4 * 2**20
LONGEST_PROLOGUE_BYTES = 2**20
DEEPEST = 32

Start = Callable[[str, list[str]], None]


def feed(stream: BinaryIO, start: Start) -> Iterator[None]:
    """Calls ``start(name, [attribute, value, …])`` for each element, and yields after each stretch of the file.

    The DOCTYPE is left out (some of Apple's releases wrote one that is no XML) and may declare no entities. Raises
    FileBroken with the line: not well-formed, cut off, entities, nested too deep, a tag that never ends.
    """
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True
    opened = 0
    ends: list[str] = []

    def begin(name: str, attributes: list[str]) -> None:
        nonlocal opened
        opened += 1
        start(name, attributes)

    def refuse(*_: Any) -> int:
        raise FileBroken(f"line {parser.CurrentLineNumber}: the file declares entities, which no export does")

    parser.StartElementHandler, parser.EndElementHandler = begin, ends.append  # a call in C for each end
    parser.EntityDeclHandler = parser.ExternalEntityRefHandler = parser.SkippedEntityHandler = refuse
    fed = 0
    chunk = _without_doctype(stream)
    while chunk:
        _parse(parser, chunk, is_last=False)
        fed += len(chunk)
        if fed - parser.CurrentByteIndex > LONGEST_TOKEN_BYTES:
            raise FileBroken(f"line {parser.CurrentLineNumber}: a tag longer than {LONGEST_TOKEN_BYTES} bytes")
        opened -= len(ends)
        ends.clear()
        if opened > DEEPEST:
            raise FileBroken(f"line {parser.CurrentLineNumber}: elements nested deeper than {DEEPEST}")
        yield
        chunk = stream.read(CHUNK_BYTES)
    _parse(parser, b"", is_last=True)
    yield


def _parse(parser: expat.XMLParserType, chunk: bytes, *, is_last: bool) -> None:
    try:
        parser.Parse(chunk, is_last)
    except expat.ExpatError as error:
        raise FileBroken(f"line {error.lineno}: {expat.ErrorString(error.code)}") from error


def _without_doctype(stream: BinaryIO) -> bytes:
    """The first chunk, its DOCTYPE replaced by the lines that it took."""
    head = stream.read(CHUNK_BYTES)
    begin = head.find(b"<!DOCTYPE")
    if begin < 0:
        return head
    while (stop := _end_of_doctype(head, begin)) is None:
        more = stream.read(CHUNK_BYTES)
        if not more or len(head) > LONGEST_PROLOGUE_BYTES:
            raise FileBroken("a DOCTYPE that does not end")
        head += more
    declared = head[begin:stop]
    if b"<!ENTITY" in declared:
        raise FileBroken("the file declares entities, which no export does")
    return head[:begin] + b"\n" * declared.count(b"\n") + head[stop:]


def _end_of_doctype(head: bytes, begin: int) -> int | None:
    subset, plain = head.find(b"[", begin), head.find(b">", begin)
    if plain < 0:
        return None
    if subset < 0 or plain < subset:
        return plain + 1
    stop = head.find(b"]>", subset)
    return None if stop < 0 else stop + 2
