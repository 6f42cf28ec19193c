"""The roots of what is lost: one cause, one event, at whatever level of the topology. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.judgement.network import (
    NOBODY,
    NetworkPolicy,
    Tally,
    View,
    roots,
    tallies,
    unserved_hosts,
)
from xueliang_monitor.judgement.transition import TransitionKind
from xueliang_monitor.model import Fault, Rung, Severity, Text
from xueliang_monitor.topology import ROOT

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
HOST_DOWN = Fault(
    "host_down",
    Rung.FLEET,
    Severity.CRITICAL,
    name=Text("Recorder or encoder down", "录像机或编码器中断"),
    cause=Text(
        "One device serves several cameras and answers for nearly none of them: it hangs, or has no power or network.",
        "同一台录像机或编码器的各通道几乎同时失去响应：设备死机、断电或断网。",
    ),
    advice=Text(
        "Restart the device, then check its power and its network. Its channels need no check.",
        "重启该设备，再检查其供电与网络；各通道无需逐一检查。",
    ),
)
MONITOR_ISOLATED = Fault(
    "monitor_isolated",
    Rung.MONITOR,
    Severity.CRITICAL,
    name=Text("The monitor is cut off", "监控程序断网"),
    cause=Text(
        "The monitor reaches none of its cameras: its own interface, route, name server or switch is down.",
        "监控程序无法到达任何摄像机：本机网卡、路由、域名服务器或所连交换机中断。",
    ),
    advice=Text(
        "Check the network of the monitor's machine first. Nothing is known of the cameras meanwhile.",
        "先检查监控服务器自身的网络；在此期间各摄像机状态未知。",
    ),
)

SAMPLE = 3
"""How many cameras of each neighbouring part are visited to learn whether a parent works."""

MOST_WANTED = 12
"""How many cameras are visited at most to learn whether a parent works."""


@dataclass(frozen=True, slots=True)
class Down:
    """A node that is down.

    Attributes:
        name: its name; the root's for the monitor itself.
        since: when the first of its cameras was lost.
        lost: the cameras that were lost with it.
        code: the code of its fault. It stays, whatever becomes of the node in the files.
        back_at: when the first of them was back; None while all are lost.

    """

    name: str
    since: float
    lost: frozenset[str]
    code: str
    back_at: float | None = None

    @property
    def host(self) -> bool:
        """Whether it is a host: its channels are lost with it also while the network reaches it."""
        return self.code == HOST_DOWN.code

    def least(self, policy: NetworkPolicy) -> int:
        """Return the smallest number of cameras that it is judged by."""
        return policy.channels if self.host else policy.least

    def moved(self, change: Callable[[float], float]) -> Down:
        """Return a copy with `change` applied to every time."""
        back = None if self.back_at is None else change(self.back_at)
        return replace(self, since=change(self.since), back_at=back)


@dataclass(frozen=True, slots=True)
class Change:
    """A node that went down, came up, or turned out to be down because of another one, `into`."""

    kind: TransitionKind
    down: Down
    into: str = ROOT


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of a judgement.

    `downs` are the nodes that are down now. `held` are those that seem to be, until cameras in `wanted` were visited.
    `tallies` are what was counted, by node.
    """

    downs: Mapping[str, Down] = field(default_factory=lambda: MappingProxyType({}))
    changes: tuple[Change, ...] = ()
    held: frozenset[str] = NOBODY
    wanted: frozenset[str] = NOBODY
    tallies: Mapping[str, Tally] = field(default_factory=lambda: MappingProxyType({}))


def code_at(view: View, name: str) -> str:
    """Return the code of the fault that a node has when it goes down."""
    if name == ROOT:
        return MONITOR_ISOLATED.code
    return HOST_DOWN.code if view.is_host(name) else UPLINK_DOWN.code


def _with_later_losses(view: View, down: Down) -> Down:
    """Return a node with those of its cameras that were lost after it, or in a visit that took longer than others."""
    earliest = down.since - view.policy.patience
    later = {
        name
        for name in view.topology.below(down.name)
        if name not in down.lost
        and view.is_back(name, host=down.host) is False
        and (view.members[name].lost_at or view.members[name].unserved_at or 0.0) >= earliest
    }
    return replace(down, lost=down.lost | later) if later else down


def _followed(view: View, down: Down, others: Collection[str]) -> Iterator[Change]:
    """Yield a node as `RAISED` as it is now, or as `CLEARED`, then the nodes that are still down instead.

    `others` are the names of all nodes that were down.
    """
    down = _with_later_losses(view, down)
    lost = down.lost & view.members.keys() & set(view.topology.below(down.name))
    still = frozenset(name for name in lost if not view.is_back(name, host=down.host))
    if not still or (len(lost) < down.least(view.policy) and down.name != ROOT):
        yield Change(TransitionKind.CLEARED, down)
        return
    down = replace(down, lost=lost)
    if len(still) == len(lost):
        yield Change(TransitionKind.RAISED, replace(down, back_at=None))
        return
    back_at = view.now if down.back_at is None else down.back_at
    if view.now - back_at < view.policy.settle:
        yield Change(TransitionKind.RAISED, replace(down, back_at=back_at))
        return
    left = [name for name in _left(view, down.name, still) if name == down.name or name not in others]
    if down.name in left:
        yield Change(TransitionKind.RAISED, replace(down, lost=still, back_at=None))
        return
    yield Change(TransitionKind.CLEARED, down)
    for name in left:
        below = still & set(view.topology.below(name))
        yield Change(TransitionKind.RAISED, Down(name, back_at, below, code_at(view, name)))


