"""An answer undone by a server that dies on the way: repeated, or answered anew, it ends as if it had not died."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from phr.clock import now_ms
from tests.api.test_devices import code, series
from tests.api.test_inbox import answer, asked, home
from tests.cast import Cast
from tests.recording.test_crashes import fail_at

__all__ = ["code", "home"]

FROM_HERE_MS = now_ms() - 86_400_000


def undo(cast: Cast, question: str) -> int:
    return cast.send(cast.owner, "DELETE", f"/v1/people/me/inbox/{question}").status_code


def what_stands(cast: Cast) -> Any:
    """All that the household sees: readings, days, questions, alerts."""
    both = (cast.owner, cast.relative)
    query = f"resolution=day&from={FROM_HERE_MS}&to={FROM_HERE_MS + 2 * 86_400_000}"
    days = [cast.send(who, "GET", f"/v1/people/me/series/blood-pressure?{query}").json["columns"] for who in both]
    asks = [[(one["id"], one["answer"]) for one in asked(cast, who)] for who in both]
    notices = sorted((row["_id"], row["state"]) for row in cast.database["notices"].find())
    return [series(cast, who) for who in both], days, asks, notices


def breaks(cast: Cast, question: str, step: int, *, is_written: bool) -> bool:
    """True where undoing took so many writes, and the server ended at that one."""
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=is_written)
        return undo(cast, question) >= 500


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("is_undone", [False, True])
def test_undoing_that_was_broken_off_ends_alike_however_it_goes_on(
    home: Cast, is_written: bool, is_undone: bool
) -> None:
    question = asked(home, home.owner)[0]["id"]
    answer(home, home.owner, "mine", question)
    given = what_stands(home)
    undo(home, question)
    end, broken = what_stands(home), 0
    assert (given[0], end[0]) == ([[182], []], [[], []])
    for step in itertools.count(1):
        answer(home, home.owner, "mine", question)
        assert what_stands(home) == given
        if not breaks(home, question, step, is_written=is_written):
            break
        broken += 1
        # While the answer is still there nobody else is asked; once it is not, the reading stands nowhere.
        assert not (asked(home, home.relative) and series(home, home.owner))
        if is_undone:
            assert undo(home, question) == 204
            assert (step, what_stands(home)) == (step, end)
    assert what_stands(home) == end
    assert broken >= 4
