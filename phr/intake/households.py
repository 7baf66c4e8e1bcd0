"""Who lived with a device when: a household is people whose bindings overlap, from its first to its last; pure."""

from __future__ import annotations

from collections.abc import Iterable

from phr.intake.device import Binding

Span = tuple[int | None, int | None]  # [since, until) in milliseconds since 1970; None: since ever, for ever


def holders(bindings: Iterable[Binding]) -> set[str]:
    """Who has a device now, or a slot of it."""
    return {one.person for one in bindings if one.until_ms is None}


def spans(bindings: Iterable[Binding], person: str) -> list[Span]:
    """When it was a person's household that had the device, until the person left it.

    What nobody had before a household began is that household's: a device is measured with before it is claimed.
    """
    found: list[Span] = []
    since_ms: int | None = None
    for household in _households(bindings):
        own = [one.until_ms for one in household if one.person == person]
        if own:
            found.append((since_ms, _latest(own)))
        since_ms = _latest([one.until_ms for one in household])
    return found


def covers(spans: Iterable[Span], t_ms: int) -> bool:
    return any(
        (since_ms is None or since_ms <= t_ms) and (until_ms is None or t_ms < until_ms) for since_ms, until_ms in spans
    )


def _households(bindings: Iterable[Binding]) -> list[list[Binding]]:
    """In order of time. One ends when nobody has the device any more, be it for no longer than an instant."""
    found: list[list[Binding]] = []
    for one in sorted(bindings, key=lambda one: (one.since_ms is not None, one.since_ms or 0)):
        end_ms = _latest([other.until_ms for other in found[-1]]) if found else None
        is_same = found and (end_ms is None or one.since_ms is None or one.since_ms < end_ms)
        if is_same:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _latest(ends_ms: Iterable[int | None]) -> int | None:
    """None where one has no end."""
    known = list(ends_ms)
    return None if None in known else max(end for end in known if end is not None)
