"""The daemon and a simulated fleet in separate processes: metrics, page, API, faults and recovery."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest

from tests import waiting
from tests.conftest import rows
from tests.real.gstreamer import free_port
from tests.waiting import AT_MOST_SECONDS, PATIENCE
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.configuration.spreadsheet_columns import COLUMNS
from xueliang_monitor.simulator.faults import BY_NAME

PASSWORD = "pa55-of-the-fleet"


@dataclass(frozen=True)
class Rig:
    """A running simulator and daemon, with their control interfaces."""

    control: str
    page: str
    cameras: tuple[Row, ...]
    session: aiohttp.ClientSession
    daemon: asyncio.subprocess.Process
    log: Path

    async def fault(self, camera: str, name: str | None) -> None:
        method, path = ("PUT", f"/faults/{name}") if name else ("DELETE", "/faults")
        async with self.session.request(method, f"{self.control}/cameras/{camera}{path}") as response:
            response.raise_for_status()

    async def node_fault(self, node: str, name: str | None, spread_seconds: float = 0.0) -> None:
        """Set a fault of all cameras below a node, or take all faults of the node back."""
        method, path = ("PUT", f"/faults/{name}") if name else ("DELETE", "/faults")
        settings = {"spread_seconds": spread_seconds}
        async with self.session.request(method, f"{self.control}/nodes/{node}{path}", json=settings) as response:
            response.raise_for_status()

    async def get(self, path: str, **headers: str) -> str:
        async with self.session.get(self.page + path, headers=headers) as response:
            return await response.text()

    async def states(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        cameras = json.loads(await self.get("/api/v1/cameras"))["cameras"]
        return {item["id"]: (item["state"], tuple(fault["code"] for fault in item["faults"])) for item in cameras}


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    count: int,
    settings: str,
    fleet: tuple[Row, ...] | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Rig]:
    """Run both in a folder; `uplinks.yaml` in it says what the cameras hang on."""
    fleet = fleet or rows(count)
    with (folder / "fleet.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for row in fleet:
            writer.writerow({"id": row.id, **row.data.model_dump(exclude_none=True, include=set(COLUMNS))})
    xueliang = [sys.executable, "-m", "xueliang_monitor"]
    environment = {**os.environ, "XUELIANG_SIMULATOR_PASSWORD": PASSWORD, "FLEET_PASSWORD": PASSWORD}
    imported = [*xueliang, "camera", "import", str(folder / "fleet.csv"), "--into", str(folder / "cameras.d")]
    subprocess.run(imported, check=True, capture_output=True)
    page, control, log = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", folder / "log"
    (folder / "xueliang.yaml").write_text(
        f"listen: {page}\n{settings}\ncredentials: {{district: {{username: viewer, password_env: FLEET_PASSWORD}}}}\n"
    )
    topology = folder / "uplinks.yaml"
    declared = ["--topology", str(topology)] if topology.exists() else []
    with log.open("w") as stream:
        simulator = await asyncio.create_subprocess_exec(
            *xueliang, "simulate", "--fleet", str(folder / "fleet.csv"), "--control", control, *declared,
            env=environment, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert simulator.stdout is not None
        assert await simulator.stdout.readline()
        daemon = await asyncio.create_subprocess_exec(
            *xueliang, "run", "--config", str(folder / "xueliang.yaml"), env=environment, stderr=stream
        )
        try:
            async with aiohttp.ClientSession(headers=headers) as session:
                rig = Rig(f"http://{control}", f"http://{page}", fleet, session, daemon, log)
                await until(rig, lambda states: len(states) == count)
                yield rig
        finally:
            for process in (daemon, simulator):
                if process.returncode is None:
                    process.terminate()
                await process.wait()


async def until(rig: Rig, wanted: Any, seconds: float = AT_MOST_SECONDS) -> float:
    states: dict[str, tuple[str, tuple[str, ...]]] = {}

    async def so() -> bool:
        nonlocal states
        with contextlib.suppress(aiohttp.ClientError):
            states = await rig.states()
            return bool(wanted(states))
        return False

    def wrong() -> object:
        return {name: state for name, state in states.items() if state != ("up", ())}

    return await waiting.until(so, seconds, lambda: f"not up: {wrong()}")


async def until_learned(rig: Rig, cameras: list[str], looks: int = 5) -> None:
    """Wait until each camera's reference was learned from `looks` pictures; relative checks judge from the sixth on."""
    for camera in cameras:

        async def learned(camera: str = camera) -> bool:
            return json.loads(await rig.get(f"/api/v1/cameras/{camera}"))["reference_pictures"] >= looks

        await waiting.until(learned, 5 * AT_MOST_SECONDS, f"{camera} was not looked at {looks} times")


def all_up(states: dict[str, tuple[str, tuple[str, ...]]]) -> bool:
    return all(state == ("up", ()) for state in states.values())


