"""`python -m tests.real`: replays the folder REAL_DATA and ends with 1 where anything differs from the files."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path

from tests.real import data_points, files, glucose, published, scales
from tests.real.installation import installed
from tests.real.score import table

DEFAULT = "../shared/data"
SHOWN_DIFFERENCES = 20


def main() -> int:
    data = Path(os.environ.get("REAL_DATA") or DEFAULT).resolve()
    if not data.is_dir():
        print(f"no real data in {data}: nothing to replay")
        return 0
    with tempfile.TemporaryDirectory(prefix="phr-real-") as directory, installed(Path(directory)) as installation:
        replays = (glucose.replay, data_points.replay, scales.replay, files.replay, published.replay)
        scores = list(itertools.chain.from_iterable(replay(installation, data) for replay in replays))
    print(table(scores))
    for difference in itertools.islice((one for score in scores for one in score.differences), SHOWN_DIFFERENCES):
        print(difference)
    failed = sum(score.differing for score in scores)
    print(f"{sum(score.compared for score in scores) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
