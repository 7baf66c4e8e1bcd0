"""Peak flow: zones of the best of the period."""

from __future__ import annotations

import pytest

from phr.care.protocols.peak_flow import METRIC, report
from tests.care.protocols.builders import days, readings


@pytest.mark.parametrize(
    ("flow", "zone"), [(500, "green"), (400, "green"), (399, "yellow"), (250, "yellow"), (249, "red")]
)
def test_zone_of_the_latest(flow: float, zone: str) -> None:
    found = report({METRIC: readings([(0, 7, 500), (1, 7, flow)])}, days(10))
    assert found.latest
    assert (found.best, found.latest.zone, found.latest.litres_per_min) == (500, zone, flow)
    assert (found.basis.coverage, found.basis.is_enough) == (0.2, None)


def test_each_zone_counts_its_readings() -> None:
    found = report({METRIC: readings([(0, hour, flow) for hour, flow in enumerate((500, 450, 300, 100))])}, days(1))
    assert found.zones == {"red": 1, "yellow": 1, "green": 2}
