"""The tree of what cameras hang on: on the page, in the API, in events and in the log."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import pytest

from tests.simulated_time import START, SimulatedDays, camera
from tests.web.served import served
from tests.web.test_access import settings_of
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.event_log import fields_of
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.storage.history import History
from xueliang_monitor.topology import Node, NodeKind
from xueliang_monitor.web import tree

NODES = (
    Node("line", title="East <line>", place="town hall", circuit="GX-17"),
    *(Node(f"sw{number}", "line", title=f"Switch {number}", place=f"tower {number}", port="7") for number in range(3)),
    Node("other"),
)
CAMERAS = (
    *(camera(f"cam-{number:02d}", f"sw{number % 3}", site=f"village-{number % 3}") for number in range(12)),
    *(camera(f"far-{number}", "other", site="far") for number in range(6)),
    *(camera(f"channel-{number}", "other", site="far", host="10.0.0.9") for number in range(3)),
    *(camera(f"flat-{number}", site="hamlet") for number in range(3)),
)


@dataclass
class Lost:
    """A fleet whose line died, with four alarms before that turned out to be the line's."""

    fleet: Fleet
    transitions: list[Transition]
    alone: tuple[Transition, ...]


@pytest.fixture(scope="module")
def lost() -> Lost:
    delays = {each.id: number * 4.0 for number, each in enumerate(CAMERAS[:12])}

    def truth(name: str, at: float) -> str | None:
        return "connect_timeout" if name in delays and at >= START + 100 + delays[name] else None

    days = SimulatedDays(CAMERAS, truth, nodes=NODES, wall=time.time() - START - 300)
    days.run(300)
    alone = tuple(item for item in days.transitions if item.kind == "attributed" and item.camera)
    return Lost(days.fleet, days.transitions, alone)


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


async def test_pages_and_api_name_the_root_of_what_is_lost(lost: Lost, tmp_path: Path) -> None:
    assert lost.alone, "the case needs cameras that are alarmed alone first"
    first, node = lost.alone[0].camera, lost.fleet.topology.nodes[lost.alone[0].uplink]
    settings_of(tmp_path, None).state.mkdir(exist_ok=True)
    history = History(settings_of(tmp_path, None).state)
    history.write(lost.fleet.collect(every=True))
    history.close()
    async with served(tmp_path, fleet=lost.fleet) as session:

        async def text(path: str, language: str = "en") -> str:
            async with session.get(path, headers={"Cookie": f"lang={language}"}) as answer:
                assert answer.status == 200, path
                return await answer.text()

        sites = await text("/sites")
        for each in NODES:
            assert f'<li id="{each.name}"' in sites
        assert "East &lt;line&gt;" in sites
        assert re.findall(r'<li id="([^"]+)" class="dead"', sites) == ["line"]
        assert re.findall(r'<li id="([^"]+)" class="behind"', sites) == ["sw0", "sw1", "sw2"]
        said = words_of(sites)
        assert "Cameras behind it, whose state is unknown: 12" in said
        assert "Circuit number GX-17" in said
        assert said.count("behind East <line>") == 3
        assert '<tr id="hamlet"' in sites, "the site is the node of its cameras"

        wall = words_of(await text("/"))
        assert re.search(r"Uplink down: East <line> \(town hall\) since .{8,24}\. Cameras lost with it: 12 of 12", wall)
        assert wall.count("Uplink down: ") == 1
        assert wall.count("behind East <line>") == 12
        assert 'href="/sites#line"' in await text("/")
        assert len(re.findall("<li hidden ", await text("/?q=sw1"))) == len(CAMERAS) - 4

        shown = await text(f"/cameras/{first}")
        assert "Start at East <line>, place: town hall, circuit number: GX-17." in words_of(shown)
        assert f'<a href="/sites#{node.name}">lost with {escape(node.shown)}</a>' in shown
        assert "None in the last 30 days." in words_of(shown), "its outage was the line's"
        assert "电路编号：GX-17" in await text(f"/cameras/{first}", "zh")
        events = await text("/events")
        assert events.count('<span class="event attributed">withdrawn</span>') == len(
            [item for item in lost.transitions if item.kind == "attributed"]
        )
        assert len(re.findall(r"lost with [^<]+</a>", events)) == len(lost.alone)

        async with session.get("/api/v1/cameras") as answer:
            listed = await answer.json()
    by_name = {each["id"]: each for each in listed["cameras"]}
    assert (by_name[first]["behind"], by_name[first]["path"][-1]) == ("line", "line")
    assert by_name["far-0"]["behind"] is None
    assert by_name["channel-0"]["path"] == ["10.0.0.9", "other"]
    assert "Start at East <line>" in by_name[first]["diagnosis"]["en"]
    uplinks = {each["name"]: each for each in listed["uplinks"]}
    line = uplinks["line"]
    assert line["since"] is not None
    assert line | {"since": "", "lost": []} == {
        "name": "line",
        "title": "East <line>",
        "kind": "uplink",
        "parent": None,
        "place": "town hall",
        "port": "",
        "circuit": "GX-17",
        "up": False,
        "behind": None,
        "since": "",
        "cameras": 12,
        "lost": [],
    }
    assert (uplinks["sw0"]["up"], uplinks["sw0"]["behind"], uplinks["sw0"]["parent"]) == (False, "line", "line")
    assert (uplinks["other"]["up"], uplinks["10.0.0.9"]["kind"]) == (True, "host")


