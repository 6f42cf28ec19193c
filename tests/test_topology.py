"""The topology: leaves, hosts with several cameras, paths to the root, circles and parents that do not exist."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.simulated_time import camera
from xueliang_monitor.topology import Node, NodeKind, Topology

LINE = (Node("router"), Node("line", "router", title="镇线路"), Node("sw1", "line"), Node("sw2", "line"))


def test_a_path_leads_from_a_camera_to_the_root() -> None:
    found = Topology.of(LINE, [camera("a", "sw1"), camera("b", "sw2"), camera("c", "sw2")])
    assert found.leaf("a") == "sw1"
    assert found.path("sw1") == ("sw1", "line", "router")
    assert found.children("line") == ("sw1", "sw2")
    assert found.below("router") == ("a", "b", "c")
    assert (found.shown("line"), found.shown("sw1"), found.path("")) == ("镇线路", "sw1", ())


def test_without_a_file_each_uplink_or_site_hangs_on_the_root() -> None:
    found = Topology.of((), [camera("a", "sw"), camera("b", site="village")])
    assert {name: node.parent for name, node in found.nodes.items()} == {"sw": "", "village": ""}
    assert found.leaf("b") == "village"


def test_cameras_at_one_address_are_channels_of_a_host() -> None:
    found = Topology.of(LINE, [camera(name, "sw1", host="10.0.0.7") for name in "ab"] + [camera("c", "sw1")])
    assert found.nodes["10.0.0.7"] == Node("10.0.0.7", "sw1", NodeKind.HOST, address="10.0.0.7")
    assert [found.leaf(name) for name in "abc"] == ["10.0.0.7", "10.0.0.7", "sw1"]
    assert found.path(found.leaf("a")) == ("10.0.0.7", "sw1", "line", "router")


def test_a_declared_host_takes_every_camera_with_its_address() -> None:
    nvr = Node("nvr", "line", NodeKind.HOST, address="NVR.example", sessions=8)
    found = Topology.of((*LINE, nvr), [camera("a", "sw1", host="nvr.example"), camera("b", "nvr", host="nvr.example")])
    assert [found.leaf(name) for name in "ab"] == ["nvr", "nvr"]
    assert found.path("nvr") == ("nvr", "line", "router")


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([*"abcdefgh", ""]), max_size=6))
def test_every_path_ends_at_the_root_whatever_the_parents_are(parents: dict[str, str]) -> None:
    found = Topology.of((Node(name, parent) for name, parent in parents.items()), [camera("x", "a")])
    assert set(found.nodes) == {*parents, "a"}
    for name in found.nodes:
        path = found.path(name)
        assert path[0] == name
        assert len(set(path)) == len(path)
        assert all(found.nodes[lower].parent == upper for lower, upper in itertools.pairwise(path))
        assert found.nodes[path[-1]].parent not in found.nodes
    assert sorted(found.nodes_below("")) == sorted(
        name for name in found.nodes if found.nodes[found.path(name)[-1]].parent == ""
    )
