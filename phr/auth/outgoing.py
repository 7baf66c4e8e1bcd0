"""How this server asks others: within a time, following no redirect and repeating nothing."""

from __future__ import annotations

from functools import cache

import urllib3

TIMEOUT_S = 5.0


@cache
def pool() -> urllib3.PoolManager:
    """A request holds secrets for one address, and what it brings about may be good once."""
    return urllib3.PoolManager(maxsize=8, retries=False, timeout=urllib3.Timeout(total=TIMEOUT_S))


def is_safe(url: str) -> bool:
    """True for an address that what is sent to it can't be read on the way to."""
    return url.startswith(("https://", "http://127.0.0.1:"))
