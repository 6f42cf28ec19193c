"""What one rung hands to the next, and what a rung is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from xueliang_monitor.model import EMPTY, CheckFailure, Fault, Finding, Rung, RungResult, Target, Timeouts, Transport
from xueliang_monitor.net.names import Names
from xueliang_monitor.net.rtsp import Description, RtspConnection
from xueliang_monitor.picture.look import Look
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.stream_baseline import Normal
from xueliang_monitor.process.pauses import Pauses
from xueliang_monitor.wire.media import AccessUnit


@dataclass(slots=True)
class Climb:
    """The scratch of one visit: written by lower rungs, read by higher ones, dropped at its end.

    `now` gives seconds since the epoch; `interview` asks the device also what seldom changes; `device_login` tells
    whether a login over ONVIF was tried, and accepted. `burst` asks for the pictures after the keyframe too. `told`
    hears of each rung when it is begun, without a result, and when it is over; `addresses` are the host's; `failures`
    are exceptions of our own in looking at the picture.
    """

    target: Target
    timeouts: Timeouts
    workers: Workers
    now: Callable[[], float]
    names: Names
    reference: Reference | None = None
    device: DeviceMemory = field(default_factory=DeviceMemory)
    may_log_in: bool = True
    may_log_in_to_device: bool = True
    interview: bool = False
    refusals: tuple[float, ...] = ()
    device_login: tuple[bool, bool] = (False, False)
    ends_at: float | None = None
    addresses: tuple[str, ...] = ()
    connection: RtspConnection | None = None
    description: Description | None = None
    keyframe: AccessUnit | None = None
    size: tuple[int, int] | None = None
    motion_ratio: float | None = None
    following: tuple[bytes, ...] = ()
    burst: bool = True
    normal: Normal = field(default_factory=Normal)
    transport: Transport = Transport.TCP
    look: Look | None = None
    pauses: Pauses = field(default_factory=Pauses)
    failures: tuple[CheckFailure, ...] = ()
    told: Callable[[Rung, RungResult | None], None] | None = None


@dataclass(frozen=True, slots=True)
class RungOutcome:
    """What a rung that was passed reports: readings, faults that do not stop the climb, faults it could rule out."""

    readings: Mapping[str, float | str] = field(default_factory=lambda: EMPTY)
    seen: tuple[Finding, ...] = ()
    ruled_out: frozenset[str] = frozenset()
    look_again: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """A rung: its faults, and the function that climbs it or raises `FaultSeen`.

    `excludes` are the faults of which only one can stop a climb: seeing one, or passing, rules out the others.
    `prepare` is what comes before and takes none of the rung's time; it bounds its own.
    """

    rung: Rung
    faults: tuple[Fault, ...]
    excludes: frozenset[str]
    climb: Callable[[Climb], Awaitable[RungOutcome]]
    timeout: Callable[[Timeouts], float]
    timed_out: Fault
    prepare: Callable[[Climb], Awaitable[None]] | None = None
