"""The topology as a tree for the page: each node with the states of the cameras below it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from xueliang_monitor.fleet.root_causes import Uplink
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import fault
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.judgement.root_causes import HOST_DOWN, UPLINK_DOWN
from xueliang_monitor.judgement.status import CameraStatus
from xueliang_monitor.model import Fault, Text
from xueliang_monitor.topology import ROOT, Node, NodeKind, Topology
from xueliang_monitor.web.levels import CRITICAL, LEVELS, WORST_FIRST, Level, level_of
from xueliang_monitor.web.tiles import natural

KINDS = {NodeKind.UPLINK: Text("uplink", "上联"), NodeKind.HOST: Text("recorder or encoder", "录像机或编码器")}
MOST_DEEP = 12
"""Levels of the tree. Nodes further down stand side by side at the last level."""

MOST_NODES = 2_000
MOST_CAMERAS = 2_000
"""The most cameras that the page lists; those in trouble come first at each node."""

MOST_CAMERAS_OF_NODE = 24
SMALL = 6
"""A tree of at most so many nodes is shown unfolded."""

_TAKEN = frozenset(
    {"main", "link", "lost-since", "theme", "filter", "updated", "count", "none", "wall", "said", "icon", "sound"}
)
"""Ids of other elements that the script of the page looks for."""

Pair = tuple[Entry, CameraStatus]


def anchor(name: str) -> str:
    """Return the id of a node's element on the page."""
    return f"node-{name}" if name in _TAKEN else name


def link(name: str) -> str:
    """Return the address of a node on the page."""
    return f"/sites#{quote(anchor(name), safe='')}"


def fault_of(kind: NodeKind) -> Fault:
    """Return the fault of a dead node of a kind."""
    return fault(HOST_DOWN.code if kind is NodeKind.HOST else UPLINK_DOWN.code)


@dataclass(frozen=True, slots=True)
class Known:
    """What the tree is made from, taken at one moment."""

    topology: Topology
    pairs: Sequence[Pair]
    uplinks: Sequence[Uplink]
    windows: Sequence[Window] = ()
    availability: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """One node on the page.

    Attributes:
        node: the node.
        count: how many cameras are below it.
        states: the number of these cameras by level, the worst first: value, name and number.
        month: their mean online rate over 30 days.
        window: the maintenance of the node, if it is in force.
        down: the node's own event, if it is the root of one.
        hidden: how many cameras it hides.
        behind: the dead node above it; None if there is none, or if the node is down itself.
        cameras: cameras that hang on it directly, with their levels, at most `MOST_CAMERAS_OF_NODE`.
        more_cameras: how many more there are.
        children: the nodes that hang on it.
        more_nodes: how many nodes below it are not shown.
        unfolded: whether its inside is shown at first.

    """

    node: Node
    count: int
    states: tuple[tuple[str, Text, int], ...]
    month: float | None
    window: Window | None
    down: Uplink | None
    hidden: int
    behind: Node | None
    cameras: tuple[tuple[Entry, Level], ...]
    more_cameras: int
    children: tuple[Branch, ...]
    more_nodes: int
    unfolded: bool

    @property
    def anchor(self) -> str:
        """The id of its element."""
        return anchor(self.node.name)

    @property
    def kind(self) -> Text:
        """What the node is."""
        return KINDS[self.node.kind]

    @property
    def fault(self) -> Fault:
        """Its fault if it is down."""
        return fault_of(self.node.kind)


def level_counts(levels: Counter[Level]) -> tuple[tuple[str, Text, int], ...]:
    """Return the number of cameras by level, the worst first, without levels that no camera has."""
    return tuple((level.value, LEVELS[level], levels[level]) for level in WORST_FIRST if levels[level])


def only_sites(topology: Topology, pairs: Iterable[Pair]) -> frozenset[str]:
    """Return the nodes that are nothing but the site of cameras without an uplink; the list of sites shows them."""
    sites = {entry.camera.site for entry, _ in pairs if not entry.camera.uplink}
    named = {entry.camera.uplink for entry, _ in pairs}
    return frozenset(
        name for name in sites - named if topology.nodes.get(name) == Node(name) and not topology.children(name)
    )


