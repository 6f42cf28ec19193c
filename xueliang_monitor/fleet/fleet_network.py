"""What the cameras of the fleet hang on: the topology, made anew after changes, and the nodes that are down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.root_causes import Observation, RootCauses, Uplink
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.model import VisitResult
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.topology import Node, Topology


class FleetNetwork:
    """The topology of the cameras in `entries`, and what their visits say of it.

    `now` returns the time. `take` is called with what a change of the topology or of the monitor's own network changed.

    Attributes:
        causes: the nodes that are down, and which cameras they hide.

    """

    def __init__(
        self,
        entries: Mapping[str, Entry],
        nodes: tuple[Node, ...],
        *,
        now: Callable[[], float],
        take: Callable[[Observation], None],
    ) -> None:
        self.causes = RootCauses()
        self._entries = entries
        self._nodes = nodes
        self._now = now
        self._take = take
        self._outdated = True
        self._changing = False
        self._hosts: Mapping[str, str] = {}

    def take_nodes(self, nodes: tuple[Node, ...]) -> None:
        """Replace the declared nodes."""
        if nodes != self._nodes:
            self._nodes = nodes
            self.cameras_changed()

    def cameras_changed(self) -> None:
        """Make the topology anew, as cameras were added, replaced or removed."""
        self._outdated = True
        self._follow()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Put off following the topology while many cameras change."""
        outer, self._changing = self._changing, True
        try:
            yield
        finally:
            self._changing = outer
            self._follow()

    def _follow(self) -> None:
        """Make the topology anew after cameras or nodes changed."""
        if not self._outdated or self._changing:
            return
        self._outdated = False
        before, topology = self._hosts, self._made()
        other = {name for name, host in self._hosts.items() if before.get(name, host) != host}
        self._take(self.causes.take_topology(topology, self._now(), other))

    def _made(self) -> Topology:
        cameras = [entry.camera for entry in self._entries.values()]
        self._hosts = {camera.id: canonical_host(camera.target.host) for camera in cameras}
        return Topology.of(self._nodes, cameras)

    def forget(self) -> None:
        """Forget which nodes are down and what visits said, before the state is restored."""
        self.causes = RootCauses()

    def begin(self) -> Topology:
        """Make the topology at once and return it, as the state is restored by it."""
        self._outdated = False
        topology = self._made()
        self.causes.take_topology(topology, self._now())
        return topology

    def take_own_network(self, problem: str | None, *, nameless: bool) -> None:
        """Take what is known to be wrong with the monitor's own network; see `RootCauses.take_problem`."""
        self._follow()
        self._take(self.causes.take_problem(problem, self._now(), nameless=nameless))

    def observe(self, visited: VisitResult, *, maintained_until: float | None) -> Observation:
        """Return what a visit says of the nodes above its camera; see `RootCauses.observe`."""
        self._follow()
        return self.causes.observe(visited.camera, visited, maintained_until=maintained_until)

    def path_of(self, camera: Camera) -> tuple[str, ...]:
        """Return the nodes that a camera hangs on, from its own up to the last one before the monitor."""
        topology = self.topology
        return topology.path(topology.leaf(camera.id))

    @property
    def topology(self) -> Topology:
        """What each camera hangs on."""
        self._follow()
        return self.causes.topology

    @property
    def uplinks(self) -> tuple[Uplink, ...]:
        """All nodes of the topology with at least one visited camera."""
        self._follow()
        return self.causes.all
