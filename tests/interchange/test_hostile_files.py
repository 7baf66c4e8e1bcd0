"""Every import format against files that are broken or made to do harm: refused with a word, nothing of them kept."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from phr.errors import InputInvalid
from phr.interchange import formats
from phr.interchange.formats import FileBroken, Wish, all_formats
from tests.interchange.conftest import Desk
from tests.interchange.exports import zipped

ZONE = ZoneInfo("Asia/Shanghai")
MAPPING = {"time": "t", "values": [{"metric": "weight", "column": "w", "unit": "kg"}]}
WERUN = {"session_key": "AAAAAAAAAAAAAAAAAAAAAA==", "app_id": "x"}
# What a format asks of the wish.
WISHES = {"csv": MAPPING, "werun": WERUN}
# The name under which an archive of the format holds what is read.
MEMBERS = {
    "apple-health": "apple_health_export/export.xml",
    "google-takeout": "Takeout/Fit/All Data/raw_x.json",
    "health-connect": "health_connect_export.db",
    "huawei-health": "Health detail data & description/health detail data.json",
    "mi-fitness": "1_MiFitness_hlth_center_fitness_data.csv",
    "phr-archive": "manifest.json",
    "zepp": "HEARTRATE_AUTO/HEARTRATE_AUTO_1.csv",
}
JUNK = {
    "nothing": b"",
    "a program": b"#!/bin/sh\nrm -rf /\n",
    "a script in a PDF": b"%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    "a page": b"<html><script>alert(1)</script></html>",
    "nulls": bytes(70_000),
    "brackets": b"[" * 100_000,
    "letters without end": b"a" * 200_000,
}


def read(form: str, content: bytes) -> None:
    wish = Wish(zone=ZONE, mapping=WISHES.get(form), salt="ana")
    for _ in formats.find_format(form).read(io.BytesIO(content), wish):
        pass


def encrypted(name: str) -> bytes:
    """A member that says that it is."""
    content = bytearray(zipped(name, b"x"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("form", all_formats())
def test_junk_is_refused_as_a_whole(form: str, junk: str) -> None:
    with pytest.raises((FileBroken, InputInvalid)) as caught:
        read(form, JUNK[junk])
    assert 0 < len(caught.value.detail) < 500


@pytest.mark.parametrize("form", MEMBERS)
def test_a_path_that_leads_out_a_locked_file_and_a_hole_are_refused(form: str) -> None:
    for content in (
        zipped("../" + MEMBERS[form], b"x"),
        zipped("/" + MEMBERS[form], b"x"),
        encrypted(MEMBERS[form]),
        zipped(MEMBERS[form], b"x" * 1_000)[:-20],
    ):
        with pytest.raises(FileBroken):
            read(form, content)


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    body = zipped("x", b"0" * (40 * 2**20))
    return {form: renamed(body, name) for form, name in MEMBERS.items()}


def renamed(content: bytes, name: str) -> bytes:
    """The same packed bytes under another name, so that they are packed once."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        packed = archive.infolist()[0]
    begin = content.index(b"x", 30) + 1
    raw = content[begin : begin + packed.compress_size]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, raw)
    whole = bytearray(made.getvalue())
    local, central = 0, whole.index(b"PK\x01\x02", len(raw))
    for at, crc in ((local + 8, local + 14), (central + 10, central + 16)):
        whole[at : at + 2] = (8).to_bytes(2, "little")
        whole[crc : crc + 4] = packed.CRC.to_bytes(4, "little")
        whole[crc + 8 : crc + 12] = packed.file_size.to_bytes(4, "little")
    return bytes(whole)


@pytest.mark.parametrize("form", MEMBERS)
def test_a_zip_bomb_is_refused_on_the_way(form: str, bombs: dict[str, bytes]) -> None:
    with pytest.raises(FileBroken):
        read(form, bombs[form])


@pytest.mark.parametrize("form", sorted({*all_formats()} - {"phr-archive", "csv", "werun"}))
def test_nothing_of_a_broken_file_is_kept(desk: Desk, form: str) -> None:
    before = everything(desk)
    one = desk.take(JUNK["a page"], form, Wish(zone=ZONE))
    assert (one.state, one.problem and one.problem[0]) == ("taken-back", "file-broken")
    assert everything(desk) == before


def everything(desk: Desk) -> Any:
    return [
        desk.database[name].count_documents({}) for name in ("readings", "entries", "held", "rejections", "notices")
    ]
