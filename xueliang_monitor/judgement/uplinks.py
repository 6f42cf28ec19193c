"""Which uplinks are down, told from the cameras behind each together: one cause, one event. Pure."""

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
    Text("Uplink down", "上联中断"),
    Text(
        "Nearly all cameras behind one switch or line stopped answering together.",
        "同一交换机或线路后的摄像机几乎同时失去响应。",
    ),
    Text(
        "Look at the switch, its power and its line first; the cameras behind it need no visit.",
        "先检查交换机、其供电与上联线路；其后的摄像机无需逐一检查。",
    ),
)

UNREACHABLE = frozenset({"host_unreachable", "connect_timeout"})
"""Faults by which a camera may be behind a dead uplink: nothing at all answers."""

ANSWERED = frozenset({"connection_refused"})
"""Faults of the first rung by which something answers: the way to the camera is good."""


@dataclass(frozen=True, slots=True)
class UplinkPolicy:
    """When an uplink is down: `share` of its visited cameras, at least `least`, lost within `window` seconds.

    It is up again once `recovered` of those are reached. `patience` seconds a camera's own alarm waits at most for
    its neighbours to be visited.
    """

    share: float = 0.8
    least: int = 3
    window: float = 60.0
    recovered: float = 0.5
    patience: float = 8.0


@dataclass(frozen=True, slots=True)
class Member:
    """A camera behind an uplink: when it was last visited, and since when nothing of it answers."""

    at: float
    lost_at: float | None = None


@dataclass(frozen=True, slots=True)
class Uplink:
    """What is known of an uplink; `lost` are the cameras that went with it while it is down."""

    name: str
    members: Mapping[str, Member] = field(default_factory=lambda: MappingProxyType({}))
    down_since: float | None = None
    lost: frozenset[str] = frozenset()

    @property
    def down(self) -> bool:
        """Whether it is down."""
        return self.down_since is not None

    @property
    def telling(self) -> bool:
        """Whether it has enough cameras to tell anything of it."""
        return len(self.members) >= UplinkPolicy().least

    def hides(self, camera: str) -> bool:
        """Whether nothing can be told of a camera because of it: it is down, and the camera is not reached either."""
        member = self.members.get(camera)
        return self.down and (member is None or member.lost_at is not None)

    def moved(self, change: Callable[[float], float]) -> Uplink:
        """Return the same with every moment changed."""
        members = {
            name: Member(change(member.at), None if member.lost_at is None else change(member.lost_at))
            for name, member in self.members.items()
        }
        since = None if self.down_since is None else change(self.down_since)
        return replace(self, members=MappingProxyType(members), down_since=since)


def without(uplink: Uplink, camera: str, policy: UplinkPolicy) -> tuple[Uplink, TransitionKind | None]:
    """Return an uplink without a camera that is no longer behind it, and `up` where that leaves it no longer down."""
    members = {name: member for name, member in uplink.members.items() if name != camera}
    after = replace(uplink, members=MappingProxyType(members), lost=uplink.lost - {camera})
    return _recovered(after, policy)


def _recovered(uplink: Uplink, policy: UplinkPolicy) -> tuple[Uplink, TransitionKind | None]:
    """Return an uplink that was down as up where enough of its lost cameras are reached, or too few are left."""
    if not uplink.down:
        return uplink, None
    back = sum(uplink.members[name].lost_at is None for name in uplink.lost if name in uplink.members)
    if len(uplink.lost) >= policy.least and back < policy.recovered * len(uplink.lost):
        return uplink, None
    return replace(uplink, down_since=None, lost=frozenset()), TransitionKind.CLEARED


def unreachable(visited: VisitResult) -> bool | None:
    """Say whether a visit found nothing that answers; None where it cannot tell, as for a fault of our own."""
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
    """Return the members that were there a moment ago: those lost for longer tell nothing of the uplink now."""
    return {
        name: member
        for name, member in uplink.members.items()
        if member.lost_at is None or at - member.lost_at <= policy.window
    }


def observe(uplink: Uplink, visited: VisitResult, policy: UplinkPolicy) -> tuple[Uplink, TransitionKind | None]:
    """Take a visit of a camera behind the uplink; return the uplink, and `down` or `up` where that changed."""
    if unreachable(visited) is False and not uplink.down and visited.camera in uplink.members:
        known = uplink.members[visited.camera]
        if known.lost_at is None:  # by far the most frequent case: still there
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


def undecided(uplink: Uplink, camera: str, since: float, now: float, policy: UplinkPolicy) -> frozenset[str]:
    """Return the neighbours to be visited before a camera that is not reached `since` is judged by itself.

    Empty where the uplink has too few cameras to tell, all were visited since, or patience is over.
    """
    neighbours = {name: member for name, member in _candidates(uplink, now, policy).items() if name != camera}
    if uplink.down or len(neighbours) + 1 < policy.least or now - since > policy.patience:
        return frozenset()
    return frozenset(name for name, member in neighbours.items() if member.at < since)
