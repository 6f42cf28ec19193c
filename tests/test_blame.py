"""147 healthy cameras, watched by a daemon that lacks a resource: no camera and no uplink is blamed."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import rows
from tests.net.dns_server import DnsServer, dns_server
from tests.real.gstreamer import free_port
from xueliang_monitor.configuration.spreadsheet import COLUMNS, Row

pytestmark = [pytest.mark.timed, pytest.mark.timeout(400)]

COUNT, NAMED = 147, 40
PASSWORD = "pa55-of-the-fleet"
DOMAIN = "cameras.test"
OWN = "check_failed"
ISOLATED = "monitor_isolated"
XUELIANG = (sys.executable, "-m", "xueliang_monitor")


@dataclass
class Watched:
    """A running daemon, and the states it reported for its cameras."""

    page: str
    daemon: asyncio.subprocess.Process
    log: Path
    blamed: set[tuple[str, str]] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> str:
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self.page + path) as response:
            return await response.text()

    async def look(self) -> None:
        """Record the cameras and uplinks that are blamed now."""
        cameras = json.loads(await self.get("/api/v1/cameras"))["cameras"]
        self.states = {item["id"]: item["state"] for item in cameras}
        self.blamed |= {
            (item["id"], fault["code"]) for item in cameras for fault in item["faults"] if fault["code"] != OWN
        }
        self.blamed |= {(item["id"], "down") for item in cameras if item["state"] == "down"}

    async def until(self, reached: Callable[[], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
                await self.look()
                if reached():
                    return
            assert self.daemon.returncode is None, self.log.read_text()[-4000:]
            assert time.monotonic() < ends, (self.states, self.log.read_text()[-4000:])
            await asyncio.sleep(0.5)

    def all_are(self, state: str) -> bool:
        return len(self.states) == COUNT and set(self.states.values()) == {state}

    def said(self) -> list[str]:
        """Return the log lines of raised faults, without errors of the monitor."""
        return [line for line in self.raised() if f"fault={OWN}" not in line]

    def raised(self) -> list[str]:
        """Return the log lines of raised faults."""
        return [line for line in self.log.read_text().splitlines() if "event=raised" in line]


@contextlib.asynccontextmanager
async def watched(
    folder: Path, *, settings: str = "", named: int = 0, descriptors: int | None = None
) -> AsyncIterator[tuple[Watched, tuple[Row, ...]]]:
    """Run simulated cameras and a daemon that knows the first `named` of them by name."""
    fleet = rows(COUNT)
    for place, names in (("simulated.csv", 0), ("watched.csv", named)):
        with (folder / place).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            for number, row in enumerate(fleet):
                said = row.data.model_dump(exclude_none=True, include=set(COLUMNS))
                writer.writerow({"id": row.id, **said, **({"address": f"{row.id}.{DOMAIN}"} if number < names else {})})
    environment = {**os.environ, "XUELIANG_SIMULATOR_PASSWORD": PASSWORD, "FLEET_PASSWORD": PASSWORD}
    imported = [*XUELIANG, "camera", "import", str(folder / "watched.csv"), "--into", str(folder / "cameras.d")]
    subprocess.run(imported, check=True, capture_output=True)
    page, control, log = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", folder / "log"
    file = folder / "xueliang.yaml"
    file.write_text(
        f"listen: {page}\nworkers: 2\n{settings}\n"
        "credentials: {district: {username: viewer, password_env: FLEET_PASSWORD}}\n"
    )
    run = [*XUELIANG, "run", "--config", str(file)]
    if descriptors is not None:
        run = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *run]
    with log.open("w") as stream:
        simulator = await asyncio.create_subprocess_exec(
            *(*XUELIANG, "simulate", "--fleet", str(folder / "simulated.csv"), "--control", control),
            env=environment,
            stdout=subprocess.PIPE,
        )
        assert simulator.stdout is not None
        assert await simulator.stdout.readline()
        daemon = await asyncio.create_subprocess_exec(*run, env=environment, stderr=stream)
        try:
            yield Watched(f"http://{page}", daemon, log), fleet
        finally:
            for process in (daemon, simulator):
                if process.returncode is None:
                    process.terminate()
                await process.wait()


def addresses_of(fleet: tuple[Row, ...]) -> dict[str, tuple[str, ...]]:
    return {f"{row.id}.{DOMAIN}": (row.data.address,) for row in fleet}


def shortages(text: str) -> dict[str, float]:
    found = re.findall(r'^xueliang_monitor_shortages_total\{resource="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {name: float(value) for name, value in found}


async def test_too_few_descriptors(tmp_path: Path) -> None:
    async with watched(tmp_path, descriptors=64) as (daemon, _):
        await daemon.until(lambda: daemon.all_are("up"), 120)
        assert "Set LimitNOFILE=" in daemon.log.read_text()
        host, port = daemon.page.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(100)]  # they leave some for the visits
        resource.prlimit(daemon.daemon.pid, resource.RLIMIT_NOFILE, (8, 64))  # fewer than are open already
        await asyncio.sleep(25)  # longer than one round of visits
        assert daemon.daemon.returncode is None, daemon.log.read_text()[-4000:]
        resource.prlimit(daemon.daemon.pid, resource.RLIMIT_NOFILE, (64, 64))
        for _, writer in idle:
            writer.close()
        await daemon.until(lambda: daemon.all_are("up"), 120)
        assert shortages(await daemon.get("/metrics"))["descriptors"] > 0
        assert daemon.log.read_text().count("connections to the page cannot be accepted") <= 3
        assert not daemon.blamed
        assert not daemon.said()


async def test_a_dead_name_server_from_the_start_and_one_that_dies(tmp_path: Path) -> None:
    async with dns_server(DnsServer(silent=True, ttl_seconds=1)) as server:
        settings = f"name_servers: ['{server.place}']"
        async with watched(tmp_path, named=COUNT, settings=settings) as (daemon, fleet):
            await daemon.until(lambda: len(daemon.states) == COUNT, 30)
            await daemon.until(lambda: "lacks name_server" in daemon.log.read_text(), 60)
            ends = time.monotonic() + 30
            while time.monotonic() < ends:
                await daemon.look()
                assert set(daemon.states.values()) == {"unknown"}
                await asyncio.sleep(1)
            (event,) = daemon.raised()
            assert f"fault={ISOLATED}" in event
            assert f"no name server answers ({server.place})" in event
            server.addresses, server.silent = addresses_of(fleet), False
            await daemon.until(lambda: daemon.all_are("up"), 120)
            # Resolved names are still used during the next failure, although every TTL has expired.
            server.silent = True
            ends = time.monotonic() + 25
            while time.monotonic() < ends:
                await daemon.look()
                assert daemon.all_are("up"), daemon.states
                await asyncio.sleep(1)
            assert not daemon.blamed
            assert daemon.said() == [event]
            assert f"event=cleared fault={ISOLATED}" in daemon.log.read_text()


async def test_a_name_server_that_some_cameras_need(tmp_path: Path) -> None:
    async with dns_server(DnsServer(silent=True)) as server:
        settings = f"name_servers: ['{server.place}']"
        async with watched(tmp_path, named=NAMED, settings=settings) as (daemon, fleet):
            names, others = {row.id for row in fleet[:NAMED]}, {row.id for row in fleet[NAMED:]}
            await daemon.until(lambda: bool(daemon.said()), 120)
            await daemon.until(lambda: {daemon.states.get(name) for name in others} == {"up"}, 120)
            ends = time.monotonic() + 15  # longer than one round of visits
            while time.monotonic() < ends:
                await daemon.look()
                assert {daemon.states[name] for name in names} == {"unknown"}
                assert {daemon.states[name] for name in others} == {"up"}
                await asyncio.sleep(1)
            server.addresses, server.silent = addresses_of(fleet), False
            await daemon.until(lambda: daemon.all_are("up"), 120)
            (event,) = daemon.said()
            assert f"fault={ISOLATED}" in event
            assert not daemon.blamed


async def test_a_slow_name_server(tmp_path: Path) -> None:
    async with dns_server(DnsServer(delay_seconds=0.4, ttl_seconds=1)) as server:
        settings = f"name_servers: ['{server.place}']"
        async with watched(tmp_path, named=COUNT, settings=settings) as (daemon, fleet):
            server.addresses = addresses_of(fleet)
            await daemon.until(lambda: daemon.all_are("up"), 120)
            ends = time.monotonic() + 20
            while time.monotonic() < ends:
                await daemon.look()
                assert daemon.all_are("up"), daemon.states
                await asyncio.sleep(1)
            assert not daemon.blamed
            assert not daemon.said()


async def test_a_daemon_that_is_stopped_for_a_minute(tmp_path: Path) -> None:
    # A camera without a visit for 55 s would be unknown.
    settings = "intervals: {reach: 10s, rtsp: 10s}\ntimeouts: {stream: 6s, onvif: 4s}"
    async with watched(tmp_path, settings=settings) as (daemon, _):
        await daemon.until(lambda: daemon.all_are("up"), 120)
        daemon.daemon.send_signal(signal.SIGSTOP)
        await asyncio.sleep(60)
        daemon.daemon.send_signal(signal.SIGCONT)
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            await daemon.look()
            assert daemon.all_are("up"), daemon.states
            await asyncio.sleep(0.2)
        said = re.findall(r"the monitor did not run for (\d+\.\d) s\b(?! of)", daemon.log.read_text())
        assert len([seconds for seconds in said if float(seconds) > 58]) == 1
        stopped = re.search(
            r"^xueliang_monitor_stopped_seconds_total (\S+)$", await daemon.get("/metrics"), re.MULTILINE
        )
        assert stopped is not None
        assert float(stopped[1]) > 58
        assert not daemon.blamed
        assert not daemon.said()
