"""Judges a stream's readings against the registered settings, or against its own past. Pure.

The size is a fact: nobody but a person changes it. So the first size stays the normal one until a person accepts
another or the camera's file names one, however long another is read. Frame rate and bitrate drift with light, season
and traffic, so their normal values follow the readings. But only readings without a fault teach: a fault of any kind
never becomes normal by lasting.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from xueliang_monitor.model import Fault, Finding, Rung, Severity, StreamParameters, Target, Text
from xueliang_monitor.readings import Readings

LOW_RATE_SHARE = 0.45
"""Of the normal frame rate. By night cameras fall to half of it, with twice the exposure time."""

LOW_BITRATE_SHARE, HIGH_BITRATE_SHARE = 0.05, 4.0
"""Of the normal bitrate. A quiet night takes a tenth of the bitrate of a busy day."""

OVER_LIMIT_SHARE = 2.0
"""Of the configured bitrate, which a variable bitrate exceeds for moments."""

MIN_LEARNED = 5
KEPT = 24

LOW_FRAME_RATE = Fault(
    "low_frame_rate",
    Rung.STREAM,
    Severity.WARNING,
    name=Text("Low frame rate", "帧率过低"),
    cause=Text(
        "The encoder is overloaded, the line is too slow, or the frame rate was set lower.",
        "编码器负荷过高、线路带宽不足，或摄像机帧率被调低。",
    ),
    advice=Text(
        "Check the frame rate setting, the number of clients and the line. Restart the camera.",
        "检查帧率设置、取流客户端数量与线路；重启摄像机。",
    ),
)
BITRATE_OUT_OF_RANGE = Fault(
    "bitrate_out_of_range",
    Rung.STREAM,
    Severity.WARNING,
    name=Text("Abnormal bitrate", "码率异常"),
    cause=Text(
        "The bitrate is far above or below normal: changed settings, noise in the dark, or a picture without detail.",
        "码率明显高于或低于平常：设置被更改、夜间噪点过多或画面无内容。",
    ),
    advice=Text(
        "Check the encoder's bitrate and bitrate mode. Look at the picture.", "检查编码器码率与码率模式；查看画面。"
    ),
)
RESOLUTION_CHANGED = Fault(
    "resolution_changed",
    Rung.STREAM,
    Severity.WARNING,
    name=Text("Resolution changed", "分辨率变更"),
    cause=Text(
        "The stream's size differs from the registered one: settings were changed or reset.",
        "码流分辨率与登记时不同：设置被更改或恢复出厂。",
    ),
    advice=Text(
        "If the change was intended, accept it on its page "
        "or run xueliang camera accept-change ID. Otherwise restore the setting.",
        "若为有意更改，请在其页面确认变更，或执行 xueliang camera accept-change ID；否则恢复原设置。",
    ),
    changed_fact=True,
)
FAULTS = (LOW_FRAME_RATE, BITRATE_OUT_OF_RANGE, RESOLUTION_CHANGED)


@dataclass(frozen=True, slots=True)
class StreamBaseline:
    """What is normal for a camera's stream.

    `frame_rates` and `bitrates` are the last good readings, in frames and bits per second. `size` is the normal size
    in pixels, and `read_size` the one that was read last. `read_at` is when the last readings were taken, in seconds
    since the epoch; `doubtful` says that they found a fault. `all_tracks` says that video came only once all tracks
    were set up.
    """

    frame_rates: tuple[float, ...] = ()
    bitrates: tuple[float, ...] = ()
    size: tuple[int, int] | None = None
    read_size: tuple[int, int] | None = None
    read_at: float | None = None
    doubtful: bool = False
    all_tracks: bool = False

    def moved(self, change: Callable[[float], float]) -> StreamBaseline:
        """Return the same with its moment changed."""
        return self if self.read_at is None else replace(self, read_at=change(self.read_at))

    @property
    def frame_rate(self) -> float | None:
        """The normal frame rate; None before enough readings."""
        return statistics.median(self.frame_rates) if len(self.frame_rates) >= MIN_LEARNED else None

    @property
    def bits_per_second(self) -> float | None:
        """The normal bitrate in bits per second; None before enough readings."""
        return statistics.median(self.bitrates) if len(self.bitrates) >= MIN_LEARNED else None


@dataclass(frozen=True, slots=True)
class StreamJudgement:
    """The faults that readings show, the codes that they rule out, and what is normal after them."""

    seen: tuple[Finding, ...]
    ruled_out: frozenset[str]
    normal: StreamBaseline


def _judge_rate(rate: float, usual: float, basis: str) -> str:
    if rate >= LOW_RATE_SHARE * usual:
        return ""
    return f"{rate:.1f} frames/s, {basis} {usual:.1f} (limit {LOW_RATE_SHARE * usual:.1f})"


def _judge_bitrate(rate: float, target: Target, normal: StreamBaseline) -> str | None:
    """Return what is wrong with a bitrate, empty if nothing is, None if that cannot be told."""
    limit = target.expected.bits_per_second if target.expected else None
    low, high = target.bits_per_second_range or (0.0, OVER_LIMIT_SHARE * limit if limit else 0.0)
    basis = "allowed by its file" if target.bits_per_second_range else "configured maximum" if limit else "normally"
    usual = normal.bits_per_second
    if target.bits_per_second_range is None and usual is not None:
        low, high = LOW_BITRATE_SHARE * usual, max(high, HIGH_BITRATE_SHARE * usual)
        basis = f"normally {usual / 1000:.0f}"
    if not (low or high):
        return None
    if rate < low or (high and rate > high):
        return f"{rate / 1000:.0f} kbit/s, {basis}: {low / 1000:.0f} to {high / 1000:.0f} kbit/s"
    return ""


def _expected_size(expected: StreamParameters | None) -> tuple[int, int] | None:
    return (expected.width, expected.height) if expected and expected.width and expected.height else None


def _same_size(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Compare sizes as encoders give them: rounded to whole blocks, or rotated by 90 degrees."""
    return any(all(abs(a - b) < 16 for a, b in zip(size, way, strict=True)) for way in (other, other[::-1]))


