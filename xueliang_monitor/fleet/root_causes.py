"""What the fleet knows of its network: which nodes are down, and which cameras they hide. Judged by `judgement`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.fleet.monitor_status import MonitorFault
from xueliang_monitor.judgement.moved_nodes import moved
from xueliang_monitor.judgement.network import NOBODY, NetworkPolicy, Tally, View
from xueliang_monitor.judgement.reachability import Answer, Member, after, answer_of
from xueliang_monitor.judgement.root_causes import (
    MONITOR_ISOLATED,
    Change,
    Down,
    OwnProblem,
    judge,
    neighbours,
)
from xueliang_monitor.judgement.status import Hidden, StatusCause
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import VisitResult
from xueliang_monitor.topology import ROOT, NodeKind, Topology

JUDGED_SECONDS = 1.0
"""How often the network is judged at least while anything is lost, also without news."""

SECONDS_PER_CAMERA = 0.0001
"""How often it is judged at most, for each camera of a fleet with more than `FEW_CAMERAS`."""

FEW_CAMERAS = 1000
"""A fleet of so many cameras is judged after each visit that brings news."""

MOST_NEIGHBOURS = 12
"""How many other cameras are visited at once before a camera is blamed."""

MANY_BELOW = 64
"""With more cameras below a node, a camera that is lost is compared with what was last counted."""

ENOUGH_ANSWERS = 3
"""How many answers of other cameras show that they are not lost with it."""


@dataclass(frozen=True, slots=True)
class Uplink:
    """One node of the topology as people see it.

    Attributes:
        name: its name.
        kind: whether it is an uplink or a host with several cameras.
        cameras: how many visited cameras are below it.
        lost: the cameras lost with it while it is down.
        down_since: since when it is down; None while it is not.
        behind: the node above it that is down; empty if there is none, or if the node itself is down since before.
        telling: whether enough cameras are below it to judge it.

    """

    name: str
    kind: NodeKind = NodeKind.UPLINK
    cameras: int = 0
    lost: frozenset[str] = NOBODY
    down_since: float | None = None
    behind: str = ""
    telling: bool = True

    @property
    def down(self) -> bool:
        """Whether the node itself is down."""
        return self.down_since is not None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a visit changed.

    `transitions` are those of nodes and of the monitor. `attributed` are the cameras that were lost with a node that
    went down, with that node, and `titles` the names of those nodes for people. `wanted` are cameras to visit at once.
    `hold` says that the camera's own alarm waits for them.
    """

    transitions: tuple[Transition, ...] = ()
    attributed: Mapping[str, Down] = field(default_factory=lambda: MappingProxyType({}))
    wanted: frozenset[str] = NOBODY
    hold: bool = False
    titles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def shown(self, name: str) -> str:
        """Return the name of a node in `attributed` for people."""
        return self.titles.get(name, name)


NOTHING = Observation()


