"""The topology changes while a node of it is down: the event moves to the node that its cameras hang on now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.configuration.inventory import Camera, Inventory
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import State
from xueliang_monitor.storage.history import History
from xueliang_monitor.topology import Node, NodeKind

RECORDER = "127.0.9.1"
REC = Node("rec", "sw", NodeKind.HOST, address=RECORDER)
LINE = (Node("line"), Node("swa", "line"), Node("swb", "line"), Node("swc", "line"))
DIES, EDITED, BACK = 200, 400, 700
OTHERS = tuple(camera(f"o{number}", "other") for number in range(4))
CHANNELS = (*(camera(f"r{number}", "sw", host=RECORDER) for number in range(4)), *OTHERS)
TREE = (*(camera(f"{name}{number}", f"sw{name}") for name in "abc" for number in range(4)), *OTHERS)


def dead(*below: str, until: float = BACK) -> SimulatedDays:
    """Return a fleet in which cameras whose names begin with one of `below` are dead for some time."""
    cameras = CHANNELS if "r" in below else TREE
    lasts = START + DIES, START + until
    return SimulatedDays(
        cameras, lambda name, at: "connect_timeout" if name.startswith(below) and lasts[0] <= at < lasts[1] else None
    )


def said(days: SimulatedDays) -> list[tuple[str, str, str]]:
    return [(item.kind, item.code, item.camera or item.uplink) for item in days.transitions if item.kind != "state"]


def edited(days: SimulatedDays, before: tuple[Node, ...], after: tuple[Node, ...], *cameras: Camera) -> None:
    """Replace the nodes, and cameras, while a node is down; run until all is back."""
    days.fleet.take_nodes(before)
    days.run(EDITED)
    with days.fleet.changing():
        days.fleet.take_nodes(after)
        if cameras:
            days.fleet.reconcile(Inventory(cameras, ()))
    days.run(BACK + 60 - EDITED)


@pytest.mark.parametrize(
    ("before", "after", "was", "becomes"),
    [
        ((REC,), (), "rec", RECORDER),
        ((REC,), (replace(REC, name="nvr"),), "rec", "nvr"),
        ((), (REC,), RECORDER, "rec"),
        ((REC,), (replace(REC, address="127.0.9.9"),), "rec", RECORDER),
    ],
    ids=["removed", "renamed", "declared", "with another address"],
)
def test_the_event_of_a_recorder_ends_with_its_own_code_and_goes_on_at_the_new_node(
    before: tuple[Node, ...], after: tuple[Node, ...], was: str, becomes: str
) -> None:
    days = dead("r")
    edited(days, before, after)
    assert said(days) == [
        ("raised", "host_down", was),
        ("cleared", "host_down", was),
        ("raised", "host_down", becomes),
        ("cleared", "host_down", becomes),
    ]
    raised = [item.since for item in days.transitions if item.kind == "raised"]
    assert raised[0] == raised[1]


def test_a_recorder_of_which_one_channel_is_left_is_that_camera() -> None:
    days = dead("r")
    days.run(EDITED)
    for number in (1, 2, 3):
        days.remove(f"r{number}")
    days.run(BACK + 60 - EDITED)
    assert said(days) == [
        ("raised", "host_down", RECORDER),
        ("cleared", "host_down", RECORDER),
        ("raised", "connect_timeout", "r0"),
        ("cleared", "connect_timeout", "r0"),
    ]


def test_a_recorder_with_a_new_address_is_judged_anew() -> None:
    days = dead("r")
    moved = tuple(camera(f"r{number}", "sw", host="127.0.9.2") for number in range(4))
    edited(days, (), (), *moved, *OTHERS)
    assert [item for item in said(days) if item[0] == "raised"] == [
        ("raised", "host_down", RECORDER),
        ("raised", "host_down", "127.0.9.2"),
    ]
    assert {status.state for _, status in days.fleet.snapshot().entries} == {State.UP}


def test_the_event_of_a_line_moves_to_its_switches_when_the_file_is_gone() -> None:
    days = dead("a", "b", "c")
    edited(days, LINE, ())
    assert said(days)[:2] == [("raised", "uplink_down", "line"), ("cleared", "uplink_down", "line")]
    assert sorted(said(days)[2:]) == sorted(
        (kind, "uplink_down", name) for kind in ("raised", "cleared") for name in ("swa", "swb", "swc")
    )


def test_a_switch_that_moves_from_a_dead_line_is_an_event_of_its_own() -> None:
    days = dead("a", "b", "c")
    edited(days, LINE, (Node("line"), Node("swa"), *LINE[2:]))
    assert sorted(said(days)) == sorted(
        (kind, "uplink_down", name) for kind in ("raised", "cleared") for name in ("line", "swa")
    )


def test_what_was_renamed_while_the_monitor_was_stopped_is_one_event_too(tmp_path: Path) -> None:
    days = dead("r")
    days.fleet.take_nodes((REC,))
    days.run(EDITED)
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    days.fleet = Fleet(days.steady, Policy(), CHANNELS, nodes=(replace(REC, name="nvr"),))
    days.fleet.watch(days.transitions.extend)
    days.fleet.resume(history.load(), CHANNELS, Inventory(CHANNELS, ()))
    days.run(60)
    history.write(days.fleet.collect(every=True))
    assert set(history.load().uplinks) == {"nvr"}
    days.run(BACK)
    history.write(days.fleet.collect(every=True))
    stored = history.load()
    history.close()
    assert said(days) == [
        ("raised", "host_down", "rec"),
        ("cleared", "host_down", "rec"),
        ("raised", "host_down", "nvr"),
        ("cleared", "host_down", "nvr"),
    ]
    assert not stored.uplinks
    assert not stored.open_episodes


def test_a_switch_that_died_before_its_line_is_down_itself_and_behind_nothing() -> None:
    """Two causes are two events. A node is down itself, or behind another one, or neither."""
    line = START + 400, START + 700

    def truth(name: str, at: float) -> str | None:
        swa = name[0] == "a" and START + 200 <= at < START + 900
        return "connect_timeout" if swa or (name[0] in "abc" and line[0] <= at < line[1]) else None

    days = SimulatedDays(TREE, truth, nodes=LINE)
    days.run(450)
    known = {item.name: (item.down, item.behind) for item in days.fleet.uplinks}
    assert known["line"] == (True, "")
    assert known["swa"] == (True, "")
    assert known["swb"] == known["swc"] == (False, "line")
    behind = {entry.camera.id[0]: status.behind for entry, status in days.fleet.snapshot().entries}
    assert behind == {"a": "swa", "b": "line", "c": "line", "o": ""}
    days.run(550)
    assert said(days) == [
        ("raised", "uplink_down", "swa"),
        ("raised", "uplink_down", "line"),
        ("cleared", "uplink_down", "line"),
        ("cleared", "uplink_down", "swa"),
    ]
