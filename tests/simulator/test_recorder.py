"""A simulated recorder: channels at one port by path, faults of a channel and of the whole, a limit of sessions."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from typer.testing import CliRunner

from tests.conftest import LOGIN, rows
from tests.waiting import PATIENT, until
from xueliang_monitor.cli import app
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.model import Rung
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator.camera import SimulatedCamera
from xueliang_monitor.simulator.control import control_endpoint
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.topology import Node, NodeKind

CHANNELS = 70


def recorder_rows(channels: int, *, onvif_port: int | None = None) -> tuple[Row, ...]:
    """Return the channels of a recorder, and one camera beside it."""
    first, beside = rows(2, onvif_port=onvif_port)
    made = [
        Row(f"ch-{number:02d}", first.data.model_copy(update={"rtsp_path": f"/cam?channel={number}&subtype=0"}))
        for number in range(1, channels + 1)
    ]
    return (*made, Row("beside", beside.data.model_copy(update={"uplink": "sw2"})))


def nodes_of(found: tuple[Row, ...], sessions: int | None = None) -> tuple[Node, ...]:
    address = found[0].data.address
    nvr = Node("nvr", "sw1", NodeKind.HOST, title="东门录像机", address=address, sessions=sessions)
    return (Node("line"), Node("sw1", "line"), Node("sw2", "line"), nvr)


@contextlib.asynccontextmanager
async def running(
    channels: int, *, sessions: int | None = None, onvif: int | None = None
) -> AsyncIterator[SimulatedFleet]:
    found = recorder_rows(channels, onvif_port=onvif)
    fleet = SimulatedFleet(found, LOGIN, declared=nodes_of(found, sessions))
    async with fleet.running():
        yield fleet


async def faults_of(camera: SimulatedCamera, top: Rung = Rung.STREAM, reach_seconds: float = 20.0) -> list[str]:
    target, timeouts = replace(camera.target, credentials=LOGIN), replace(PATIENT, reach=reach_seconds)
    visited, _ = await visit(target, top, Memory(), timeouts=timeouts, workers=Workers(1), now=time.time())
    return [finding.code for finding in visited.seen]


async def test_seventy_channels_are_told_apart_by_their_paths() -> None:
    async with running(CHANNELS) as fleet:
        channels = [camera for name, camera in fleet.cameras.items() if name != "beside"]
        assert len({(camera.target.host, camera.target.port) for camera in channels}) == 1
        found = await asyncio.gather(*(faults_of(camera) for camera in channels[::10]))
        assert found == [[]] * 7
        assert [camera.sessions_served for camera in channels] == [int(number % 10 == 0) for number in range(CHANNELS)]
        await until(lambda: sum(camera.open_sessions for camera in channels) == 0)


async def test_a_fault_of_a_channel_is_its_own() -> None:
    async with running(3) as fleet:
        one, two, three = (fleet.cameras[f"ch-{number:02d}"] for number in (1, 2, 3))
        for fault, code in (
            ("wrong-password", "auth_failed"),
            ("not-found", "stream_not_found"),
            ("refuse", "connection_closed"),
            ("moved-path", "stream_not_found"),
        ):
            await two.set_fault(BY_NAME[fault]())
            assert [await faults_of(each, Rung.RTSP) for each in (one, two, three)] == [[], [code], []]
            await two.clear_fault()
        assert await faults_of(two) == []


async def test_a_fault_of_a_channel_leaves_connections_alone_that_may_be_for_another() -> None:
    async with running(2) as fleet:
        one = fleet.cameras["ch-01"]
        reader, writer = await asyncio.open_connection(one.target.host, one.target.port)
        await until(lambda: one.connections == 1)
        await one.set_fault(BY_NAME["black-hole"]())
        url = fleet.cameras["ch-02"].target.url
        writer.write(f"OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        assert await reader.readline() == b"RTSP/1.0 200 OK\r\n"
        writer.close()
        await writer.wait_closed()


async def test_a_session_above_the_limit_is_refused_with_453() -> None:
    async with running(3, sessions=1) as fleet:
        one, two = fleet.cameras["ch-01"], fleet.cameras["ch-02"]
        one.port.limit.open += 1  # as another client's session
        assert await faults_of(two) == ["session_limit"]
        one.port.limit.open -= 1
        assert await faults_of(two) == []
        await until(lambda: one.port.limit.open == 0)


def changes_to_come(fleet: SimulatedFleet, node: str) -> int:
    return next(item["changes_to_come"] for item in fleet.nodes.describe() if item["node"] == node)  # type: ignore[return-value]


async def test_a_dead_node_takes_all_below_it_along_and_no_other_camera() -> None:
    async with (
        running(4, onvif=8000) as fleet,
        control_endpoint(fleet, "127.0.0.1", 0) as control,
        aiohttp.ClientSession(control) as session,
    ):

        async def ask(method: str, path: str, **settings: object) -> object:
            async with session.request(method, path, json=settings or None) as response:
                assert response.status == 200, await response.text()
                return await response.json()

        async def found(*names: str) -> list[list[str]]:
            return await asyncio.gather(*(faults_of(fleet.cameras[name], Rung.RTSP, 3.0) for name in names))

        listed = {item["node"]: item for item in await ask("GET", "/nodes")}  # type: ignore[attr-defined]
        assert listed["nvr"]["cameras"] == ["ch-01", "ch-02", "ch-03", "ch-04"]
        assert listed["line"]["cameras"] == ["beside", "ch-01", "ch-02", "ch-03", "ch-04"]
        assert listed["nvr"]["name"] == "东门录像机"
        assert await ask("PUT", "/nodes/nvr/faults/black-hole") == {"node": "nvr", "faults": ["black-hole"]}
        assert await found("ch-01", "ch-04", "beside") == [["connect_timeout"], ["connect_timeout"], []]
        await ask("PUT", "/nodes/line/faults/black-hole", spread_seconds=0.2)
        await until(lambda: changes_to_come(fleet, "line") == 0)  # each camera takes its fault at a time of its own
        await ask("DELETE", "/nodes/nvr/faults")
        assert await found("ch-04", "beside") == [
            ["connect_timeout"],
            ["connect_timeout"],
        ]  # the line is still dead
        await ask("DELETE", "/nodes/line/faults/black-hole", spread_seconds=0.2)
        await until(lambda: not any(camera.faults_of_nodes for camera in fleet.cameras.values()))
        assert await found("ch-01", "ch-04", "beside") == [[], [], []]
        assert fleet.nodes.faults("line") == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/nodes/none/faults/black-hole", None, 404),
        ("/nodes/nvr/faults/none", None, 400),
        ("/nodes/nvr/faults/black-hole", {"spread_seconds": -1}, 400),
        ("/nodes/nvr/faults/black-hole", {"spread_seconds": "1"}, 400),
        ("/nodes/nvr/faults/black-hole", {"speed": 1}, 400),
        ("/nodes/nvr/faults/black-hole", [], 400),
    ],
)
async def test_what_cannot_be_done_is_said(path: str, body: object, status: int) -> None:
    found = recorder_rows(1)
    fleet = SimulatedFleet(found, LOGIN, declared=nodes_of(found))
    async with (
        control_endpoint(fleet, "127.0.0.1", 0) as control,
        aiohttp.ClientSession(control) as session,
        session.put(path, json=body) as response,
    ):
        assert response.status == status
        assert await response.text()


async def test_a_change_that_is_still_to_come_gives_way_to_the_next_one() -> None:
    async with running(2) as fleet:
        await fleet.nodes.set_fault("sw2", BY_NAME["black-hole"](), 3600)
        assert [item["changes_to_come"] for item in fleet.nodes.describe() if item["node"] == "sw2"] == [1]
        await fleet.nodes.clear_fault("sw2")
        assert [item["changes_to_come"] for item in fleet.nodes.describe() if item["node"] == "sw2"] == [0]
        assert not fleet.cameras["beside"].faults_of_nodes


async def test_commands_kill_and_revive_a_node() -> None:
    async with running(2) as fleet, control_endpoint(fleet, "127.0.0.1", 0) as control:

        async def run(*arguments: str) -> str:
            done = await asyncio.to_thread(CliRunner().invoke, app, ["simulate", *arguments, "--control", control])
            assert done.exit_code == 0, done.output
            return done.output

        assert "nvr: silent" in await run("node-fault", "nvr", "silent")
        assert [item["node"] for item in fleet.nodes.describe() if item["faults"]] == ["nvr"]
        assert '"node": "nvr"' in await run("nodes", "--json")
        assert "silent" in await run("nodes")
        assert "line: black-hole" in await run("node-fault", "line", "black-hole", "--spread-seconds", "60")
        assert "line: no fault" in await run("node-fault", "line", "black-hole", "--clear")
        assert "nvr: no fault" in await run("node-fault", "nvr", "none")
        assert not any(camera.faults_of_nodes for camera in fleet.cameras.values())