def _left(view: View, name: str, still: frozenset[str]) -> list[str]:
    """Return the nodes at or below a node that is partly back, which are the roots of what is still lost."""
    if view.is_host(name):
        enough = view.policy.share * len(view.topology.cameras(name))
        return [name] if len(still) >= max(enough, view.policy.channels) else []
    return list(roots(view, name, tallies(view, still)))


def neighbours(view: View, name: str, since: float) -> frozenset[str]:
    """Return a few cameras below a node, from each of its parts, that were not visited since a time."""
    topology, members = view.topology, view.members

    def asked(camera: str) -> bool:
        member = members.get(camera)
        if member is None:
            return camera in view.unvisited
        return member.at < since and (member.lost_at is None or view.is_fresh(member.lost_at))

    def last_visit(camera: str) -> tuple[float, str]:
        return members[camera].at if camera in members else 0.0, camera

    found: list[str] = []
    for part in (topology.cameras(name), *(topology.below(child) for child in topology.children(name))):
        found += sorted(filter(asked, part), key=last_visit)[:SAMPLE]
    return frozenset(found[:MOST_WANTED])


def _awaited(view: View, name: str, found: Mapping[str, Tally]) -> frozenset[str] | None:
    """Return the cameras to visit before a node that seems to be the root is named; None if it may be named.

    Its parent works if anything below the parent answered after the last camera was lost.
    """
    last = found[name].last
    if view.now - last > view.policy.patience:
        return None
    parent = next((each for each in view.above(name) if found[each].parts > 1), None)
    if parent is None or found[parent].live_at > last:
        return None
    return neighbours(view, parent, last) - set(view.topology.below(name))


def _named(view: View, after: dict[str, Down], name: str, lost: frozenset[str]) -> Iterator[Change]:
    """Add a node to those that are down. Those below it that went down lately turn out to be down because of it."""
    since = _since(view, lost)
    early = view.now - view.policy.window
    for inner in [each for each in after if name in view.above(each) and after[each].since >= early]:
        yield Change(TransitionKind.ATTRIBUTED, after.pop(inner), name)
    after[name] = Down(name, since, lost, code_at(view, name))
    yield Change(TransitionKind.RAISED, after[name])


def _since(view: View, lost: frozenset[str]) -> float:
    members = (view.members[name] for name in lost)
    return min((member.lost_at or member.unserved_at or view.now for member in members), default=view.now)


class OwnProblem(enum.Enum):
    """What is known to be wrong with the monitor's own network.

    `CUT_OFF`: nothing can be sent to any camera. `NAMELESS`: no name can be looked up; that says nothing of the cameras
    that are known by address.
    """

    NONE = enum.auto()
    NAMELESS = enum.auto()
    CUT_OFF = enum.auto()


def judge(view: View, downs: Mapping[str, Down], *, problem: OwnProblem = OwnProblem.NONE) -> Judgement:
    """Judge which nodes are down now, given those that were, and what is known of the monitor's own network."""
    after: dict[str, Down] = {}
    changes: list[Change] = []
    for name, down in downs.items():
        if name == ROOT and problem is not OwnProblem.NONE:
            known = _with_later_losses(view, down) if problem is OwnProblem.CUT_OFF else replace(down, lost=NOBODY)
            after[name] = replace(known, back_at=None)
            continue
        for change in _followed(view, down, downs):
            if change.kind is TransitionKind.RAISED:
                after[change.down.name] = change.down
            if change.kind is TransitionKind.CLEARED or change.down.name != name:
                changes.append(change)
    if problem is OwnProblem.CUT_OFF and ROOT not in after:
        changes += _named(view, after, ROOT, view.lost_below(ROOT))
    elif problem is OwnProblem.NAMELESS and ROOT not in after:
        after[ROOT] = Down(ROOT, view.now, NOBODY, MONITOR_ISOLATED.code)
        changes.append(Change(TransitionKind.RAISED, after[ROOT]))
    found = tallies(view)
    candidates = list(roots(view, ROOT, found))
    held: set[str] = set()
    wanted: set[str] = set()
    for name in (*candidates, *unserved_hosts(view)):
        above = [each for each in view.above(name) if each != ROOT or problem is not OwnProblem.NAMELESS]
        if name in after or any(each in after or each in candidates for each in above):
            continue
        awaited = _awaited(view, name, found) if name in candidates else None
        if awaited is not None:
            held.add(name)
            wanted |= awaited
            continue
        changes += _named(view, after, name, view.lost_below(name) if name in candidates else view.unserved_at(name))
    return Judgement(MappingProxyType(after), tuple(changes), frozenset(held), frozenset(wanted), found)
