"""Whether a text gives something away, in a word of its own: ids, moments and ciphertext hold any digits by chance."""

from __future__ import annotations

import re


def tells(text: str, *words: str) -> list[str]:
    """Those of the words that stand in the text with neither Latin letter nor digit beside them."""
    return [word for word in words if re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text)]
