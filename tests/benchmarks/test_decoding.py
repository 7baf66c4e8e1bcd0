"""The benchmark of decoders measures every format, on payloads that are taken whole."""

from __future__ import annotations

import json

import pytest

from benchmarks.decoding import FIGURES, MAPPED, PAYLOADS
from phr.formats import all_formats
from phr.formats.mapping import check, read
from phr.vocabulary.metrics import vocabulary

DECODERS = {one.name: one.decode for one in all_formats()} | {"mapping": read(MAPPED, vocabulary()).decode}


def test_each_format_has_a_figure() -> None:
    """A new format wants a payload of sixty readings in PAYLOADS."""
    assert set(PAYLOADS) == set(DECODERS)
    assert len(set(FIGURES)) == len(PAYLOADS)


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_each_payload_is_taken_whole(name: str) -> None:
    decoded = DECODERS[name](json.dumps(PAYLOADS[name]()).encode(), vocabulary())
    assert len(decoded.runs) == (1 if name == "theengs" else 60)
    assert not decoded.rejections
    assert not decoded.quarantined


def test_the_mapping_reads_its_own_example() -> None:
    assert check(read(MAPPED, vocabulary()), vocabulary()) == []
