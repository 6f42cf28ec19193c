"""The part of a camera's memory that survives a restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from xueliang_monitor.fleet.device_labels import DeviceLabels
from xueliang_monitor.model import Identity, RungResult
from xueliang_monitor.net.onvif_hints import LoginKind, OnvifHints
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.probing.accepted import NOTHING_ACCEPTED, Accepted
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.dome import StoredDome
from xueliang_monitor.probing.login import Login, LoginHistory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.stream_baseline import StreamBaseline


def _whole(stored: object, validate: ValidatorFunctionWrapHandler) -> Reference | None:
    """Return a stored reference; None if it is incomplete, so that only the reference is learned again.

    An earlier version left out light conditions with few pictures, so that some references had none left.
    """
    try:
        found = validate(stored)
    except ValidationError:
        return None
    return found if isinstance(found, Reference) else None


def _whole_dome(stored: object, validate: ValidatorFunctionWrapHandler) -> StoredDome | None:
    """Return what is stored of a dome; None if it is incomplete, so that only its places are learned again."""
    try:
        found = validate(stored)
    except ValidationError:
        return None
    return found if isinstance(found, StoredDome) else None


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """The stored part of a memory, the labels that the device chose, and the last results of its rungs.

    The device's profiles and services are not stored; they are requested again.
    """

    reference: Annotated[Reference | None, WrapValidator(_whole)]
    login: LoginHistory
    device_login: LoginHistory
    identity: Identity | None
    last_start: tuple[float, float] | None
    restart_noticed_at: float | None
    login_kind: LoginKind
    normal: StreamBaseline = field(default_factory=StreamBaseline)
    refusals: tuple[float, ...] = ()
    offered_digest: bool = False
    labels: DeviceLabels = field(default_factory=DeviceLabels)
    reported: Identity | None = None
    accepted: Accepted = NOTHING_ACCEPTED
    rungs: tuple[RungResult, ...] = ()
    last_start_told_at: float | None = None
    start_doubts: int = 0
    dome: Annotated[StoredDome | None, WrapValidator(_whole_dome)] = None

    @classmethod
    def of(cls, memory: Memory, labels: DeviceLabels | None = None, rungs: tuple[RungResult, ...] = ()) -> StoredMemory:
        """Return the stored part of a memory. It holds measures of pictures, never a picture."""
        device, reference = memory.device, memory.reference
        return cls(
            reference=reference.settled() if reference is not None else None,
            login=memory.login.rtsp,
            device_login=memory.login.onvif,
            identity=device.identity,
            last_start=device.last_start,
            restart_noticed_at=device.restart_noticed_at,
            login_kind=device.hints.login,
            normal=memory.normal,
            refusals=memory.login.refusals,
            offered_digest=memory.login.offered_digest,
            labels=labels or DeviceLabels(),
            reported=device.reported,
            accepted=memory.accepted,
            rungs=rungs,
            last_start_told_at=device.last_start_told_at,
            start_doubts=device.start_doubts,
            dome=StoredDome.of(memory.dome) if memory.dome is not None else None,
        )

    def memory(self) -> Memory:
        """Return a memory that starts from the stored part."""
        device = DeviceMemory(
            OnvifHints(self.login_kind),
            self.identity,
            self.reported,
            last_start=self.last_start,
            last_start_told_at=self.last_start_told_at,
            start_doubts=self.start_doubts,
            restart_noticed_at=self.restart_noticed_at,
        )
        login = Login(self.login, self.device_login, self.refusals, self.offered_digest)
        dome = self.dome.memory(self.reference) if self.dome is not None else None
        return Memory(self.reference, login, device=device, normal=self.normal, accepted=self.accepted, dome=dome)