def judge(
    target: Target, normal: StreamBaseline, readings: Readings, size: tuple[int, int] | None, *, now: float
) -> StreamJudgement:
    """Judge readings that took long enough. A fault that cannot be told is neither seen nor ruled out."""
    seen: list[Finding] = []
    cleared: set[str] = set()

    def conclude(fault: Fault, detail: str | None) -> None:
        if detail:
            seen.append(Finding(fault.code, detail, Rung.STREAM))
        elif detail is not None:
            cleared.add(fault.code)

    rate, bits = _slower(readings), readings.bits_per_second
    expected = target.expected
    if rate is not None:
        configured = expected.frame_rate_hertz if expected else None
        usual = configured or normal.frame_rate
        basis = "configured" if configured else "normally"
        conclude(LOW_FRAME_RATE, _judge_rate(rate, usual, basis) if usual else None)
    if bits is not None:
        conclude(BITRATE_OUT_OF_RANGE, _judge_bitrate(bits, target, normal))
    wanted = _expected_size(expected) or normal.size
    if size is not None:
        fits = wanted is None or _same_size(size, wanted)
        conclude(RESOLUTION_CHANGED, "" if fits else f"{_words(size)} instead of {_words(wanted or size)}")
    learned = _learn(normal, rate, bits, size, healthy=not seen)
    return StreamJudgement(tuple(seen), frozenset(cleared), replace(learned, read_at=now, doubtful=bool(seen)))


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]} pixels"


def _slower(readings: Readings) -> float | None:
    """Return the lower of the frame rates by timestamps and by arrival. A slow line shows in the latter."""
    by_timestamps, by_arrival = readings.frame_rate_hertz, readings.arrival_rate_hertz
    return None if by_timestamps is None or by_arrival is None else min(by_timestamps, by_arrival)


def _learn(
    normal: StreamBaseline, rate: float | None, bits: float | None, size: tuple[int, int] | None, *, healthy: bool
) -> StreamBaseline:
    """Learn from readings. From readings that show a fault, only the first size is learned."""
    if size is not None:
        normal = replace(normal, size=normal.size or size, read_size=size)
    if not healthy:
        return normal
    return replace(
        normal,
        frame_rates=(*normal.frame_rates, *([rate] if rate is not None else ()))[-KEPT:],
        bitrates=(*normal.bitrates, *([bits] if bits is not None else ()))[-KEPT:],
    )
