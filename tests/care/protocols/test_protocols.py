"""Every protocol: found by looking, with known metrics and a source for what it says."""

from __future__ import annotations

import pytest

from phr.care.files import cited, documents
from phr.care.protocols import protocols
from phr.errors import DataFileInvalid
from phr.vocabulary.metrics import vocabulary
from tests.care.protocols.builders import days, readings


@pytest.mark.parametrize("name", sorted(protocols()))
def test_protocol_is_whole(name: str) -> None:
    protocol = protocols()[name]
    assert set(protocol.metrics) <= set(vocabulary().metrics)
    assert protocol.usual_length in protocol.lengths
    assert protocol.sources
    assert protocol.meant_for
    assert all(source.id in documents() and source.section and source.note for source in protocol.sources)
    assert not protocol.reviewed_by


@pytest.mark.parametrize("name", sorted(protocols()))
def test_without_readings_nothing_is_judged(name: str) -> None:
    protocol = protocols()[name]
    metrics = [vocabulary().metrics[key] for key in protocol.metrics]
    nothing = {one.key: readings([], [part.key for part in one.components] or [""]) for one in metrics}
    basis = protocol.report(nothing, days(protocol.usual_length)).basis
    assert (basis.n, basis.days, basis.coverage, basis.left_out) == (0, 0, 0, {})
    assert not basis.is_enough


def test_document_that_is_not_there_is_named() -> None:
    with pytest.raises(DataFileInvalid) as refused:
        cited("NO-SUCH", "x", "x")
    assert "NO-SUCH" in refused.value.detail
