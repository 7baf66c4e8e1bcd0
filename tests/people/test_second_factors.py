"""Second factors: what opens, once, and when."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from phr.database import Database
from phr.people import second_factors
from phr.people.second_factors import Enrolment
from tests.cast import T0

PERSON = "a" * 20
STEP_MS = second_factors.STEP_S * 1000


@pytest.fixture
def factor(database: Database) -> Enrolment:
    return second_factors.enrol(database, PERSON, T0)


def code_at(factor: Enrolment, at_ms: int) -> str:
    secret = parse_qs(urlsplit(factor.uri).query)["secret"][0]
    return pyotp.TOTP(secret).at(at_ms // 1000)


def test_secret_makes_the_codes_that_rfc_6238_has() -> None:
    """Appendix B: 94287082 at 59 s, of which authenticator apps show six digits."""
    assert pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").at(59) == "287082"


@pytest.mark.parametrize(("late_steps", "kind"), [(-2, None), (-1, "otp"), (0, "otp"), (1, "otp"), (2, None)])
def test_code_opens_within_a_step_of_its_own(
    database: Database, factor: Enrolment, late_steps: int, kind: str | None
) -> None:
    code = code_at(factor, T0)
    assert second_factors.use(database, PERSON, code, T0 + late_steps * STEP_MS) == kind


def test_code_opens_once_and_so_does_one_of_a_step_before(database: Database, factor: Enrolment) -> None:
    codes = code_at(factor, T0), code_at(factor, T0), code_at(factor, T0 - STEP_MS), code_at(factor, T0 + STEP_MS)
    assert [second_factors.use(database, PERSON, one, T0) for one in codes] == ["otp", None, None, "otp"]


@pytest.mark.parametrize("kind", ["otp", "recovery"])
def test_of_many_at_once_one_is_let_in(database: Database, factor: Enrolment, kind: str) -> None:
    answer = code_at(factor, T0) if kind == "otp" else factor.recovery_codes[3]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: second_factors.use(database, PERSON, answer, T0), range(8)))
    assert sorted(one for one in found if one) == [kind]


def test_each_recovery_code_opens_once_however_it_is_typed(database: Database, factor: Enrolment) -> None:
    typed = (
        factor.recovery_codes[0],
        f" {factor.recovery_codes[1].lower().replace('-', ' ')} ",
        factor.recovery_codes[0],
    )
    assert [second_factors.use(database, PERSON, one, T0) for one in typed] == ["recovery", "recovery", None]


@pytest.mark.parametrize("answer", ["", "000000x", "１２３４５６", "-" * 19, "AAAA-AAAA-AAAA-AAAA", "x" * 256])
def test_other_answers_open_nothing(database: Database, factor: Enrolment, answer: str) -> None:
    assert second_factors.use(database, PERSON, answer, T0) is None


def test_code_of_somebody_else_opens_nothing(database: Database, factor: Enrolment) -> None:
    other = second_factors.enrol(database, "b" * 20, T0)
    answers = code_at(other, T0), other.recovery_codes[0]
    assert [second_factors.use(database, PERSON, one, T0) for one in answers] == [None, None]


def test_new_factor_takes_the_place_of_the_old(database: Database, factor: Enrolment) -> None:
    second_factors.enrol(database, PERSON, T0)
    answers = code_at(factor, T0), factor.recovery_codes[0]
    assert [second_factors.use(database, PERSON, one, T0) for one in answers] == [None, None]


def test_nothing_that_is_stored_gives_a_code(database: Database, factor: Enrolment) -> None:
    secret = parse_qs(urlsplit(factor.uri).query)["secret"][0]
    stored = str(database[second_factors.FACTORS].find_one())
    assert [one for one in (secret, *factor.recovery_codes) if one in stored or one.replace("-", "") in stored] == []
