"""The topology: what each camera hangs on, and what that hangs on, up to the monitor itself. Pure."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from xueliang_monitor.model import Target
from xueliang_monitor.net.host_validation import canonical_host

ROOT = ""
"""The name of the root: the monitor itself, which reaches everything else."""


class Placed(Protocol):
    """A camera with its target, its site and the word for its uplink, empty if unknown."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def target(self) -> Target:
        """The target of its visits."""

    @property
    def site(self) -> str:
        """Its site."""

    @property
    def uplink(self) -> str:
        """The word for its uplink."""


class NodeKind(enum.StrEnum):
    """What a node is: a switch, line, router or carrier, or one address that serves several cameras."""

    UPLINK = "uplink"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the topology.

    Attributes:
        name: the word by which cameras and other nodes refer to it.
        parent: the node that it hangs on; empty if that is unknown.
        kind: a `HOST` has an address, and every camera with that address is one of its channels.
        title: its name for people; empty if `name` serves.
        place: where a technician finds it.
        port: the port of the parent that it is plugged into.
        circuit: the circuit number that the carrier asks for.
        address: the host name or address of a recorder or an encoder.
        sessions: how many sessions a recorder may serve to the monitor at once; None for the setting.

    """

    name: str
    parent: str = ROOT
    kind: NodeKind = NodeKind.UPLINK
    title: str = ""
    place: str = ""
    port: str = ""
    circuit: str = ""
    address: str = ""
    sessions: int | None = None

    @property
    def shown(self) -> str:
        """Its name for people."""
        return self.title or self.name


def _frozen(lists: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: tuple(each) for name, each in lists.items()})


def _empty() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Topology:
    """All nodes, and the node that each camera hangs on.

    `nodes` are the declared ones, the uplinks or sites that cameras name, and the hosts with several cameras. `leaves`
    is the node of each camera by the camera's id. Parents that do not exist, and those that close a circle, are left
    out, so every path ends at the root.
    """

    nodes: Mapping[str, Node] = field(default_factory=lambda: MappingProxyType({}))
    leaves: Mapping[str, str] = field(default_factory=_empty)
    _paths: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    _children: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    _cameras: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    _below: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @classmethod
    def of(cls, declared: Iterable[Node], cameras: Iterable[Placed]) -> Topology:
        """Return the topology of the declared nodes and the cameras."""
        nodes = {node.name: node for node in declared}
        by_address = {canonical_host(node.address): node.name for node in nodes.values() if node.address}
        sharing: dict[str, list[Placed]] = {}
        for camera in cameras:
            sharing.setdefault(canonical_host(camera.target.host), []).append(camera)
        leaves: dict[str, str] = {}
        for address, behind in sharing.items():
            groups = Counter(camera.uplink or camera.site for camera in behind)
            for group in groups:
                nodes.setdefault(group, Node(group))
            # Where the files disagree, most of them decide.
            usual = min(groups, key=lambda group: (-groups[group], group))
            host = by_address.get(address)
            if host is None and len(behind) > 1:
                host = address if address not in nodes else f"host {address}"
                nodes[host] = Node(host, usual, NodeKind.HOST, address=address)
            elif host is not None and not nodes[host].parent and usual != host:
                nodes[host] = replace(nodes[host], parent=usual)
            leaves |= {camera.id: host or camera.uplink or camera.site for camera in behind}
        return cls._linked(nodes, leaves)

    @classmethod
    def _linked(cls, nodes: dict[str, Node], leaves: Mapping[str, str]) -> Topology:
        """Return the topology with its paths; a parent that is unknown or closes a circle is left out."""
        paths: dict[str, tuple[str, ...]] = {}
        for name in sorted(nodes):
            path: list[str] = []
            at = name
            while at != ROOT and at not in paths and at not in path and at in nodes:
                path.append(at)
                at = nodes[at].parent
            if path and at not in paths and at != ROOT:
                nodes[path[-1]] = replace(nodes[path[-1]], parent=ROOT)
            rest = paths.get(at, ())
            for number, each in enumerate(path):
                paths[each] = (*path[number:], *rest)
        children: dict[str, list[str]] = {}
        for name in sorted(nodes):
            children.setdefault(nodes[name].parent, []).append(name)
        cameras: dict[str, list[str]] = {}
        for camera in sorted(leaves):
            cameras.setdefault(leaves[camera], []).append(camera)
        below: dict[str, list[str]] = {ROOT: sorted(leaves)}
        for camera in below[ROOT]:
            for name in paths[leaves[camera]]:
                below.setdefault(name, []).append(camera)
        return cls(
            MappingProxyType(nodes),
            MappingProxyType(dict(leaves)),
            MappingProxyType(paths),
            _frozen(children),
            _frozen(cameras),
            _frozen(below),
        )

    def leaf(self, camera: str) -> str:
        """Return the node that a camera hangs on, the root if the camera is unknown."""
        return self.leaves.get(camera, ROOT)

    def path(self, name: str) -> tuple[str, ...]:
        """Return a node and what it hangs on, up to but without the root; empty for the root or an unknown name."""
        return self._paths.get(name, ())

    def children(self, name: str) -> tuple[str, ...]:
        """Return the nodes that hang directly on a node or on the root."""
        return self._children.get(name, ())

    def cameras(self, name: str) -> tuple[str, ...]:
        """Return the cameras that hang directly on a node."""
        return self._cameras.get(name, ())

    def nodes_below(self, name: str) -> Iterator[str]:
        """Yield all nodes below a node, parents before children."""
        waiting = list(self.children(name))
        while waiting:
            at = waiting.pop()
            yield at
            waiting += self.children(at)

    def below(self, name: str) -> tuple[str, ...]:
        """Return all cameras below a node, however far."""
        return self._below.get(name, ())

    def shown(self, name: str) -> str:
        """Return the name of a node for people."""
        node = self.nodes.get(name)
        return name if node is None else node.shown
