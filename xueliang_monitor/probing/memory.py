"""What is remembered of a camera from visit to visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xueliang_monitor.picture.bursts import Bursts
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.stream_baseline import StreamBaseline


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a camera from visit to visit.

    `reference` is what was learned of its picture, `normal` of its stream, `device` of its answers over ONVIF.
    `second_looks` counts early second looks in a row; `bursts` says when pictures after the keyframe are examined too.
    """

    reference: Reference | None = None
    login: Login = field(default_factory=Login)
    second_looks: int = 0
    device: DeviceMemory = field(default_factory=DeviceMemory)
    normal: StreamBaseline = field(default_factory=StreamBaseline)
    bursts: Bursts = field(default_factory=Bursts)

    def moved(self, change: Callable[[float], float]) -> Memory:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""
        return replace(
            self, login=self.login.moved(change), device=self.device.moved(change), normal=self.normal.moved(change)
        )

    def shifted(self, seconds: float) -> Memory:
        """Return the same after our clock was set by `seconds`; a camera's clock is then off by as many less."""
        memory = self.moved(lambda moment: moment + seconds)
        offset = memory.device.hints.clock_offset_seconds
        if offset is None:
            return memory
        hints = replace(memory.device.hints, clock_offset_seconds=offset - seconds)
        return replace(memory, device=replace(memory.device, hints=hints))
