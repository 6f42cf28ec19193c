"""The status of a camera that people see, derived from its health and the time. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import MappingProxyType

from xueliang_monitor.judgement.health import OWN_ERROR, FaultState, Health, Policy
from xueliang_monitor.model import State, Text


class StatusCause(enum.StrEnum):
    """Why a camera's state is unknown or not judged. The values are shown in the API.

    `CREDENTIALS_REFUSED` comes with the state of before: the monitor may not log in now. Other states have `NONE`.
    """

    NONE = ""
    MAINTENANCE = "maintenance"
    NOT_VISITED = "not_visited"
    NOT_JUDGED = "not_judged"
    UPLINK_DOWN = "uplink_down"
    HOST_DOWN = "host_down"
    MONITOR_ISOLATED = "monitor_isolated"
    STALE = "stale"
    CHECK_FAILED = "check_failed"
    CREDENTIALS_REFUSED = "credentials_refused"


CAUSES = MappingProxyType(
    {
        StatusCause.NOT_VISITED: Text("not visited yet", "尚未检测"),
        StatusCause.NOT_JUDGED: Text("not judged yet", "尚未判定"),
        StatusCause.UPLINK_DOWN: Text("behind a dead uplink", "上联中断"),
        StatusCause.HOST_DOWN: Text("its recorder or encoder is down", "所属录像机或编码器中断"),
        StatusCause.MONITOR_ISOLATED: Text("the monitor is cut off", "监控程序断网"),
        StatusCause.STALE: Text("no recent visit", "长时间未检测"),
        StatusCause.CHECK_FAILED: Text(
            "monitor error; camera state unknown", "监控程序自身出错，未能检测；摄像机状态未知"
        ),
        StatusCause.CREDENTIALS_REFUSED: Text("its shared login is refused", "共用账号被拒绝"),
    }
)
"""The text of each cause for which a camera's state is unknown, or is that of before."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What people see of a camera now.

    `online` and `healthy` are None while they are unknown. `faults` are the confirmed faults, oldest first. `behind` is
    the node of the topology that hides the camera; empty if none does, or the monitor itself is cut off.
    """

    state: State
    since: float | None
    online: bool | None
    healthy: bool | None
    cause: StatusCause = StatusCause.NONE
    faults: tuple[FaultState, ...] = ()
    behind: str = ""

    @classmethod
    def unknown(
        cls, cause: StatusCause, since: float | None, faults: tuple[FaultState, ...] = (), *, behind: str = ""
    ) -> CameraStatus:
        """Return the status of a camera whose state is unknown for a cause."""
        return cls(State.UNKNOWN, since, online=None, healthy=None, cause=cause, faults=faults, behind=behind)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What makes a camera's state unknown: the cause, since when, and the node of the topology that is down."""

    cause: StatusCause
    since: float
    behind: str = ""


def status(
    health: Health,
    now: float,
    policy: Policy,
    *,
    hidden: Hidden | None = None,
    maintenance: float | None = None,
    credentials_refused: bool = False,
) -> CameraStatus:
    """Derive a camera's status. A camera with stale health or behind a node that is down is unknown.

    `hidden` is the node that is down, `maintenance` when its maintenance began; None if neither holds.
    `credentials_refused` says that its shared login is refused; it then stays what it was.
    """
    if maintenance is not None:
        return CameraStatus(State.MAINTENANCE, maintenance, online=None, healthy=None, cause=StatusCause.MAINTENANCE)
    if health.visited_at is None:
        return CameraStatus.unknown(StatusCause.NOT_VISITED, None)
    faults = tuple(sorted(health.confirmed, key=lambda fault: (fault.since, fault.code)))
    if now - health.visited_at > policy.stale_after:
        return CameraStatus.unknown(StatusCause.STALE, health.visited_at, faults)
    if hidden is not None and health.state is not State.DOWN:
        return CameraStatus.unknown(hidden.cause, hidden.since, faults, behind=hidden.behind)
    if health.state is State.UNKNOWN:
        failed = OWN_ERROR in health.faults and health.told_online
        cause = StatusCause.CHECK_FAILED if failed else StatusCause.NOT_JUDGED
        cause = StatusCause.CREDENTIALS_REFUSED if credentials_refused else cause
        return CameraStatus.unknown(cause, health.state_since, faults)
    online = health.state is not State.DOWN
    return CameraStatus(
        health.state,
        health.state_since,
        online=online,
        healthy=online and not faults,
        cause=StatusCause.CREDENTIALS_REFUSED if credentials_refused else StatusCause.NONE,
        faults=faults,
    )
