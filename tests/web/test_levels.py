"""A camera that answers but shows nothing is as bad as one that is down; minor faults and maintenance stay apart."""

from __future__ import annotations

import re
from pathlib import Path

from tests.simulated_time import START, camera, visited
from tests.web.served import served
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.judgement.problems import Acknowledgement
from xueliang_monitor.model import Rung
from xueliang_monitor.web.live import Wall
from xueliang_monitor.web.renderer import Renderer

NAMES = ("away", "black", "fine", "worn")


def fleet_of_kinds() -> tuple[Fleet, ManualClock]:
    clock = ManualClock(START)
    fleet = Fleet(clock, Policy(), tuple(camera(name, site="yard") for name in NAMES))
    kinds = {"away": "connection_refused", "black": "picture_black", "fine": None, "worn": "picture_blurred"}
    for _ in range(3):
        clock.advance(30)
        for name, code in kinds.items():
            fleet.apply(visited(name, clock.now(), code, Rung.PICTURE), fleet.entry(name).memory, 0.0)
    return fleet, clock


def levels(wall: Wall) -> dict[str, str]:
    return {tile.camera: tile.values["level"] for tile in wall.tiles()}


async def test_blind_cameras_come_right_after_those_that_are_down() -> None:
    fleet, _ = fleet_of_kinds()
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    assert list(levels(wall).items()) == [("away", "down"), ("black", "blind"), ("worn", "degraded"), ("fine", "up")]
    assert fleet.status_of("black").state == "degraded"  # as the API and the metrics have it
    figures = wall.figures("zh")
    counts = re.findall(r'state=(\w+)"><b>(\d+)</b> <span class="mark">(\S+?)<', figures)
    assert counts[:3] == [("down", "1", "离线"), ("blind", "1", "画面失效"), ("degraded", "1", "异常")]
    assert 'data-critical="2"' in figures
    tiles = {tile.camera: wall.html(tile, "en") for tile in wall.tiles()}
    assert re.findall(r'data-alarms="(\S+)"', tiles["black"]) == [f"fault:black:picture_black@{START + 60:.0f}"]
    assert "data-alarms" not in tiles["worn"]


async def test_an_open_fault_stays_visible_in_maintenance_and_rings_no_bell(tmp_path: Path) -> None:
    fleet, clock = fleet_of_kinds()
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    before = {tile.camera: tile.values["alarms"] for tile in wall.tiles()}
    fleet.windows = (Window(1, WindowKind.SITE, "yard", clock.now(), clock.now() + 600, "new mast"),)
    await wall.sweep()
    # The same problem is not new again when its camera was in maintenance, or behind something that was down.
    assert {tile.camera: tile.values["alarms"] for tile in wall.tiles()} == before
    assert set(levels(wall).values()) == {"maintenance"}
    (black,) = (tile for tile in wall.tiles() if tile.camera == "black")
    assert "Black picture" in wall.html(black, "en")
    assert "Black picture" in wall.figures("en")
    async with served(tmp_path, fleet=fleet) as session, session.get("/cameras/black") as answer:
        page = await answer.text()
    assert '<div class="fault critical"><h2>Black picture' in page


async def test_a_problem_that_someone_knows_of_is_not_new() -> None:
    fleet, clock = fleet_of_kinds()
    fleet.acknowledged.take((Acknowledgement(1, "fault:black:picture_black", "anna", clock.now(), clock.now() + 3600),))
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    (black,) = (tile for tile in wall.tiles() if tile.camera == "black")
    assert "data-alarms" not in wall.html(black, "en")
    assert 'data-critical="2"' in wall.figures("en")


async def test_maintenance_takes_one_line_and_goes_by_the_names_that_people_know() -> None:
    fleet, clock = fleet_of_kinds()
    entry = fleet.entry("black").camera
    named = entry.data.model_copy(update={"name": "North gate"})
    fleet.take((type(entry)(entry.id, entry.target, named),))
    fleet.windows = tuple(
        Window(number, WindowKind.CAMERA, name, clock.now(), clock.now() + 600, "mast")
        for number, name in enumerate(("black", "worn"))
    )
    wall = Wall(fleet, Renderer())
    await wall.sweep()
    (shown,) = re.findall(r'<details id="windows".*?</details>', wall.figures("en"), re.DOTALL)
    assert "In maintenance: 2</summary>" in shown
    assert "<b>North gate</b>" in shown


async def test_the_icon_has_the_count(tmp_path: Path) -> None:
    async with served(tmp_path) as session:
        for name, shown in (("icon-3.svg", ">3<"), ("icon-9.svg", ">9+<")):
            async with session.get(f"/static/{name}") as answer:
                assert answer.content_type == "image/svg+xml"
                assert shown in await answer.text()
        async with session.get("/static/icon-10.svg") as answer:
            assert answer.status == 404
