"""Codes stand for the words of scopes, and every word that a scope uses has codes or a programme."""

from __future__ import annotations

import pytest

from phr.care.codes import codes, stands_below
from phr.care.rules import rules


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("I10", {"hypertension"}),
        ("I10.x00x002", {"hypertension"}),
        ("I11.0", {"hypertension", "heart-failure"}),
        ("I11.9", {"hypertension"}),
        ("E11.9", {"type-2-diabetes"}),
        ("E12.0", set()),
        ("O24.4", {"gestational-diabetes"}),
        ("O24.0", set()),
    ],
)
def test_icd_10_code_stands_for_words(code: str, words: set[str]) -> None:
    assert codes().diagnoses_of([code]) == words


def test_every_word_of_a_scope_can_be_known() -> None:
    wanted = {word for rule in rules().all for word in (*rule.scope.diagnosis, *rule.scope.no_diagnosis)}
    assert wanted <= {*codes().diagnoses, *(one.diagnosis for one in rules().programmes)}
    drugs = {word for rule in rules().all for word in (*rule.scope.medication, *rule.scope.no_medication)}
    assert drugs <= set(codes().medications)


def test_no_code_begins_and_ends_a_pregnancy() -> None:
    assert not any(stands_below([one], codes().ends_pregnancy) for one in codes().begins_pregnancy)
    assert not any(stands_below([one], codes().begins_pregnancy) for one in codes().ends_pregnancy)