async def test_a_monitor_that_is_cut_off_is_one_banner(tmp_path: Path) -> None:
    cameras = CAMERAS[:12]
    days = SimulatedDays(cameras, lambda _, at: "connect_timeout" if at > START + 60 else None, nodes=NODES)
    days.run(200)
    async with served(tmp_path, fleet=days.fleet) as session, session.get("/") as answer:
        text = words_of(await answer.text())
    if days.fleet.isolated:
        assert text.count("The monitor is cut off") == 1
        assert "Uplink down: " not in text
        assert "Nothing is known of the cameras meanwhile." in text
    else:
        assert text.count("Uplink down: ") == 1


def test_an_attributed_alarm_is_logged_with_its_camera_and_the_node(lost: Lost) -> None:
    item = lost.alone[0]
    fields = fields_of(item, CAMERAS[0])
    assert list(fields)[:4] == ["event", "camera", "site", "uplink"]
    assert (fields["event"], fields["camera"], fields["uplink"]) == ("attributed", item.camera, item.uplink)


def known_of(cameras: tuple[Camera, ...], nodes: tuple[Node, ...], windows: tuple[Window, ...] = ()) -> tree.Known:
    days = SimulatedDays(cameras, lambda _name, _at: None, nodes=nodes)
    return tree.Known(days.fleet.topology, tuple(days.fleet.pairs()), days.fleet.uplinks, windows)


def walked(branches: tuple[tree.Branch, ...]) -> list[tree.Branch]:
    return [each for branch in branches for each in (branch, *walked(branch.children))]


def test_without_files_the_tree_is_the_flat_list_of_uplinks() -> None:
    known = known_of(CAMERAS, ())
    sites = tree.only_sites(known.topology, known.pairs)
    assert sites == {"hamlet"}
    made = tree.tree(known, sites)
    assert [branch.node.name for branch in made] == ["other", "sw0", "sw1", "sw2"]
    assert [branch.count for branch in made] == [9, 4, 4, 4]
    assert [each.node.name for each in made[0].children] == ["10.0.0.9"]
    assert made[0].children[0].node.kind is NodeKind.HOST


def test_deep_and_large_trees_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = tuple(Node(f"n{number}", f"n{number - 1}" if number else "") for number in range(1500))
    cameras = tuple(camera(f"cam-{number:03d}", "n1499") for number in range(60))
    window = Window(1, WindowKind.UPLINK, "n3", 0.0, 1e12, "dig")
    made = walked(tree.tree(known_of(cameras, chain, (window,))))
    assert len(made) == 1500
    assert {branch.node.name for branch in made if branch.window} == {"n3"}
    (last,) = (branch for branch in made if branch.node.name == "n1499")
    assert (len(last.cameras), last.more_cameras) == (tree.MOST_CAMERAS_OF_NODE, 60 - tree.MOST_CAMERAS_OF_NODE)
    monkeypatch.setattr(tree, "MOST_NODES", 100)
    made = walked(tree.tree(known_of(cameras, chain)))
    assert len(made) == 100
    assert sum(branch.more_nodes for branch in made) == 1400


@pytest.mark.parametrize("name", ["main", "filter", "link"])
def test_no_node_takes_the_id_of_another_element(name: str) -> None:
    assert tree.anchor(name) != name
    assert tree.link("镇东 线/1") == "/sites#%E9%95%87%E4%B8%9C%20%E7%BA%BF%2F1"
