"""The picture for the box."""

from pathlib import Path

import segno

from phr.database import Database
from phr.intake import bindings, claim_codes, devices
from phr.passwords import hash_of
from tests.cast import T0
from tests.ops.test_admin import Admin, home, run

__all__ = ["home", "run"]


def a_box(database: Database) -> str:
    devices.create_vendor(database, "acme", T0)
    return devices.create_device(database, devices.NewDevice(vendor="acme", name="box"), T0).claim_code


def test_picture_holds_a_new_code_that_replaces_the_old(run: Admin, database: Database, tmp_path: Path) -> None:
    old = a_box(database)
    status, printed, _ = run("device", "qr", "acme", "box", "--out", str(tmp_path / "box.png"))
    stored = bindings.claim_code_hash(database, "acme/box")
    assert (status, stored) == (0, hash_of(printed["claim_code"]))
    assert printed["claim_code"] != old


def test_file_is_a_picture_of_what_a_claim_needs(run: Admin, database: Database, tmp_path: Path) -> None:
    a_box(database)
    _, printed, _ = run("device", "qr", "acme", "box", "--out", str(tmp_path / "box.png"))
    expected = segno.make(f"phr:claim?device=acme/box&code={printed['claim_code']}", error="m", micro=False)
    expected.save(str(tmp_path / "same.png"), kind="png", scale=claim_codes.MODULE_PX)
    assert (tmp_path / "box.png").read_bytes() == (tmp_path / "same.png").read_bytes()


def test_device_that_is_none_has_no_picture(run: Admin, tmp_path: Path) -> None:
    status, printed, said = run("device", "qr", "acme", "none", "--out", str(tmp_path / "x.png"))
    assert (status, printed, said) == (1, None, "no device acme/none\n")
    assert not (tmp_path / "x.png").exists()
