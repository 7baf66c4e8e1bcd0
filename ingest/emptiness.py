"""Whether a session that is drained has given all that it held: only then may it be ended, which forgets the rest."""

from __future__ import annotations

from typing import Protocol

QUIET_MS = 2_000


class Draining(Protocol):
    """What is asked of a consumer that drains."""

    @property
    def is_ready(self) -> bool: ...
    @property
    def waiting(self) -> tuple[int, int]: ...
    def ask(self) -> None: ...


class Emptiness:
    """Of one draining consumer, used from the worker's thread.

    Quiet alone proves nothing: a broker that is busy with itself (mosquitto writes its whole store in one go) gives
    nothing for seconds while much still waits. So after a quiet while it is asked something. It takes our
    acknowledgements first, which makes it send what waits, and then it answers.
    """

    def __init__(self, consumer: Draining, quiet_ms: int) -> None:
        self._consumer = consumer
        self._quiet_ms = quiet_ms
        self._quiet_since_ms: int | None = None
        self._is_asked = False

    def heard(self) -> None:
        """Something came: begin again."""
        self._quiet_since_ms = None
        self._is_asked = False

    def is_certain(self, now_ms: int) -> bool:
        """True once nothing came for a while, and nothing before the answer to a question asked then."""
        if not self._consumer.is_ready or self._consumer.waiting[0]:
            if not self._is_asked:
                self._quiet_since_ms = None
            return False
        if self._is_asked:
            return True
        if self._quiet_since_ms is None:
            self._quiet_since_ms = now_ms
        if now_ms - self._quiet_since_ms >= self._quiet_ms:
            self._is_asked = True
            self._consumer.ask()
        return False
