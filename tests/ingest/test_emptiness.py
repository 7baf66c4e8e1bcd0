"""A session is ended only when it is certain that it holds nothing more."""

from __future__ import annotations

from ingest.emptiness import Emptiness
from tests.cast import T0

QUIET_MS = 100


class Session:
    """A draining consumer as its broker makes it look."""

    def __init__(self) -> None:
        self.is_ready, self.waiting, self.questions = True, (0, 0), 0

    def ask(self) -> None:
        self.is_ready = False
        self.questions += 1


def test_quiet_is_followed_by_a_question_and_its_answer_is_the_proof() -> None:
    session = Session()
    emptiness = Emptiness(session, QUIET_MS)
    assert not any(emptiness.is_certain(T0 + ms) for ms in (0, 99, 100, 101, 60_000))
    assert session.questions == 1
    session.is_ready = True
    assert emptiness.is_certain(T0 + 60_001)


def test_what_a_busy_broker_gives_after_a_quiet_while_makes_it_begin_again() -> None:
    session = Session()
    emptiness = Emptiness(session, QUIET_MS)
    assert not any(emptiness.is_certain(T0 + ms) for ms in (0, 100))
    session.is_ready, session.waiting = True, (3, 300)  # they came before the answer
    assert not emptiness.is_certain(T0 + 200)
    session.waiting = (0, 0)
    emptiness.heard()
    assert not any(emptiness.is_certain(T0 + ms) for ms in (201, 300, 301))
    assert session.questions == 2
    session.is_ready = True
    assert emptiness.is_certain(T0 + 302)


def test_a_session_that_is_not_ready_is_not_quiet() -> None:
    session = Session()
    session.is_ready = False
    emptiness = Emptiness(session, QUIET_MS)
    assert not any(emptiness.is_certain(T0 + ms) for ms in (0, 100, 200))
    assert session.questions == 0
