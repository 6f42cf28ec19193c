"""Whether the monitor has more pictures to judge than it can, and what interval it can hold. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Fault, Rung, Severity, Text

MONITOR_OVERLOADED = Fault(
    "monitor_overloaded",
    Rung.MONITOR,
    Severity.WARNING,
    name=Text("The monitor is overloaded", "监控服务器过载"),
    cause=Text(
        "This machine cannot judge the pictures of all cameras at the set interval. Cameras that are offline are told "
        "in time all the same; faults of pictures are told later.",
        "本机无法按设定间隔检测全部摄像机的画面：离线告警不受影响，画面故障会延迟发现。",
    ),
    advice=Text(
        "Set intervals.stream and intervals.picture at least as long as the detail says, or use a machine with more "
        "cores and raise workers. If many slow cameras are the cause, raise visits_at_once.",
        "将 intervals.stream 与 intervals.picture 设为不短于详情所示的间隔，或换用核数更多的服务器并调大 workers；"
        "若因慢速摄像机较多，调大 visits_at_once。",
    ),
)

LATE_SHARE = 0.5
"""Share of the interval by which the oldest regular picture is late when the monitor is overloaded."""

OVER_SHARE = 0.1
"""Share of the interval below which it is over."""

LEAST_LATE_SECONDS = 60.0
"""A picture that is late by less than this is no sign of overload, however short the interval is."""

RESERVE = 1.2
"""What is added to the interval that can be held: second looks, and bursts of visits."""

STEP_SECONDS = 10.0
"""The interval that can be held is rounded up to whole steps."""


@dataclass(frozen=True, slots=True)
class PictureDemand:
    """What the pictures of a fleet cost, and what there is for them.

    Attributes:
        cameras: cameras whose pictures are judged.
        interval_seconds: how often each picture is due.
        overdue_seconds: for how long the oldest regular picture is overdue.
        look_seconds: the mean time of one look in a worker.
        workers: how many look at once.
        fetch_seconds: the mean time of one visit that fetches a picture.
        fetches: how many fetch at once.

    """

    cameras: int
    interval_seconds: float
    overdue_seconds: float
    look_seconds: float
    workers: int
    fetch_seconds: float
    fetches: int

    @property
    def held_seconds(self) -> float:
        """The shortest interval at which all pictures can be judged."""
        a_camera = max(self.look_seconds / self.workers, self.fetch_seconds / self.fetches)
        return STEP_SECONDS * math.ceil(RESERVE * self.cameras * a_camera / STEP_SECONDS)


@dataclass(slots=True)
class Overload:
    """The judgement of the monitor's own load: since when it is overloaded, None while it is not, and why."""

    since: float | None = None
    detail: str = ""

    def shift(self, seconds: float) -> None:
        """Adjust to a step of the clock by `seconds`."""
        if self.since is not None:
            self.since += seconds

    def judge(self, demand: PictureDemand, now: float) -> tuple[Transition, ...]:
        """Judge the load; return the transition, if any."""
        late = demand.overdue_seconds
        if self.since is None and late > max(LEAST_LATE_SECONDS, LATE_SHARE * demand.interval_seconds):
            self.since, self.detail = now, _described(demand)
            code, raised = MONITOR_OVERLOADED.code, TransitionKind.RAISED
            return (Transition("", now, raised, code, detail=self.detail, since=now),)
        if self.since is not None and late <= max(1.0, OVER_SHARE * demand.interval_seconds):
            since, self.since = self.since, None
            return (Transition("", now, TransitionKind.CLEARED, MONITOR_OVERLOADED.code, since=since),)
        return ()


def _described(demand: PictureDemand) -> str:
    return (
        f"pictures of {demand.cameras} cameras are up to {demand.overdue_seconds:.0f} s late; an interval of "
        f"{demand.held_seconds:.0f} s can be held ({demand.look_seconds:.3f} s a picture, {demand.workers} workers)"
    )
