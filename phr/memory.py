"""How a long-running process lives with the garbage collector."""

from __future__ import annotations

import gc

YOUNG = 100_000  # objects made since the last look before the collector looks again; Python's own is 700
ROUNDS = 20


def settle() -> None:
    """To be called once what stays for good has been loaded.

    A batch of readings or an answer is thousands of objects without cycles: looking for cycles among them took a tenth
    of a worker's time and a third of the API's longest answers. What is there now is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, ROUNDS, ROUNDS)
