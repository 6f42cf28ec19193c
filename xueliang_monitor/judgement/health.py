"""Reports folded into health, and health with the time into what people are shown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.model import Fault, Rung, Severity, State, Text
from xueliang_monitor.probing.rungs import PROBES
from xueliang_monitor.probing.rungs.picture import PICTURE

OWN_ERROR = "check_failed"
OWN_TIMES = 10
"""Visits in a row, 2 s apart, that come to nothing at the first rungs before a camera's state is taken as unknown."""

FLAPPING = Fault(
    "flapping",
    Rung.FLEET,
    Severity.WARNING,
    Text("Comes and goes", "频繁通断"),
    Text(
        "The camera is lost and back again and again: a loose cable, a weak radio link, too little power.",
        "摄像机反复掉线与恢复：接头松动、无线链路弱或供电不足。",
    ),
    Text("Check connectors, radio link, PoE budget and power supply.", "检查接头、无线链路、PoE 功率与供电。"),
)


CONFIRM: Mapping[str, int] = MappingProxyType(
    {**{probe.rung: probe.confirmations for probe in PROBES}, Rung.MONITOR: PICTURE.confirmations}
)
"""How many visits in a row must see a fault, by the rung that saw it. Errors of our own count as the picture's do."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a fault must be seen to count, and ruled out to clear, and after how long nothing is known.

    `at_first_sight` are the codes of which one sight is enough, as looking again would lock the camera or tell
    nothing more; `stale_after` is in seconds. A camera that was lost or came back more than `flaps` times within
    `flap_window` seconds is flapping, until it did so at most half as often. Clocks may be off by `clock_drift`
    seconds.
    """

    confirm: Mapping[str, int] = field(default_factory=lambda: CONFIRM)
    at_first_sight: frozenset[str] = frozenset({"auth_failed"})
    clear: int = 2
    stale_after: float = 45.0
    flaps: int = 6
    flap_window: float = 3600.0
    clock_drift: float = 5.0


@dataclass(frozen=True, slots=True)
class FaultState:
    """One fault of one camera: seen, perhaps confirmed, perhaps clearing.

    `found` is the rung whose visit saw it; `offline` says that the rtsp rung was not reached; `streak` and `clears`
    count visits in a row.
    """

    code: str
    detail: str
    found: Rung
    offline: bool
    since: float
    streak: int = 1
    clears: int = 0
    confirmed_at: float | None = None

    def moved(self, change: Callable[[float], float]) -> FaultState:
        """Return the same with every moment changed."""
        confirmed = None if self.confirmed_at is None else change(self.confirmed_at)
        return replace(self, since=change(self.since), confirmed_at=confirmed)


@dataclass(frozen=True, slots=True)
class Outage:
    """One time that a camera was offline, whatever the causes were that were seen meanwhile.

    `key` names it among the camera's outages for good, also when a clock that was wrong is set right; `began` is when
    the first visit failed; `codes` are the faults that kept the camera offline, in the order in which they counted.
    """

    key: int
    began: float
    confirmed_at: float
    codes: tuple[str, ...]
    ended: float | None = None

    def joined(self, later: Outage) -> Outage:
        """Return this and a later one that turned out to be the same."""
        return replace(self, codes=(*self.codes, *(code for code in later.codes if code not in self.codes)))

    def moved(self, change: Callable[[float], float]) -> Outage:
        """Return the same with every moment changed."""
        ended = None if self.ended is None else change(self.ended)
        return replace(self, began=change(self.began), confirmed_at=change(self.confirmed_at), ended=ended)


@dataclass(frozen=True, slots=True)
class Health:
    """All that is known of one camera's condition. Times are seconds since the epoch.

    `lost` says whether it is offline by the count of visits alone, whatever is held back or suspended; `turns` are the
    moments at which that changed, within the policy's window. `offline_since` is when the streak of offline visits
    began; `outage` is the one that lasts, if any.
    """

    faults: Mapping[str, FaultState] = field(default_factory=lambda: MappingProxyType({}))
    told_online: bool = False
    offline_streak: int = 0
    offline_since: float | None = None
    online_streak: int = 0
    lost: bool = False
    turns: tuple[float, ...] = ()
    visited_at: float | None = None
    online_at: float | None = None
    keyframe_at: float | None = None
    state: State = State.UNKNOWN
    state_since: float | None = None
    outage: Outage | None = None

    def moved(self, change: Callable[[float], float]) -> Health:
        """Return the same with every moment changed, as when the clock that gave them was wrong."""

        def moment(known: float | None) -> float | None:
            return None if known is None else change(known)

        return replace(
            self,
            faults=MappingProxyType({code: fault.moved(change) for code, fault in self.faults.items()}),
            turns=tuple(change(turn) for turn in self.turns),
            visited_at=moment(self.visited_at),
            online_at=moment(self.online_at),
            keyframe_at=moment(self.keyframe_at),
            state_since=moment(self.state_since),
            offline_since=moment(self.offline_since),
            outage=self.outage.moved(change) if self.outage else None,
        )

    @property
    def confirmed(self) -> tuple[FaultState, ...]:
        """The faults that count."""
        return tuple(fault for fault in self.faults.values() if fault.confirmed_at is not None)

    @property
    def pending(self) -> frozenset[Rung]:
        """The rungs whose next visits decide something."""
        return frozenset(
            fault.found for fault in self.faults.values() if fault.confirmed_at is None or fault.clears > 0
        ) - {Rung.FLEET}

    @property
    def flapping(self) -> bool:
        """Whether it comes and goes."""
        return FLAPPING.code in self.faults
