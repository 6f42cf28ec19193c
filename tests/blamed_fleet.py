"""147 healthy cameras, watched by a daemon of which a test takes a resource away."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.conftest import rows
from tests.real.gstreamer import free_port
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.configuration.spreadsheet_columns import COLUMNS

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
