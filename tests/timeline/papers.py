"""Documents as tests send them, made here: good ones and hostile ones."""

from __future__ import annotations

import io
import zipfile

import docx
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(20)
CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def a_pdf(text: str = "hypertension", *, script: str | None = None, password: str | None = None) -> bytes:
    """One page with a line of Latin text."""
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    drawn = DecodedStreamObject()
    drawn.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(drawn)
    if script is not None:
        action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject(script)}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    if password is not None:
        writer.encrypt(password, algorithm="AES-256")
    return _written(writer.write)


def a_docx(*lines: str) -> bytes:
    """The lines, the last one in a table."""
    document = docx.Document()
    for line in lines[:-1]:
        document.add_paragraph(line)
    document.add_table(rows=1, cols=1).cell(0, 0).text = lines[-1]
    return _written(document.save)


def a_zip(**parts: bytes) -> bytes:
    """Parts by name, "__" for "/" and "___" for "."; compressed."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        for name, content in parts.items():
            archive.writestr(name.replace("___", ".").replace("__", "/"), content)
    return into.getvalue()


def a_zip_bomb() -> bytes:
    """A small Word document that says it unpacks to a gigabyte."""
    into = io.BytesIO(a_zip(word__document___xml=bytes(1000)))
    with zipfile.ZipFile(into, "a") as archive:
        archive.writestr("last", b"")  # so that the directory is written again
        archive.getinfo("word/document.xml").file_size = 2**30
    return into.getvalue()


def an_entity_bomb() -> bytes:
    """A Word document whose text would be 10^10 characters."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 11))
    text = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "lol">{entities}]><d>&e10;</d>'
    return a_zip(word__document___xml=text.encode())


def _written(write: object) -> bytes:
    into = io.BytesIO()
    write(into)  # type: ignore[operator]
    return into.getvalue()
