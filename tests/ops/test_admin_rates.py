"""An operator shows and sets what a vendor and a device may send."""

from typing import Any

import pytest

from phr.database import Database
from phr.intake import devices, limits
from phr.intake.policy import Limits
from tests.cast import T0
from tests.ops.test_admin import Admin, home, run

__all__ = ["home", "run"]


@pytest.mark.parametrize("named", [("vendor", "rate", "acme"), ("device", "rate", "acme", "box")])
def test_rate_is_set_field_by_field_shown_and_reset(run: Admin, database: Database, named: Any) -> None:
    devices.create_vendor(database, "acme", T0)
    devices.create_device(database, devices.NewDevice(vendor="acme", name="box"), T0)
    name = "/".join(named[2:])
    run(*named, "--messages", "6")
    assert run(*named, "--readings", "0")[1] == {"name": name, "messages_per_min": 6, "readings_per_min": 0}
    assert run(*named)[1] == {"name": name, "messages_per_min": 6, "readings_per_min": 0}
    assert limits.overrides(database) == {name: Limits(6, 0)}
    assert run(*named, "--reset")[1] == {"name": name, "messages_per_min": None, "readings_per_min": None}
    assert limits.overrides(database) == {}


@pytest.mark.parametrize("more", [(), ("--messages", "-1")])
def test_nobodys_rate_and_a_negative_one_are_refused(run: Admin, database: Database, more: Any) -> None:
    assert run("vendor", "rate", "nobody", *more)[0] == 1
