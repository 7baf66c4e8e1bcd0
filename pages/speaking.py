"""Text made into speech on the server, for browsers that have no voice of their own (WeChat's): espeak-ng, as MP3.

Nothing leaves the machine and nothing is written to disk. Where espeak-ng is not installed, nobody is offered it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from functools import cache, lru_cache

import lameenc

VOICES = {"zh": "cmn-latn-pinyin", "en": "en"}  # "cmn" of espeak-ng 1.51 says Chinese by English letters
WORDS_A_MINUTE = {"zh": "150", "en": "140"}
MOST_CHARACTERS = 3_000
KBIT_S, RATE_HZ = 24, 22_050
HEADER_BYTES = 44  # of a WAV
PATIENCE_S = 20.0
AT_ONCE = 2
KEPT = 16  # texts that are the same for everybody, about half a megabyte each

# What stands between and behind numbers, as it is said.
SAID = {
    "zh": (("mmHg", "毫米汞柱"), ("kPa", "千帕"), ("mmol/L", "毫摩尔每升"), ("mg/dL", "毫克每分升"), ("kg", "千克"),
           ("CGM", ""), ("≥", "大于等于"), ("≤", "小于等于")),
    "en": (("mmHg", "millimetres of mercury"), ("kPa", "kilopascal"), ("mmol/L", "millimole per litre"),
           ("mg/dL", "milligram per decilitre"), ("kg", "kilograms"), ("≥", "at least "), ("≤", "at most ")),
}  # fmt: skip
_turns = threading.BoundedSemaphore(AT_ONCE)


class Speechless(Exception):
    """There is no voice, or it has too much to say at the moment."""


@cache
def can_speak() -> bool:
    return shutil.which("espeak-ng") is not None


def spoken(text: str, language: str) -> bytes:
    """An MP3 of the text, cut after ``MOST_CHARACTERS``; it is kept nowhere. ``language``: "zh" or "en".

    Raises Speechless.
    """
    if not can_speak() or not _turns.acquire(timeout=PATIENCE_S):
        raise Speechless
    try:
        return _encoded(_sounds(sayable(text, language), language))
    finally:
        _turns.release()


@lru_cache(maxsize=KEPT)
def spoken_to_all(text: str, language: str) -> bytes:
    """The same for what is nobody's own, such as lessons: made once. Raises Speechless."""
    return spoken(text, language)


def sayable(text: str, language: str) -> str:
    for written, said in SAID[language]:
        text = text.replace(written, said)
    text = re.sub(r"(?<=\d)/(?=\d)", "，" if language == "zh" else " over ", text)
    return text[:MOST_CHARACTERS]


def _sounds(text: str, language: str) -> bytes:
    """16-bit samples of one channel."""
    command = ["espeak-ng", "-v", VOICES[language], "-s", WORDS_A_MINUTE[language], "-b", "1", "--stdout"]
    try:
        made = subprocess.run(  # noqa: S603 - the command is ours, and what it says comes by standard input
            command, input=text.encode(), capture_output=True, timeout=PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Speechless from error
    return made.stdout[HEADER_BYTES:]


def _encoded(samples: bytes) -> bytes:
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(KBIT_S)
    encoder.set_in_sample_rate(RATE_HZ)
    encoder.set_channels(1)
    encoder.set_quality(7)
    encoder.silence()
    return bytes(encoder.encode(samples) + encoder.flush())
