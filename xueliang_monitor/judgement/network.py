"""Which nodes of the topology are gone, judged by all cameras below them. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from xueliang_monitor.judgement.reachability import Member
from xueliang_monitor.topology import ROOT, NodeKind, Topology

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """When a node is judged gone or back.

    Attributes:
        share: the share of the cameras at a node that must be lost.
        least: the smallest number of lost cameras, unless the node is a host.
        channels: the smallest number of lost channels of a host.
        streak: visits in a row that a channel of a host must be lost, as its channels share one address.
        window: seconds within which the losses of one cause lie.
        settle: seconds after the first camera is back in which the others are awaited.
        patience: seconds that an alarm waits at most for visits of other cameras.
        host_patience: the same for a channel that its host does not serve: the others are asked in turns.

    """

    share: float = 0.8
    least: int = 3
    channels: int = 2
    streak: int = 3
    window: float = 90.0
    settle: float = 80.0
    patience: float = 10.0
    host_patience: float = 30.0


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the network at one moment.

    `members` are the cameras visited so far, `unvisited` those that were never visited. Cameras under maintenance say
    nothing and are in neither, but for those that were lost with a node that is down.
    """

    topology: Topology
    members: Mapping[str, Member]
    unvisited: Collection[str]
    now: float
    policy: NetworkPolicy = NetworkPolicy()

    def is_fresh(self, since: float | None) -> bool:
        """Return whether a camera was lost recently enough to say something about its node."""
        return since is not None and self.now - since <= self.policy.window

    def is_host(self, name: str) -> bool:
        """Return whether a node is one address that serves several cameras."""
        node = self.topology.nodes.get(name)
        return node is not None and node.kind is NodeKind.HOST

    def above(self, name: str) -> tuple[str, ...]:
        """Return what a node hangs on, up to and with the root; nothing for the root itself."""
        return () if name == ROOT else (*self.topology.path(name)[1:], ROOT)

    def lost_below(self, name: str) -> frozenset[str]:
        """Return the cameras below a node that were lost recently."""
        known = ((each, self.members.get(each)) for each in self.topology.below(name))
        return frozenset(each for each, member in known if member is not None and self.is_fresh(member.lost_at))

    def unserved_at(self, name: str) -> frozenset[str]:
        """Return the channels of a host that it recently stopped to serve."""
        known = ((each, self.members.get(each)) for each in self.topology.cameras(name))
        return frozenset(each for each, member in known if member is not None and self.is_fresh(member.unserved_at))

    def is_back(self, camera: str, *, host: bool) -> bool | None:
        """Return whether a camera lost with a host or an uplink is back; None if it is not watched any more."""
        member = self.members.get(camera)
        if member is None:
            return None
        return (member.unserved_at if host else member.lost_at) is None


@dataclass(frozen=True, slots=True)
class Tally:
    """The cameras below one node that say something about it now; those lost for long say nothing.

    Attributes:
        live: cameras that something answers for.
        lost: cameras that are surely lost.
        seems: cameras that are lost, perhaps by chance.
        unvisited: cameras that were never visited.
        gone: whether every part of the node is lost.
        seems_gone: the same, counting those lost by chance.
        parts: how many parts the node has: each child, and the cameras that hang on it directly.
        only: the child that is its only part; None otherwise.
        first: when the first of the lost was lost.
        last: when the last of the lost was lost.
        live_at: when a live camera was last visited.

    """

    live: int = 0
    lost: int = 0
    seems: int = 0
    unvisited: int = 0
    gone: bool = False
    seems_gone: bool = False
    parts: int = 0
    only: str | None = None
    first: float = math.inf
    last: float = -math.inf
    live_at: float = -math.inf

    @property
    def tells(self) -> bool:
        """Whether any camera says something."""
        return bool(self.live or self.seems or self.unvisited)


