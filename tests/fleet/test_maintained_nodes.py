"""Maintenance of a node of the topology: every camera below it is neither judged nor counted, and no other."""

from __future__ import annotations

from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.model import State
from xueliang_monitor.topology import Node

NODES = (Node("line"), Node("sw1", "line"), Node("sw2", "line"))


def test_a_window_of_a_line_covers_the_cameras_of_its_switches() -> None:
    cameras = (camera("a", "sw1"), camera("b", "sw2"), camera("c", "line"), camera("d", "other"))
    days = SimulatedDays(cameras, lambda _name, _at: None)
    days.fleet.take_nodes(NODES)
    days.run(200)
    days.fleet.windows = (Window(1, WindowKind.UPLINK, "line", days.clock.now(), START + 1200, "new line"),)
    days.run(400)
    states = {entry.camera.id: status.state for entry, status in days.fleet.snapshot().entries}
    assert states == {"a": State.MAINTENANCE, "b": State.MAINTENANCE, "c": State.MAINTENANCE, "d": State.UP}
    assert days.fleet.path_of(cameras[0]) == ("sw1", "line")