class _Builder:
    """Builds the branches; counts what is shown, so that the page stays bounded."""

    def __init__(self, known: Known, left_out: Collection[str]) -> None:
        self._topology = known.topology
        self._left_out = left_out
        self._down = {uplink.name: uplink for uplink in known.uplinks if uplink.down}
        self._windows = {window.name: window for window in known.windows if window.kind is WindowKind.UPLINK}
        self._hidden = Counter(status.behind for _, status in known.pairs)
        self._pairs = {entry.camera.id: (entry, level_of(status)) for entry, status in known.pairs}
        self._levels: dict[str, Counter[Level]] = defaultdict(Counter)
        self._rates: dict[str, list[float]] = defaultdict(list)
        for entry, level in self._pairs.values():
            rate = known.availability.get(entry.camera.id, {}).get("30d")
            for name in self._topology.path(self._topology.leaf(entry.camera.id)):
                self._levels[name][level] += 1
                if rate is not None:
                    self._rates[name].append(rate)
        self._small = len(self._topology.nodes) <= SMALL
        self._nodes_left, self._cameras_left = MOST_NODES, MOST_CAMERAS

    def branches(self, names: Iterable[str], depth: int) -> tuple[Branch, ...]:
        """Return nodes of one level, those in trouble first."""
        ordered = sorted((name for name in names if name not in self._left_out), key=self._order)
        made = []
        for name in ordered:
            if self._nodes_left <= 0:
                break
            self._nodes_left -= 1
            made.append(self._branch(name, depth))
        return tuple(made)

    def _order(self, name: str) -> tuple[bool, int, object]:
        levels = self._levels[name]
        worst = next((level.rank for level in WORST_FIRST if levels[level]), len(WORST_FIRST))
        return name not in self._down, worst, natural(self._topology.shown(name))

    def _branch(self, name: str, depth: int) -> Branch:
        topology, levels = self._topology, self._levels[name]
        below = topology.children(name) if depth < MOST_DEEP else tuple(topology.nodes_below(name))
        if depth > MOST_DEEP:
            below = ()
        cameras, more = self._cameras(name)
        children = self.branches(below, depth + 1)
        rates = self._rates[name]
        above = () if name in self._down else topology.path(name)[1:]
        behind = next((each for each in above if each in self._down), None)
        trouble = name in self._down or any(levels[level] for level in (*CRITICAL, Level.DEGRADED))
        trouble = trouble or any(child.down or child.unfolded for child in children)
        return Branch(
            node=topology.nodes[name],
            count=levels.total(),
            states=level_counts(levels),
            month=sum(rates) / len(rates) if rates else None,
            window=self._windows.get(name),
            down=self._down.get(name),
            hidden=self._hidden[name],
            behind=None if behind is None else topology.nodes[behind],
            cameras=cameras,
            more_cameras=more,
            children=children,
            more_nodes=len(below) - len(children),
            unfolded=self._small or trouble,
        )

    def _cameras(self, name: str) -> tuple[tuple[tuple[Entry, Level], ...], int]:
        """Return the cameras of a node that are listed, those in trouble first, and how many more there are."""
        found = [self._pairs[each] for each in self._topology.cameras(name) if each in self._pairs]
        found.sort(key=lambda pair: (pair[1].rank, natural(pair[0].camera.name)))
        shown = tuple(found[: min(MOST_CAMERAS_OF_NODE, self._cameras_left)])
        self._cameras_left -= len(shown)
        return shown, len(found) - len(shown)


def tree(known: Known, left_out: Collection[str] = ()) -> tuple[Branch, ...]:
    """Return the tree without the nodes in `left_out`, those in trouble first; `known.windows` are those in force."""
    return _Builder(known, left_out).branches(known.topology.children(ROOT), 0)
