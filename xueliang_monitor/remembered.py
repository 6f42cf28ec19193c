"""What of a camera's memory survives a restart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from xueliang_monitor.check import Memory
from xueliang_monitor.login import Login
from xueliang_monitor.model import Identity
from xueliang_monitor.net.acquaintance import Acquaintance, LoginKind
from xueliang_monitor.picture.reference import SETTLED_LOOKS, Reference
from xueliang_monitor.probes.device import DeviceMemory
from xueliang_monitor.probes.normal import Normal


def _kept(reference: Reference) -> Reference:
    """Return what of a reference gets to the disk: views that are medians of several looks, never a single picture."""
    return replace(
        reference, previous=b"", lights=tuple(light for light in reference.lights if light.looks >= SETTLED_LOOKS)
    )


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept; profiles and services of its device are asked anew."""

    reference: Reference | None
    login: Login
    device_login: Login
    identity: Identity | None
    last_start: tuple[float, float] | None
    restart_noticed_at: float | None
    login_kind: LoginKind
    normal: Normal = field(default_factory=Normal)
    refusals: tuple[float, ...] = ()

    @classmethod
    def of(cls, memory: Memory) -> Remembered:
        """Return what is kept of a memory: of pictures what was measured, never a copy of one."""
        device, reference = memory.device, memory.reference
        return cls(
            _kept(reference) if reference is not None else None,
            memory.login,
            memory.device_login,
            device.identity,
            device.last_start,
            device.restart_noticed_at,
            device.acquaintance.login,
            memory.normal,
            memory.refusals,
        )

    def memory(self) -> Memory:
        """Return a memory that begins with this."""
        device = DeviceMemory(
            Acquaintance(self.login_kind),
            self.identity,
            last_start=self.last_start,
            restart_noticed_at=self.restart_noticed_at,
        )
        return Memory(
            self.reference,
            self.login,
            device=device,
            device_login=self.device_login,
            normal=self.normal,
            refusals=self.refusals,
        )