@pytest.mark.timed
async def test_twenty_faults_of_ten_kinds_at_once_and_recovery(tmp_path: Path) -> None:
    settings = (
        "intervals: {reach: 6s, rtsp: 6s, stream: 12s, picture: 12s}\nrechecks: {reach: 1s, picture: 2s}\n"
        "timeouts: {rtsp: 8s, stream: 20s, picture: 60s}"  # some faults are only seen after a timeout
    )
    kinds = ("refuse", "black-hole", "silent", "not-found", "wrong-password", "session-limit", "no-media", "covered",
             "black", "frozen")  # fmt: skip
    async with running(tmp_path, 60, settings) as rig:
        await until(rig, all_up)
        no_faults_so_far = re.compile(r'xueliang_visits_total\{result="fault"\} ')
        await until_learned(rig, [row.id for row in rig.cameras])
        assert not no_faults_so_far.search(await rig.get("/metrics"))
        chosen = {row.id: kinds[number % len(kinds)] for number, row in enumerate(rig.cameras[::3][:20])}
        for camera, kind in chosen.items():
            await rig.fault(camera, kind)
        expected = {name: BY_NAME[kind].code for name, kind in chosen.items()}

        def right(states: dict[str, tuple[str, tuple[str, ...]]]) -> bool:
            return {name: faults for name, (_, faults) in states.items() if faults} == {
                name: (code,) for name, code in expected.items()
            }

        await until(rig, right, 4 * AT_MOST_SECONDS)
        metrics = await rig.get("/metrics")
        shown = dict(re.findall(r'xueliang_camera_fault\{camera="([^"]+)",fault="([^"]+)"', metrics)) or dict(
            re.findall(r'xueliang_camera_fault\{camera="([^"]+)",[^}]*fault="([^"]+)"', metrics)
        )
        assert shown == expected
        for camera in chosen:
            await rig.fault(camera, None)
        # A login in back-off is not tried before five minutes are over or the file changes.
        waiting = {name for name, code in expected.items() if code == "auth_failed"}
        await until(
            rig, lambda states: all_up({name: state for name, state in states.items() if name not in waiting}),
            4 * AT_MOST_SECONDS,
        )  # fmt: skip
        assert PASSWORD not in metrics + rig.log.read_text() + await rig.get("/")
        rig.daemon.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(rig.daemon.wait(), AT_MOST_SECONDS) == 0
        sessions = await (await rig.session.get(f"{rig.control}/cameras")).json()
        assert [item for item in sessions if item["open_sessions"]] == []


async def test_dead_cameras_are_down_and_hold_nobody_up(tmp_path: Path) -> None:
    """At default intervals: 147 cameras, 30 of them black-holed. Lateness is measured by benchmarks/fleet_load.py."""
    async with running(tmp_path, 147, PATIENCE) as rig:
        await until(rig, all_up, 3 * AT_MOST_SECONDS)
        dead = {row.id for row in rig.cameras[::5]}
        assert len(dead) == 30
        for camera in dead:
            await rig.fault(camera, "black-hole")
        await until(
            rig,
            lambda states: {name for name, state in states.items() if state[0] == "down"} == dead,
            3 * AT_MOST_SECONDS,
        )
        metrics = await rig.get("/metrics")
        offline = set(re.findall(r'xueliang_camera_online\{camera="([^"]+)"[^}]*\} 0\.0', metrics))
        assert offline == dead

        async def visits() -> float:
            return float(re.findall(r"xueliang_visit_lateness_seconds_count (\S+)", await rig.get("/metrics"))[0])

        before = await visits()

        async def all_were_visited_twice_more() -> bool:
            states = await rig.states()
            assert {name for name, state in states.items() if state != ("up", ())} == dead
            return await visits() > before + 2 * len(rig.cameras)

        await waiting.until(all_were_visited_twice_more, 3 * AT_MOST_SECONDS)


async def test_a_dead_switch_is_one_event_and_alarms_no_camera(tmp_path: Path) -> None:
    settings = "intervals: {reach: 5s, rtsp: 5s, stream: 10s, picture: 10s}\nrechecks: {reach: 1s, picture: 2s}\n"
    # On a busy machine all neighbours are visited before a single camera is blamed.
    async with running(tmp_path, 24, settings + PATIENCE + "confirm: {reach: 5, rtsp: 5}\n") as rig:
        await until(rig, all_up)
        behind = {row.id for row in rig.cameras if row.data.uplink == "switch-1"}
        assert len(behind) == 8
        for camera in behind:
            await rig.fault(camera, "black-hole")

        def lost(states: dict[str, tuple[str, tuple[str, ...]]]) -> bool:
            return {name for name, state in states.items() if state == ("unknown", ())} == behind

        await until(rig, lost)
        metrics = await rig.get("/metrics")
        assert 'xueliang_uplink_up{uplink="switch-1"} 0.0' in metrics
        assert 'xueliang_uplink_up{uplink="switch-2"} 1.0' in metrics
        assert "xueliang_camera_fault{" not in metrics
        page = await rig.get("/")
        assert re.search(r"switch-1</a></b> *since .*Cameras lost with it: 8 of 8<", page)

        async def every_tile_says_why() -> bool:
            """A full queue of connections lets one through now and then."""
            return (await rig.get("/")).count("behind switch-1<") == 8

        await waiting.until(every_tile_says_why)
        for camera in behind:
            await rig.fault(camera, None)
        await until(rig, all_up)
        assert 'xueliang_uplink_up{uplink="switch-1"} 1.0' in await rig.get("/metrics")
        assert "xueliang_camera_fault_episodes_total{" not in await rig.get("/metrics")
        log = rig.log.read_text()
        assert log.count("event=raised uplink=switch-1") == log.count("event=cleared uplink=switch-1") == 1
        assert "event=raised camera=" not in log