class RootCauses:
    """The nodes that are down, and what the last visit of each camera says of the network."""

    def __init__(self, policy: NetworkPolicy | None = None) -> None:
        self.topology = Topology()
        self.problem: str | None = None
        self._own_problem = OwnProblem.NONE
        self._policy = policy or NetworkPolicy()
        self._members: dict[str, Member] = {}
        self._unvisited: set[str] = set()
        self._silent: dict[str, float] = {}
        self._speaks_at = math.inf
        self._lost: set[str] = set()
        self._downs: Mapping[str, Down] = MappingProxyType({})
        self._held = NOBODY
        self._now = -math.inf
        self._judged_at = -math.inf
        self._tallies: Mapping[str, Tally] = MappingProxyType({})
        self._all_of: int | None = None
        self._all: tuple[Uplink, ...] = ()
        self._asked: dict[str, tuple[float, frozenset[str]]] = {}
        self._changed: dict[str, frozenset[str]] = {}

    def _view(self) -> View:
        return View(self.topology, self._members, self._unvisited, self._now, self._policy)

    def observe(self, camera: str, visited: VisitResult, *, maintained_until: float | None = None) -> Observation:
        """Apply a visit result; `maintained_until` is when the camera's maintenance ends, None if there is none.

        A camera under maintenance says nothing. But one that was lost with a node that is down tells when that is back.
        """
        self._now = max(self._now, visited.at)
        if self._now >= self._speaks_at:
            self.end_maintenance()
        self._silent.pop(camera, None)
        if maintained_until is not None:
            self._silent[camera] = maintained_until
            self._speaks_at = min(self._speaks_at, maintained_until)
            if not self._is_lost_with_any(camera):
                self._leave_out(camera)
                return NOTHING
        before = self._members.get(camera)
        answer = answer_of(visited)
        member = after(before, answer, visited.at)
        self._unvisited.discard(camera)
        if member is not None:
            self._members[camera] = member
        if member is None or (member.lost_at is None and member.unserved_at is None):
            self._lost.discard(camera)
        else:
            self._lost.add(camera)
        if not self._lost and not self._downs and self.problem is None:
            return NOTHING  # by far the most frequent case
        news = member is not None and (member.streak in range(1, self._policy.streak + 1) or _differs(before, member))
        made = NOTHING
        since = self._now - self._judged_at
        soon = len(self._members) <= FEW_CAMERAS or since >= SECONDS_PER_CAMERA * len(self._members)
        if since >= JUDGED_SECONDS or ((news or self._held) and soon):
            made = self._judge()
        blamed = maintained_until is None and self.hides(camera) is None
        own = self._awaited(camera, member, answer) if blamed else None
        return made if own is None else replace(made, wanted=made.wanted | own, hold=True)

    def _is_lost_with_any(self, camera: str) -> bool:
        return any(camera in down.lost for down in self._downs.values())

    def _leave_out(self, camera: str) -> None:
        """Leave a camera under maintenance out of what is known of the network."""
        self._unvisited.discard(camera)
        self._lost.discard(camera)
        if self._members.pop(camera, None) is not None:
            self._all_of = None

    def end_maintenance(self, *, every: bool = False) -> None:
        """Wait for the next visits of the cameras whose maintenance is over; with `every`, of all cameras under it."""
        over = [name for name, until in self._silent.items() if every or until <= self._now]
        for name in over:
            del self._silent[name]
            if name in self.topology.leaves and name not in self._members:
                self._unvisited.add(name)
        self._speaks_at = min(self._silent.values(), default=math.inf)

    def take_problem(self, problem: str | None, now: float, *, nameless: bool = False) -> Observation:
        """Take what is known to be wrong with the monitor's own network, None if nothing is.

        `nameless` says that only names cannot be looked up.
        """
        own = OwnProblem.NONE if problem is None else OwnProblem.NAMELESS if nameless else OwnProblem.CUT_OFF
        if (problem, own) == (self.problem, self._own_problem):
            return NOTHING
        self.problem, self._own_problem, self._now = problem, own, max(self._now, now)
        return self._judge()

    def take_topology(self, topology: Topology, now: float, readdressed: Collection[str] = NOBODY) -> Observation:
        """Replace the topology, and forget the cameras that it does not contain, or that have another address."""
        self.topology, self._now, self._all_of = topology, max(self._now, now), None
        kept = topology.leaves.keys() - readdressed
        self._members = {name: known for name, known in self._members.items() if name in kept}
        self._silent = {name: until for name, until in self._silent.items() if name in topology.leaves}
        self._unvisited = topology.leaves.keys() - self._members.keys() - self._silent.keys()
        self._lost &= kept
        if not self._downs:
            return NOTHING
        return self._judge(*moved(self._view(), self._downs))

    def _judge(self, downs: Mapping[str, Down] | None = None, changes: tuple[Change, ...] = ()) -> Observation:
        """Judge the whole network; `downs` are the nodes that are down after `changes`, if there were any."""
        self._judged_at = self._now
        before = self._downs
        made = judge(self._view(), before if downs is None else downs, problem=self._own_problem)
        changes += made.changes
        self._downs, self._held, self._tallies = made.downs, made.held, made.tallies
        self._all_of = None
        for name in before.keys() | made.downs.keys():
            lost = made.downs[name].lost if name in made.downs else NOBODY
            if name not in before or before[name].lost != lost:
                self._changed[name] = lost
        for name in [each for each in self._silent if each in self._members and not self._is_lost_with_any(each)]:
            self._leave_out(name)
        attributed: dict[str, Down] = {}
        for change in changes:
            if change.kind is TransitionKind.RAISED:
                attributed |= dict.fromkeys(change.down.lost, change.down)
        titles = {down.name: self._shown(down.name) for down in attributed.values()}
        return Observation(tuple(map(self._transition, changes)), attributed, made.wanted, titles=titles)

    def _shown(self, name: str) -> str:
        return "the monitor itself" if name == ROOT else self.topology.shown(name)

    def _transition(self, change: Change) -> Transition:
        down, detail = change.down, ""
        if change.kind is TransitionKind.RAISED:
            detail = self.detail_of(down)
        elif change.kind is TransitionKind.ATTRIBUTED:
            detail = f"lost with {self._shown(change.into)}"
        return Transition("", self._now, change.kind, down.code, detail=detail, uplink=down.name, since=down.since)

    def detail_of(self, down: Down) -> str:
        """Return what was observed of a node that is down."""
        if down.name == ROOT and self.problem is not None:
            return self.problem
        return f"{len(down.lost)} of {len(self.topology.below(down.name))} cameras lost together"

    def _awaited(self, camera: str, member: Member | None, answer: Answer | None) -> frozenset[str] | None:
        """Return the cameras to visit before a camera that does not answer is blamed; None if it may be blamed."""
        if member is None or answer not in (Answer.LOST, Answer.UNSERVED) or member.streak < 2:
            return None
        view, path = self._view(), self.topology.path(self.topology.leaf(camera))
        lost = answer is Answer.LOST
        since = member.lost_at if lost else member.unserved_at
        patience = self._policy.patience if lost else self._policy.host_patience
        if since is None or self._now - since > patience:
            return None
        if not lost and not (path and view.is_host(path[0])):
            return None
        for name in (*path, ROOT) if lost else path[:1]:
            if len(self.topology.below(name)) > MANY_BELOW and not view.is_host(name):
                return self._awaited_of_many(view, name, since)
            others = self._others(view, name, camera, lost=lost)
            if len(others) + 1 >= (self._policy.channels if view.is_host(name) else self._policy.least):
                break
        else:
            return None
        gone = sum(each in self._lost for each in others) + 1
        seems = gone >= self._policy.share * (len(others) + 1) or not self._held.isdisjoint((*path, ROOT))
        later = {each for each in others if each in self._members and self._members[each].at > since}
        if len(later - self._lost) >= ENOUGH_ANSWERS:
            return NOBODY if seems else None
        left = sorted(others - later, key=self._last_visit)[:MOST_NEIGHBOURS]
        return frozenset(left) if left or seems else None

    def _awaited_of_many(self, view: View, name: str, since: float) -> frozenset[str] | None:
        """Return the cameras to visit before one of very many below a node is blamed, by what was last counted."""
        tally = self._tallies.get(name, Tally())
        if tally.live_at > since and not tally.seems_gone:
            return None
        at, asked = self._asked.get(name, (-math.inf, NOBODY))
        if self._now - at >= JUDGED_SECONDS:
            asked = neighbours(view, name, since)
            self._asked[name] = self._now, asked
        return asked if asked or tally.seems_gone else None

    def _others(self, view: View, name: str, camera: str, *, lost: bool) -> set[str]:
        """Return the other cameras below a node that say something about it."""

        def tells(each: str) -> bool:
            member = self._members.get(each)
            if member is None:
                return each in self._unvisited
            since = member.lost_at if lost else member.unserved_at
            return since is None or view.is_fresh(since)

        return {each for each in self.topology.below(name) if each != camera and tells(each)}

    def _last_visit(self, camera: str) -> tuple[float, str]:
        return self._members[camera].at if camera in self._members else -math.inf, camera

    def hides(self, camera: str) -> Down | None:
        """Return the node that makes a camera's state unknown: it is down, and the camera was lost with it."""
        if not self._downs:
            return None
        member = self._members.get(camera)
        for name in (*self.topology.path(self.topology.leaf(camera)), ROOT):
            down = self._downs.get(name)
            if down is None:
                continue
            if member is None or (name == ROOT and self.problem is not None and not member.told):
                return down
            if name == ROOT and self._own_problem is OwnProblem.NAMELESS:
                continue
            since = member.unserved_at if down.host else member.lost_at
            if since is not None and (camera in down.lost or since >= down.since):
                return down
        return None

    def hidden(self, camera: str) -> Hidden | None:
        """Return why a camera's state is unknown; None if no node hides it."""
        down = self.hides(camera)
        return None if down is None else self.cause(down)

    def cause(self, down: Down) -> Hidden:
        """Return why the state of the cameras below a dead node is unknown."""
        if down.name == ROOT:
            return Hidden(StatusCause.MONITOR_ISOLATED, down.since)
        return Hidden(StatusCause(down.code), down.since, down.name)

    @property
    def isolated(self) -> tuple[MonitorFault, ...]:
        """The fault of the monitor itself while it is cut off."""
        down = self._downs.get(ROOT)
        return () if down is None else (MonitorFault(MONITOR_ISOLATED.code, down.since, self.detail_of(down)),)

    @property
    def downs(self) -> Mapping[str, Down]:
        """The nodes that are down, by name; the root's name stands for the monitor itself."""
        return self._downs

    @property
    def all(self) -> tuple[Uplink, ...]:
        """Every node with at least one visited camera."""
        if self._all_of != len(self._members):
            self._all_of, self._all = len(self._members), self._count_all()
        return self._all

    def _count_all(self) -> tuple[Uplink, ...]:
        found = []
        for name, node in self.topology.nodes.items():
            below = self.topology.below(name)
            telling = sum(each in self._members for each in below)
            visited = telling + sum(each in self._silent and each not in self._members for each in below)
            if not visited:
                continue
            down = self._downs.get(name)
            least = self._policy.channels if node.kind is NodeKind.HOST else self._policy.least
            above = next((each for each in self.topology.path(name)[1:] if each in self._downs), "")
            found.append(
                Uplink(
                    name,
                    node.kind,
                    visited,
                    down.lost if down else NOBODY,
                    down_since=down.since if down else None,
                    behind="" if down else above,
                    telling=telling >= least,
                )
            )
        return tuple(found)

    def restore(
        self, members: Mapping[str, Member], downs: Mapping[str, Down], now: float, *, stored: Collection[str] = NOBODY
    ) -> None:
        """Replace everything that is known by what was known before a restart.

        `stored` are the names of the nodes whose lost cameras are stored. Those that are not down are forgotten.
        """
        self._changed |= dict.fromkeys(set(stored) - downs.keys(), NOBODY)
        self._silent, self._speaks_at = {}, math.inf
        self._now = now
        self._members = dict(members)
        self._unvisited = self.topology.leaves.keys() - members.keys()
        self._lost = {name for name, known in members.items() if known.lost_at or known.unserved_at}
        self._downs = MappingProxyType(dict(downs))
        self._all_of = None

    def move(self, change: Callable[[float], float]) -> None:
        """Apply `change` to every time, for example after a correction of the clock."""
        self._members = {name: member.moved(change) for name, member in self._members.items()}
        self._downs = MappingProxyType({name: down.moved(change) for name, down in self._downs.items()})
        self._all_of = None
        self._now, self._judged_at = change(self._now), change(self._judged_at)
        self._silent = {name: change(until) for name, until in self._silent.items()}
        self._speaks_at = min(self._silent.values(), default=math.inf)

    def take_changed(self) -> Mapping[str, frozenset[str]]:
        """Return the lost cameras of every node whose lost cameras changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed


def _differs(before: Member | None, now: Member) -> bool:
    """Return whether a camera is lost, unserved or back since its last visit."""
    if before is None:
        return True
    return (before.lost_at is None, before.unserved_at is None) != (now.lost_at is None, now.unserved_at is None)
