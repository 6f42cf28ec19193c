"""A change that is worth reporting: a fault raised or cleared, or a camera in another state. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace


class TransitionKind(enum.StrEnum):
    """What changed; the values are stored in the history and written to the log."""

    RAISED = "raised"
    CLEARED = "cleared"
    ATTRIBUTED = "attributed"
    ACKNOWLEDGED = "acknowledged"
    RELEASED = "released"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of a camera, an uplink, a login, or the monitor itself.

    Attributes:
        camera: the camera's id; empty for an uplink, a login or the monitor.
        at: when it changed, in seconds since the epoch.
        kind: whether a fault was raised or cleared, or the camera's state changed. `ATTRIBUTED` withdraws a fault,
            because a node of the topology or a login turned out to be its cause. `ACKNOWLEDGED` says that a user knows
            of a problem, `RELEASED` that the user took that back.
        code: the fault's code; the new state for `STATE`.
        detail: what was observed.
        uplink: the name of a node of the topology: the one that changed, or for a camera's `ATTRIBUTED` the one that
            turned out to be the cause; empty otherwise.
        since: when the fault was first seen.
        login: the name of the credentials; empty for a camera, an uplink or the monitor.

    """

    camera: str
    at: float
    kind: TransitionKind
    code: str
    detail: str = ""
    uplink: str = ""
    since: float | None = None
    login: str = ""

    @property
    def subject(self) -> tuple[str, str, str]:
        """What changed: camera, uplink and login, of which one is set; none for the monitor itself."""
        return (self.camera, "", "") if self.camera else ("", self.uplink, self.login)

    @property
    def ends(self) -> bool:
        """Whether a fault is over: cleared, or attributed to something else."""
        return self.kind in (TransitionKind.CLEARED, TransitionKind.ATTRIBUTED)

    def moved(self, change: Callable[[float], float]) -> Transition:
        """Return a copy with `change` applied to every time."""
        return replace(self, at=change(self.at), since=None if self.since is None else change(self.since))
