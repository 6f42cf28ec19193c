"""What the rungs of a visit leave for those after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.rtsp_description import Description
from xueliang_monitor.picture.look import Look
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.dome import DomeMemory
from xueliang_monitor.probing.login import LoginOutcome
from xueliang_monitor.probing.stream_baseline import StreamBaseline
from xueliang_monitor.wire.media import AccessUnit

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of the camera's host."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """The open connection to the camera's RTSP port."""

    connection: RtspConnection


@dataclass(frozen=True, slots=True)
class Described:
    """The camera's description of its streams."""

    description: Description


@dataclass(frozen=True, slots=True)
class Played:
    """The keyframe that was received, and what came with it.

    `following` are the pictures after the keyframe, and `motion_ratio` their size over its own. `size` is in pixels,
    None if the stream does not contain it. `normal` is what is normal for the stream after this visit.
    """

    keyframe: AccessUnit
    following: tuple[bytes, ...]
    motion_ratio: float | None
    size: tuple[int, int] | None
    normal: StreamBaseline


@dataclass(frozen=True, slots=True)
class Examined:
    """The look at the picture: its scores and measures, and the reference after it."""

    look: Look


@dataclass(slots=True)
class DeviceAnswers:
    """What the device has answered so far, and the outcome of the login.

    It is updated during the conversation, so that a refused login is remembered even if the rung then times out.
    `dome` is what is remembered of a dome if it was asked in this visit, `dome_asked` whether it was.
    """

    memory: DeviceMemory
    login: LoginOutcome = LoginOutcome.OPEN
    dome: DomeMemory | None = None
    dome_asked: bool = False


@dataclass(frozen=True, slots=True)
class Climbed:
    """What the rungs climbed so far left: their values by type, and the codes of the faults seen."""

    values: Mapping[type, object] = field(default_factory=lambda: MappingProxyType({}))
    codes: frozenset[str] = frozenset()

    def find(self, kind: type[Value]) -> Value | None:
        """Return the value of a type; None if the rung that returns it was not climbed, or failed."""
        value = self.values.get(kind)
        return value if isinstance(value, kind) else None

    def need(self, kind: type[Value]) -> Value:
        """Return the value of a type.

        Raises:
            RuntimeError: the rung that returns it was not climbed, or failed.

        """
        value = self.find(kind)
        if value is None:
            raise RuntimeError(f"the ladder was climbed out of order: no {kind.__name__}")
        return value
