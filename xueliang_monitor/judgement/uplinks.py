"""Whether an uplink is down, judged by all cameras behind it: one cause, one event. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.judgement.transition import TransitionKind
from xueliang_monitor.model import Fault, Rung, Severity, Text, VisitResult

UPLINK_DOWN = Fault(
    "uplink_down",
    Rung.FLEET,
    Severity.CRITICAL,
    name=Text("Uplink down", "上联中断"),
    cause=Text(
        "Nearly all cameras behind one switch or line stopped answering at the same time.",
        "同一交换机或线路下的摄像机几乎同时失去响应。",
    ),
    advice=Text(
        "Check the switch, its power supply and its line first. The cameras behind it need no check.",
        "先检查交换机、交换机供电与上联线路；其下的摄像机无需逐一检查。",
    ),
)

UNREACHABLE = frozenset({"host_unreachable", "connect_timeout"})
"""Faults of a camera that may be behind a dead uplink: nothing answers at all."""

ANSWERED = frozenset({"connection_refused"})
"""Faults of the reach rung that are an answer: the path to the camera works."""


@dataclass(frozen=True, slots=True)
class UplinkPolicy:
    """When an uplink is judged down or up.

    Attributes:
        share: the share of its visited cameras that must be lost within `window` seconds.
        least: the smallest number of lost cameras.
        window: seconds.
        recovered: the share of the lost cameras that must be reached again for the uplink to be up.
        patience: seconds that a camera's own alarm waits at most for its neighbours to be visited.

    """

    share: float = 0.8
    least: int = 3
    window: float = 60.0
    recovered: float = 0.5
    patience: float = 8.0


@dataclass(frozen=True, slots=True)
class Member:
    """A camera behind an uplink: when it was last visited, and since when it is unreachable."""

    at: float
    lost_at: float | None = None


@dataclass(frozen=True, slots=True)
class Uplink:
    """The state of one uplink; `lost` are the cameras lost with it while it is down."""

    name: str
    members: Mapping[str, Member] = field(default_factory=lambda: MappingProxyType({}))
    down_since: float | None = None
    lost: frozenset[str] = frozenset()

    @property
    def down(self) -> bool:
        """Whether the uplink is down."""
        return self.down_since is not None

    @property
    def telling(self) -> bool:
        """Whether the uplink has enough cameras to be judged."""
        return len(self.members) >= UplinkPolicy().least

    def hides(self, camera: str) -> bool:
        """Return whether the uplink makes a camera's state unknown: it is down and the camera is unreachable."""
        member = self.members.get(camera)
        return self.down and (member is None or member.lost_at is not None)

    def moved(self, change: Callable[[float], float]) -> Uplink:
        """Return a copy with `change` applied to every time."""
        members = {
            name: Member(change(member.at), None if member.lost_at is None else change(member.lost_at))
            for name, member in self.members.items()
        }
        since = None if self.down_since is None else change(self.down_since)
        return replace(self, members=MappingProxyType(members), down_since=since)


def without(uplink: Uplink, camera: str, policy: UplinkPolicy) -> tuple[Uplink, TransitionKind | None]:
    """Return an uplink without a camera, and `CLEARED` if the uplink is up without it."""
    members = {name: member for name, member in uplink.members.items() if name != camera}
    after = replace(uplink, members=MappingProxyType(members), lost=uplink.lost - {camera})
    return _recovered(after, policy)


def _recovered(uplink: Uplink, policy: UplinkPolicy) -> tuple[Uplink, TransitionKind | None]:
    """Return a dead uplink as up if enough of its lost cameras are reached again, or too few are left."""
    if not uplink.down:
        return uplink, None
    back = sum(uplink.members[name].lost_at is None for name in uplink.lost if name in uplink.members)
    if len(uplink.lost) >= policy.least and back < policy.recovered * len(uplink.lost):
        return uplink, None
    return replace(uplink, down_since=None, lost=frozenset()), TransitionKind.CLEARED


def unreachable(visited: VisitResult) -> bool | None:
    """Return whether a visit got no answer at all; None if it cannot tell, as after an error of the monitor."""
    if any(finding.code in UNREACHABLE for finding in visited.seen):
        return True
    answered = any(result.rung == Rung.REACH and (result.ok or result.fault in ANSWERED) for result in visited.rungs)
    return False if answered else None


def _with(uplink: Uplink, visited: VisitResult) -> Uplink:
    gone = unreachable(visited)
    before = uplink.members.get(visited.camera)
    if gone is None:
        return uplink
    lost_at = None
    if gone:
        lost_at = before.lost_at if before is not None and before.lost_at is not None else visited.at
    members = {**uplink.members, visited.camera: Member(visited.at, lost_at)}
    return replace(uplink, members=MappingProxyType(members))


def _candidates(uplink: Uplink, at: float, policy: UplinkPolicy) -> dict[str, Member]:
    """Return the members that were reachable recently. Members lost for longer say nothing about the uplink."""
    return {
        name: member
        for name, member in uplink.members.items()
        if member.lost_at is None or at - member.lost_at <= policy.window
    }


def observe(uplink: Uplink, visited: VisitResult, policy: UplinkPolicy) -> tuple[Uplink, TransitionKind | None]:
    """Apply a visit of a camera behind the uplink; return it, and `RAISED` or `CLEARED` if it went down or up."""
    if unreachable(visited) is False and not uplink.down and visited.camera in uplink.members:
        known = uplink.members[visited.camera]
        if known.lost_at is None:  # by far the most frequent case: still reachable
            members = {**uplink.members, visited.camera: Member(visited.at)}
            return replace(uplink, members=MappingProxyType(members)), None
    after = _with(uplink, visited)
    if after.down:
        if unreachable(visited):
            after = replace(after, lost=after.lost | {visited.camera})
        return _recovered(after, policy)
    candidates = _candidates(after, visited.at, policy)
    lost = {name: member.lost_at for name, member in candidates.items() if member.lost_at is not None}
    if len(lost) >= policy.least and len(lost) >= policy.share * len(candidates):
        return replace(after, down_since=min(lost.values()), lost=frozenset(lost)), TransitionKind.RAISED
    return after, None


def undecided(uplink: Uplink, camera: str, *, since: float, now: float, policy: UplinkPolicy) -> frozenset[str]:
    """Return the neighbours to visit before a camera that is unreachable since `since` is blamed.

    Empty if the uplink has too few cameras, all neighbours were visited since then, or the patience is over.
    """
    neighbours = {name: member for name, member in _candidates(uplink, now, policy).items() if name != camera}
    if uplink.down or len(neighbours) + 1 < policy.least or now - since > policy.patience:
        return frozenset()
    return frozenset(name for name, member in neighbours.items() if member.at < since)
