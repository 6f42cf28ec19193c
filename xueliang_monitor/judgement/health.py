"""The health of a camera as values, and the policy by which visit results are judged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.model import Fault, Rung, Severity, State, Text
from xueliang_monitor.probing.rungs import PROBES
from xueliang_monitor.probing.rungs.picture import PICTURE

OWN_ERROR = "check_failed"
OWN_TIMES = 10
"""How many visits in a row, 2 s apart, an error of the monitor must fail at the reach or rtsp rung before the state of
the camera becomes unknown."""

FLAPPING = Fault(
    "flapping",
    Rung.FLEET,
    Severity.WARNING,
    name=Text("Flapping", "频繁上下线"),
    cause=Text(
        "The camera goes offline and comes back repeatedly: loose connector, weak radio link or insufficient power.",
        "摄像机反复掉线又恢复：接头松动、无线信号弱或供电不足。",
    ),
    advice=Text(
        "Check connectors, radio link, PoE budget and power supply.", "检查接头、无线链路、PoE 功率余量与供电。"
    ),
)


CONFIRM: Mapping[str, int] = MappingProxyType(
    {**{probe.rung: probe.confirmations for probe in PROBES}, Rung.MONITOR: PICTURE.confirmations}
)
"""How many visits in a row must see a fault, by the rung that saw it; errors of the monitor use the picture rung's."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How visit results are judged.

    Attributes:
        confirm: visits in a row that must see a fault before it is confirmed, by the rung that saw it.
        at_first_sight: codes confirmed by one visit, because another attempt could lock the account or adds nothing.
        clear: visits that must rule out a confirmed fault before it is cleared.
        stale_after: seconds without a visit after which the state is unknown.
        flaps: a camera is flapping after more changes between online and offline than this within `flap_window`. It
            stops flapping at half as many.
        flap_window: seconds.
        clock_drift: seconds by which a camera's clock may be off.

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
    """One fault of one camera: seen, confirmed, or about to clear.

    Attributes:
        code: the fault's code.
        detail: what the last visit observed.
        found: the rung that saw it.
        offline: whether the camera did not answer RTSP in that visit.
        since: when it was first seen.
        streak: visits in a row that saw it.
        clears: visits in a row that ruled it out.
        confirmed_at: when it was confirmed; None before that.
        reason: the key of the fault's reason; empty for its usual cause.

    """

    code: str
    detail: str
    found: Rung
    offline: bool
    since: float
    streak: int = 1
    clears: int = 0
    confirmed_at: float | None = None
    reason: str = ""

    def moved(self, change: Callable[[float], float]) -> FaultState:
        """Return a copy with `change` applied to every time."""
        confirmed = None if self.confirmed_at is None else change(self.confirmed_at)
        return replace(self, since=change(self.since), confirmed_at=confirmed)


@dataclass(frozen=True, slots=True)
class Outage:
    """One period in which a camera was offline, whatever faults were seen during it.

    Attributes:
        key: identifies the outage among the camera's outages. It does not change when times are corrected.
        began: when the first visit failed.
        confirmed_at: when it was confirmed.
        codes: the faults that kept the camera offline, in the order of their confirmation.
        ended: when it ended; None while it lasts.

    """

    key: int
    began: float
    confirmed_at: float
    codes: tuple[str, ...]
    ended: float | None = None

    def joined(self, later: Outage) -> Outage:
        """Return this outage continued by a later one."""
        return replace(self, codes=(*self.codes, *(code for code in later.codes if code not in self.codes)))

    def moved(self, change: Callable[[float], float]) -> Outage:
        """Return a copy with `change` applied to every time."""
        ended = None if self.ended is None else change(self.ended)
        return replace(self, began=change(self.began), confirmed_at=change(self.confirmed_at), ended=ended)


@dataclass(frozen=True, slots=True)
class Health:
    """The condition of one camera. Times are seconds since the epoch. The field names are stored in the history.

    Attributes:
        faults: the faults that are seen, confirmed or about to clear, by code.
        told_online: whether the camera was ever online.
        offline_streak: visits in a row that found it offline.
        offline_since: when that streak began.
        online_streak: visits in a row that found it online.
        lost: whether it is offline by the count of visits alone, even while judgement is on hold or suspended.
        turns: when `lost` changed within the policy's flap window.
        visited_at: when it was last visited.
        online_at: when it was last online.
        keyframe_at: when a keyframe was last received.
        state: its state as of the last judged visit.
        state_since: when that state began.
        outage: the open outage, if any.

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
        """Return a copy with `change` applied to every time, for example after a correction of the clock."""

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
        """The confirmed faults."""
        return tuple(fault for fault in self.faults.values() if fault.confirmed_at is not None)

    @property
    def pending(self) -> frozenset[Rung]:
        """The rungs whose next visit may confirm or clear a fault."""
        return frozenset(
            fault.found for fault in self.faults.values() if fault.confirmed_at is None or fault.clears > 0
        ) - {Rung.FLEET}

    @property
    def flapping(self) -> bool:
        """Whether the camera is flapping."""
        return FLAPPING.code in self.faults
