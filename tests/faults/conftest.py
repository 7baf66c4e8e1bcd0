"""A site for each fault, and the table of what became of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.faults.proof import Row
from tests.faults.site import IS_WHOLE, SEED, Site, built

_rows: list[Row] = []


@pytest.fixture(scope="session")
def table() -> list[Row]:
    """Where a test leaves its line."""
    return _rows


@pytest.fixture
def site(mongod: str, tmp_path: Path) -> Iterator[Site]:
    with built(tmp_path, mongod) as one:
        yield one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed can be run again with the same moments."""
    report = yield
    if report.failed:
        report.sections.append(("moments", f"FAULTS_SEED={SEED}"))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those marked whole are left to `make faults`."""
    if not IS_WHOLE:
        items[:] = [one for one in items if one.get_closest_marker("whole") is None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "whole: only part of `make faults`, being too slow for every run")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _rows:
        return
    terminalreporter.write_line(f"FAULTS_SEED={SEED}")
    columns = ("published", "stored", "lost", "doubled", "first s", "all s", "acked, lost")
    terminalreporter.write_line(f"{'fault':56}" + "".join(f"{name:>12}" for name in columns))
    for row in _rows:
        counts = (row.published, row.stored, row.lost, row.doubled)
        times = f"{row.first_s:>12.2f}{row.all_s:>12.2f}"
        line = f"{row.fault:56}" + "".join(f"{count:>12}" for count in counts) + times + f"{row.lost_of_acked:>12}"
        terminalreporter.write_line(line)