def tally_of(cameras: Iterable[str], view: View, *, streak: int, keep: Collection[str]) -> Tally:
    """Count the cameras that hang on a node directly; those in `keep` count however long they are lost."""
    live = lost = seems = unvisited = 0
    first, last, live_at = math.inf, -math.inf, -math.inf
    for name in cameras:
        member = view.members.get(name)
        if member is None:
            unvisited += name in view.unvisited
        elif member.lost_at is None:
            live += 1
            live_at = max(live_at, member.at)
        elif name in keep or view.is_fresh(member.lost_at):
            seems += 1
            lost += member.streak >= streak
            first, last = min(first, member.lost_at), max(last, member.lost_at)
    enough = view.policy.share * (live + seems + unvisited)
    return Tally(
        live,
        lost,
        seems,
        unvisited,
        gone=lost > 0 and lost >= enough,
        seems_gone=seems > 0 and seems >= enough,
        first=first,
        last=last,
        live_at=live_at,
    )


def _joined(own: Tally, children: Mapping[str, Tally]) -> Tally:
    """Return the tally of a node from its own cameras and its children."""
    named = {name: tally for name, tally in children.items() if tally.tells}
    parts = [*([own] if own.tells else []), *named.values()]
    return Tally(
        sum(part.live for part in parts),
        sum(part.lost for part in parts),
        sum(part.seems for part in parts),
        sum(part.unvisited for part in parts),
        gone=bool(parts) and all(part.gone for part in parts),
        seems_gone=bool(parts) and all(part.seems_gone for part in parts),
        parts=len(parts),
        only=next(iter(named)) if len(parts) == len(named) == 1 else None,
        first=min((part.first for part in parts), default=math.inf),
        last=max((part.last for part in parts), default=-math.inf),
        live_at=max((part.live_at for part in parts), default=-math.inf),
    )


def tallies(view: View, keep: Collection[str] = NOBODY) -> Mapping[str, Tally]:
    """Return the tally of every node and of the root; see `tally_of` for `keep`."""
    topology = view.topology
    found: dict[str, Tally] = {}
    order = [ROOT, *topology.nodes_below(ROOT)]
    for name in reversed(order):
        streak = view.policy.streak if view.is_host(name) else 1
        own = tally_of(topology.cameras(name), view, streak=streak, keep=keep)
        children = topology.children(name)
        found[name] = _joined(own, {child: found[child] for child in children}) if children else _alone(own)
    return found


def _alone(own: Tally) -> Tally:
    """Return the tally of a node without children."""
    return own if not own.tells else _joined(own, {})


def roots(view: View, name: str, found: Mapping[str, Tally]) -> Iterator[str]:
    """Yield the nodes at or below `name` that are the roots of what is lost.

    Of several nodes with the same cameras, the one next to the cameras is named: its own parents may still work.
    """
    tally = found[name]
    if not tally.gone:
        for child in view.topology.children(name):
            yield from roots(view, child, found)
        return
    while tally.only is not None:
        name, tally = tally.only, found[tally.only]
    least = view.policy.channels if view.is_host(name) else view.policy.least
    if tally.lost >= least:
        yield name


def unserved_hosts(view: View, keep: Collection[str] = NOBODY) -> Iterator[str]:
    """Yield the hosts that the network reaches, but that serve nearly none of their channels.

    Channels in `keep` count however long they are not served.
    """
    policy = view.policy
    for name in filter(view.is_host, view.topology.nodes):
        cameras = view.topology.cameras(name)
        known = {each: member for each in cameras if (member := view.members.get(each)) is not None}
        fresh = [
            member
            for each, member in known.items()
            if member.unserved_at is not None and (each in keep or view.is_fresh(member.unserved_at))
        ]
        sure = sum(member.streak >= policy.streak for member in fresh)
        served = sum(member.unserved_at is None for member in known.values())
        waiting = sum(each in view.unvisited for each in cameras)
        lost = sum(member.lost_at is not None for member in fresh)
        enough = policy.share * (len(fresh) + served + waiting)
        if policy.channels <= sure >= enough > lost:
            yield name
