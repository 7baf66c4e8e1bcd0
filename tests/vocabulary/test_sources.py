"""The categories of sources: complete, and refused by name where the file is wrong."""

from pathlib import Path

import pytest

from phr.errors import DataFileInvalid
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sources import categories, load

GOOD = """
[categories]
watch = {zh = "手表", en = "Watch"}
[orders]
default = ["watch"]
steps = ["watch"]
"""


def test_every_order_ends_in_what_is_summed_up_elsewhere() -> None:
    assert {order[-1] for order in categories().orders.values()} == {"platform"}


def test_every_metric_has_an_order() -> None:
    assert all(categories().order(key) for key in vocabulary().metrics)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('default = ["watch"]', "", "default"),
        ('steps = ["watch"]', 'steps = ["clock"]', "clock"),
        ('steps = ["watch"]', 'steps = ["watch", "watch"]', "twice"),
        ("steps", "stepps", "stepps"),
        ('en = "Watch"', 'eng = "Watch"', "eng"),
        ("[orders]", "[order", "sources.toml"),
    ],
)
def test_bad_file_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(DataFileInvalid, match=named):
        load(path)