async def test_page_api_and_metrics_as_a_client_sees_them(tmp_path: Path) -> None:
    async with running(tmp_path, 6, PATIENCE + "intervals: {reach: 1s, rtsp: 1s, stream: 2s, picture: 2s}") as rig:
        await until(rig, all_up)
        await until_learned(rig, ["cam-000"], looks=1)
        assert await rig.get("/healthz") == "ok\n"
        assert await rig.get("/readyz") == "ok\n"
        page = await rig.get("/", **{"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
        assert "cam-003" in page
        assert "正常" in page
        assert "今日在线率" in page
        one = json.loads(await rig.get("/api/v1/cameras/cam-000"))
        assert (one["state"], one["readings"]["codec"]) == ("up", "h264")
        assert [rung["rung"] for rung in one["rungs"]] == ["reach", "rtsp", "stream", "picture"]
        async with rig.session.get(f"{rig.page}/api/v1/cameras/nobody") as response:
            assert response.status == 404
        async with rig.session.get(f"{rig.page}/metrics", headers={"Accept-Encoding": "identity"}) as response:
            plain = await response.read()
            assert "Content-Encoding" not in response.headers
        async with rig.session.get(
            f"{rig.page}/metrics", headers={"Accept-Encoding": "gzip"}, auto_decompress=False
        ) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert b"xueliang_camera_online" in gzip.decompress(await response.read())
        async with rig.session.get(
            f"{rig.page}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        ) as response:
            assert response.content_type == "application/openmetrics-text"
            assert (await response.text()).endswith("# EOF\n")
        async with rig.session.get(f"{rig.page}/live") as response:
            lines = [await response.content.readline() for _ in range(2)]
            assert lines[1] == b"event: reload\n"  # because the client sent an unknown version
        known = re.search(r'data-live="(/live\?since=[^"]+)"', page)
        assert known
        async with rig.session.get(rig.page + known[1]) as response:
            await rig.fault("cam-001", "refuse")
            async with asyncio.timeout(AT_MOST_SECONDS):
                async for line in response.content:
                    if b'id="c-cam-001" class="tile down"' in line:
                        break
        if shutil.which("promtool"):
            done = subprocess.run(
                ["promtool", "check", "metrics"], input=plain, capture_output=True, check=False, timeout=AT_MOST_SECONDS
            )
            assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.timed
async def test_a_device_that_was_exchanged_is_accepted_on_its_page_and_stays_so(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"control room", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f'basic_auth_users: {{anna: "{hashed}"}}\n')
    anna = {"Authorization": aiohttp.encode_basic_auth("anna", "control room")}
    settings = (
        "intervals: {reach: 1s, rtsp: 1s, stream: 2s, picture: 3s, onvif: 1s}\n"
        "rechecks: {reach: 300ms, picture: 500ms}\n" + PATIENCE + "web_config: web.yml"
    )
    async with running(tmp_path, 2, settings, rows(2, onvif_port=18_081), headers=anna) as rig:
        await until(rig, all_up)
        before = {file.name: file.read_bytes() for file in (tmp_path / "cameras.d").glob("*.yaml")}
        await rig.fault("cam-000", "replaced")
        await until(rig, lambda states: states["cam-000"] == ("degraded", ("device_replaced",)))
        page = await rig.get("/cameras/cam-000")
        form = {name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in ("token", "shown")}
        async with rig.session.post(f"{rig.page}/cameras/cam-000/accept-change", data=form) as answer:
            assert answer.status == 200
        told = json.loads(await rig.get("/api/v1/cameras/cam-000"))
        assert (told["state"], told["faults"]) == ("up", []), "at once"
        visits = told["last_visit"]

        async def visited_again() -> bool:
            told = json.loads(await rig.get("/api/v1/cameras/cam-000"))
            onvif = next((item["at"] for item in told["rungs"] if item["rung"] == "onvif"), "")
            return onvif > visits and told["state"] == "up"

        await waiting.until(visited_again, AT_MOST_SECONDS, "no visit confirmed the new device")
        assert before == {file.name: file.read_bytes() for file in (tmp_path / "cameras.d").glob("*.yaml")}
        await rig.fault("cam-000", None)
        await until(rig, lambda states: states["cam-000"] == ("degraded", ("device_replaced",)))
    assert "a change was accepted on the page" in (tmp_path / "log").read_text()
