"""When a member is started again."""

from __future__ import annotations

import logging
import signal

import pytest

from ops import processes, supervision
from ops.supervision import Member
from phr.errors import ServerUnavailable


def ended(code: int = 3) -> processes.Process:
    process = processes.start(["sh", "-c", f"exit {code}"])
    process.wait(60)
    return process


@pytest.fixture
def member() -> Member:
    """One that ended at once, started at second 100."""
    one = Member("role", ended)
    one.start(100.0)
    return one


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.1), (2, 0.2), (3, 0.4), (9, 25.6), (10, 30), (11, 30), (1000, 30)]
)
def test_wait_doubles_up_to_half_a_minute(failures: int, seconds: float) -> None:
    assert supervision.delay_s(failures) == seconds


def test_end_is_noticed_with_its_reason(member: Member, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert supervision.look_after_one(member, 101.0)
    assert caplog.messages == ["role ended (exit status 3); starting it again in 0.1 s"]


@pytest.mark.parametrize(("now_s", "is_started"), [(101.099, False), (101.1, True), (101.101, True)])
def test_started_again_when_due_and_not_before(member: Member, now_s: float, is_started: bool) -> None:
    supervision.look_after_one(member, 101.0)
    assert supervision.look_after_one(member, now_s) is is_started


@pytest.mark.parametrize(("ran_s", "failures"), [(59.9, 4), (60.0, 1), (60.1, 1)])
def test_steady_run_is_forgiven(member: Member, ran_s: float, failures: int) -> None:
    member.failures = 3
    supervision.look_after_one(member, 100.0 + ran_s)
    assert member.failures == failures


def test_one_that_was_told_to_end_is_started_again_and_has_not_failed() -> None:
    one = Member("broker", lambda: ended(0))
    one.start(100.0)
    for _ in range(3):
        supervision.look_after_one(one, 101.0)
        assert (one.failures, one.due_at_s) == (0, 101.0 + supervision.FIRST_DELAY_S)
        one.start(101.0)


def test_running_member_is_left_alone() -> None:
    one = Member("role", lambda: processes.start(["sleep", "60"]))
    process = one.start(0.0)
    assert not supervision.look_after_one(one, 1.0)
    supervision.stop_all([one])
    assert process.returncode == -signal.SIGTERM


def test_start_that_fails_is_tried_again_later(member: Member) -> None:
    def refuse() -> processes.Process:
        raise ServerUnavailable("no room")

    member.spawn = refuse
    supervision.look_after_one(member, 101.0)
    supervision.look_after_one(member, 101.5)
    assert (member.failures, member.due_at_s) == (2, 101.7)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_the_watch(number: signal.Signals) -> None:
    with pytest.raises(supervision.StopAsked, match=number.name), supervision.stoppable():
        supervision.supervise([Member("never started", ended)], until=lambda: bool(signal.raise_signal(number)))


def test_signal_that_the_shell_switched_off_stays_off() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with supervision.stoppable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
