"""What is remembered of a camera from visit to visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xueliang_monitor.model import Target
from xueliang_monitor.picture.bursts import Bursts
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.probing.accepted import NOTHING_ACCEPTED, Accepted, Observed
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.dome import DomeMemory
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.stream_baseline import StreamBaseline


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a camera from visit to visit.

    `reference` is what was learned of its picture, of a dome at its present place; `dome` is what is known of one, None
    of a camera that is none. `normal` is what was learned of its stream, `device` of its answers over ONVIF.
    `accepted` is what a person accepted on the page.
    `second_looks` counts early second looks in a row; `bursts` says when pictures after the keyframe are examined too.
    """

    reference: Reference | None = None
    login: Login = field(default_factory=Login)
    second_looks: int = 0
    device: DeviceMemory = field(default_factory=DeviceMemory)
    normal: StreamBaseline = field(default_factory=StreamBaseline)
    bursts: Bursts = field(default_factory=Bursts)
    accepted: Accepted = NOTHING_ACCEPTED
    dome: DomeMemory | None = None

    @property
    def observed(self) -> Observed:
        """What the last visits found the camera to be."""
        return Observed(self.device.reported, self.normal.read_size)

    def with_login(self, login: Login) -> Memory:
        """Return the same with what is known of the camera's logins."""
        return self if login is self.login else replace(self, login=login)

    def after_acceptance(self, target: Target, at: float) -> Memory:
        """Return the same after a person accepted what the last visits found; `target` is that of the file.

        What was learned of another device, and of the stream as it was, is forgotten.
        """
        found = self.observed
        device = self.device
        if found.identity is not None and found.identity != (device.identity or target.identity):
            device = DeviceMemory(device.hints, found.identity, found.identity)
        return replace(
            self,
            accepted=found.accepted(target, self.accepted, at),
            device=device,
            normal=StreamBaseline(size=found.size, read_size=found.size),
        )

    def moved(self, change: Callable[[float], float]) -> Memory:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""
        return replace(
            self,
            login=self.login.moved(change),
            device=self.device.moved(change),
            normal=self.normal.moved(change),
            accepted=self.accepted.moved(change),
            dome=self.dome.moved(change) if self.dome is not None else None,
        )

    def shifted(self, seconds: float) -> Memory:
        """Return the same after our clock was set by `seconds`; a camera's clock is then off by as many less."""
        memory = self.moved(lambda moment: moment + seconds)
        hints = memory.device.hints

        def less(offset: float | None) -> float | None:
            return None if offset is None else offset - seconds

        hints = replace(
            hints,
            clock_offset_seconds=less(hints.clock_offset_seconds),
            told_offset_seconds=less(hints.told_offset_seconds),
        )
        return replace(memory, device=replace(memory.device, hints=hints))
