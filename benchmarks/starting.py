"""How long `make run` takes when everything has been installed and founded before."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import Figure
from tests.ops.running import Family

FIGURES = ("second_start_s",)


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="phr-bench-") as directory:
        home = Path(directory) / "phr"
        with Family(home) as first:
            first.wait_until_up().stop(signal.SIGTERM)
        began = time.perf_counter()
        with Family(home) as second:
            second.wait_until_up()
            yield Figure("second_start_s", time.perf_counter() - began, "s")
