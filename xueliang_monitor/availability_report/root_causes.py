"""The time that cameras were not available, by the cause of each outage. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay
from xueliang_monitor.judgement.episodes import Episode
from xueliang_monitor.judgement.root_causes import HOST_DOWN, MONITOR_ISOLATED, UPLINK_DOWN
from xueliang_monitor.topology import Node, NodeKind, Topology

SHORTEST_SECONDS = 1.0
"""Shorter times are what remains of rounding."""

_KINDS = {UPLINK_DOWN.code: NodeKind.UPLINK, HOST_DOWN.code: NodeKind.HOST}


@dataclass(frozen=True, slots=True)
class RootCause:
    """One node of the topology that was down.

    Attributes:
        node: the node, of the kind that it was; only its name is known if it is not declared any more.
        outages: how often it was down.
        seconds: how long it was down in the period.
        lost: the time of cameras behind it meanwhile, in seconds.

    """

    node: Node
    outages: int
    seconds: float
    lost: float


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The time of cameras without maintenance in which they were not online, in seconds.

    Attributes:
        roots: the nodes that were down, the one that cost most first.
        unnamed: time behind nodes of which the history does not hold the name.
        own: time in which cameras were offline by themselves.
        isolated: how often the monitor itself was cut off; nothing is known of the cameras meanwhile.
        isolated_seconds: how long it was cut off; cameras' times do not contain it.

    """

    roots: tuple[RootCause, ...]
    unnamed: float
    own: float
    isolated: int
    isolated_seconds: float

    @property
    def total(self) -> float:
        """All time in which cameras were not online."""
        return sum(root.lost for root in self.roots) + self.unnamed + self.own


def nodes_above(cameras: Iterable[str], topology: Topology) -> frozenset[str]:
    """Return the nodes that cameras hang on, however far up."""
    leaves = {topology.leaf(camera) for camera in cameras}
    return frozenset(name for leaf in leaves for name in topology.path(leaf))


def unavailable(
    cameras: Collection[str],
    spent: AvailabilitySeconds,
    seconds: Mapping[RootDay, float],
    *,
    episodes: Iterable[Episode],
    inside: Callable[[Episode], float],
    topology: Topology,
) -> Unavailable:
    """Return the unavailable time of cameras, of which `spent` is the total, by root cause.

    `seconds` and `episodes` are those of the period. `inside` returns the seconds of an episode in the period.
    """
    lost: dict[tuple[str, NodeKind], float] = defaultdict(float)
    for day, behind in seconds.items():
        if day.camera in cameras:
            lost[day.root, day.kind] += behind
    above = nodes_above(cameras, topology) | {name for name, _ in lost}
    down: dict[tuple[str, NodeKind], list[Episode]] = defaultdict(list)
    isolated: list[Episode] = []
    for item in episodes:
        if item.camera:
            continue
        if item.fault == MONITOR_ISOLATED.code:
            isolated.append(item)
        elif item.uplink in above and item.fault in _KINDS:
            down[item.uplink, _KINDS[item.fault]].append(item)
    roots = [
        RootCause(
            replace(topology.nodes.get(name) or Node(name), kind=kind),
            len(down[name, kind]),
            sum(map(inside, down[name, kind])),
            lost.get((name, kind), 0.0),
        )
        for name, kind in sorted(lost.keys() | down.keys())
    ]
    roots = [root for root in roots if root.outages or root.lost >= SHORTEST_SECONDS]
    unnamed = spent.uplink - sum(root.lost for root in roots)
    return Unavailable(
        tuple(sorted(roots, key=lambda root: (-root.lost, root.node.name))),
        unnamed if unnamed >= SHORTEST_SECONDS else 0.0,
        max(0.0, spent.counted - spent.online - spent.uplink),
        len(isolated),
        sum(map(inside, isolated)),
    )
