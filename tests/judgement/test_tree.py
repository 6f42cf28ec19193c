"""A tree of three levels with 147 cameras: any node dies and comes back, and each cause is one event."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.endurance import length
from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import State
from xueliang_monitor.topology import Node, Topology

LINES, SWITCHES = 4, 12
NODES = (
    *(Node(f"line-{number}", f"router-{number % 2}") for number in range(LINES)),
    *(Node(f"router-{number}") for number in range(2)),
    *(Node(f"sw-{number}", f"line-{number % LINES}") for number in range(SWITCHES)),
)
CAMERAS = tuple(camera(f"cam-{number:03d}", f"sw-{number % SWITCHES}") for number in range(147))
TREE = Topology.of(NODES, CAMERAS)
SPREAD_SECONDS = 60.0
WITHDRAWN_SECONDS = 60.0
SETTLED_SECONDS = 120.0


@dataclass
class Death:
    """A node that dies at a time and is back later, each camera below it with a delay of its own."""

    node: str
    dies: float
    lasts: float
    spread: float
    delays: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, chance: random.Random, node: str, dies: float) -> Death:
        spread = chance.choice([0.0, 3.5, 20.0, SPREAD_SECONDS])
        made = cls(node, dies, chance.uniform(240, 600), spread)
        below = list(TREE.below(node))
        if chance.random() < 0.5:
            # Switch by switch rather than camera by camera.
            below.sort(key=TREE.leaf)
            steps = [spread * place / max(1, len(below) - 1) for place in range(len(below))]
        else:
            steps = [chance.uniform(0, spread) for _ in below]
        back = [chance.uniform(0, spread) for _ in below]
        made.delays = dict(zip(below, zip(steps, back, strict=True), strict=True))
        return made

    def kills(self, name: str, at: float) -> bool:
        if name not in self.delays:
            return False
        gone, back = self.delays[name]
        return self.dies + gone <= at < self.dies + self.lasts + back

    @property
    def over(self) -> float:
        return self.dies + self.lasts + self.spread


def deaths(seed: int) -> list[Death]:
    """Return the death of one node, or of two nodes that have nothing in common."""
    chance = random.Random(seed)
    first = Death.of(chance, chance.choice(sorted(TREE.nodes)), START + 60 + chance.uniform(0, 15))
    if chance.random() < 0.5:
        return [first]
    others = [name for name in sorted(TREE.nodes) if not set(TREE.below(name)) & set(first.delays)]
    # Something must go on working, else the monitor itself is the one that is cut off.
    others = [name for name in others if len(first.delays) + len(TREE.below(name)) < len(CAMERAS)]
    if not others:
        return [first]
    return [first, Death.of(chance, chance.choice(others), START + 60 + chance.uniform(0, 300))]


def open_spans(transitions: list[Transition]) -> Iterator[tuple[Transition, float | None, str]]:
    """Yield what was raised with when and how it ended."""
    began: dict[tuple[str, str, str], Transition] = {}
    for item in transitions:
        key = (item.camera, "" if item.camera else item.uplink, item.code)
        if item.kind == "raised":
            began[key] = item
        elif item.kind in ("cleared", "attributed"):
            yield began.pop(key), item.at, item.kind
    for item in began.values():
        yield item, None, ""


def check(seed: int) -> None:
    """Let nodes die by a seed, and check every event."""
    killed = deaths(seed)

    def truth(name: str, at: float) -> str | None:
        return "connect_timeout" if any(each.kills(name, at) for each in killed) else None

    days = SimulatedDays(CAMERAS, truth, nodes=NODES)
    days.run(max(each.over for each in killed) - START + SETTLED_SECONDS)
    left = []
    for item, ended, how in open_spans(days.transitions):
        assert ended is not None, f"still open: {item}"
        if how == "attributed":
            assert ended - item.at <= WITHDRAWN_SECONDS, f"withdrawn after {ended - item.at:.0f} s: {item}"
        else:
            left.append((item.uplink or item.camera, item.code))
    assert sorted(left) == sorted((each.node, "uplink_down") for each in killed)
    assert {status.state for _, status in days.fleet.snapshot().entries} == {State.UP}


@pytest.mark.parametrize("part", range(4))
def test_each_dead_node_is_one_event_whatever_the_order(part: int) -> None:
    count = int(length(40, 1000))
    for seed in range(part * count // 4, (part + 1) * count // 4):
        check(seed)


@pytest.mark.parametrize("spread", [0.0, SPREAD_SECONDS])
def test_a_monitor_that_is_cut_off_is_one_event_and_blames_nobody(spread: float) -> None:
    for seed in range(3):
        chance = random.Random(seed)
        gone = {item.id: START + 300 + chance.uniform(0, spread) for item in CAMERAS}
        back = {item.id: START + 900 + chance.uniform(0, spread) for item in CAMERAS}
        days = SimulatedDays(
            CAMERAS,
            lambda name, at, gone=gone, back=back: "host_unreachable" if gone[name] <= at < back[name] else None,  # type: ignore[misc]
            nodes=NODES,
        )
        days.run(600)
        assert [item.code for item in days.fleet.monitor_faults] == ["monitor_isolated"]
        assert {(status.state, status.cause) for _, status in days.fleet.snapshot().entries} == {
            (State.UNKNOWN, "monitor_isolated")
        }
        days.run(600)
        left = [
            (item.uplink or item.camera, item.code)
            for item, _, how in open_spans(days.transitions)
            if how != "attributed"
        ]
        assert left == [("", "monitor_isolated")]
        assert {status.state for _, status in days.fleet.snapshot().entries} == {State.UP}


def test_a_host_that_hangs_is_one_event_and_the_others_go_on() -> None:
    channels = tuple(camera(f"ch-{number:02d}", "sw-0", host="10.0.0.7") for number in range(70))
    for code in ("rtsp_timeout", "connect_timeout", "connection_refused"):
        days = SimulatedDays(
            (*CAMERAS, *channels),
            lambda name, at, code=code: code if name.startswith("ch-") and START + 300 <= at < START + 900 else None,  # type: ignore[misc]
            nodes=NODES,
        )
        days.run(360)
        assert [(item.uplink, item.code, item.kind) for item in days.uplink_changes()] == [
            ("10.0.0.7", "host_down", "raised")
        ]
        days.run(300)
        assert days.said("raised") == []
        shown = {entry.camera.id: status for entry, status in days.fleet.snapshot().entries}
        assert {shown[item.id].cause for item in channels} == {"host_down"}
        assert {shown[item.id].behind for item in channels} == {"10.0.0.7"}
        days.run(400)
        assert [item.kind for item in days.uplink_changes()] == ["raised", "cleared"]
        assert days.said("raised") == []
        assert {status.state for _, status in days.fleet.snapshot().entries} == {State.UP}
