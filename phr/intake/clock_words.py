"""What owners and vendors are told of a device's clock, each in one sentence. Names no value and no person."""

from __future__ import annotations

from typing import NamedTuple

from phr.clock import DAY_MS, HOUR_MS, MINUTE_MS
from phr.intake.device_clock import Clock, Period

_HELD = {
    "ahead-of-clock": ("晚于现在", "in the future"),
    "before-birth": ("早于出生日期", "before your birth"),
    "before-device-made": ("早于设备出厂日期", "before it was made"),
    "clock-wrong": ("与实际相差超过一天", "more than a day from the true ones"),
}


class Words(NamedTuple):
    zh: str
    en: str


def of_period(device: str, period: Period) -> Words | None:
    """None where the clock is right."""
    if not period.offset_ms:
        return None
    zh, en = _how_far(abs(period.offset_ms))
    zh_side, en_side = ("慢", "slow") if period.offset_ms > 0 else ("快", "fast")
    if period.is_usable:
        zh_end, en_end = "之后的测量时间会自动校正", "the times of its readings are corrected from now on"
    else:
        zh_end, en_end = "之后的读数先为您保留，等待补正时间", "its readings wait for you to put their time right"
    return Words(
        f"设备 {device} 的时钟{zh_side}了约{zh}，{zh_end}；请校准设备时间。",
        f"The clock of {device} is about {en} {en_side}: {en_end}; please set it.",
    )


def of_right(device: str) -> Words:
    return Words(f"设备 {device} 的时钟已准确。", f"The clock of {device} is right again.")


def of_removed(device: str) -> Words:
    return Words(
        f"设备 {device} 的时钟曾被误判为不准，已校正的读数恢复为设备自己的时间。",
        f"The clock of {device} was held to be wrong by mistake: its readings have the device's own times again.",
    )


def of_clock(device: str, clock: Clock) -> Words | None:
    return of_period(device, clock.latest) if clock.latest else None


def of_held(device: str, reason: str) -> Words:
    zh, en = _HELD[reason]
    return Words(
        f"设备 {device} 发来的测量时间{zh}，读数已为您保留，等待补正时间。",
        f"{device} sent readings with times {en}: they are kept until you put their time right.",
    )


def is_clocks_fault(reason: str) -> bool:
    """True for what is held because of its time."""
    return reason in _HELD


def _how_far(ms: int) -> tuple[str, str]:
    for unit_ms, zh, en in ((DAY_MS, "天", "day"), (HOUR_MS, "小时", "hour"), (MINUTE_MS, "分钟", "minute")):
        count = (ms + unit_ms // 2) // unit_ms
        if ms >= 2 * unit_ms or unit_ms == MINUTE_MS:
            return f" {count} {zh}", f"{count} {en}{'' if count == 1 else 's'}"
    raise AssertionError("a minute ends the search")
