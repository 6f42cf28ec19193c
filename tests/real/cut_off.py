"""A daemon in a network namespace whose cameras are in another one, cut off from them in four ways, and what it says.

Usage: unshare --net python -m tests.real.cut_off FOLDER. It prints one JSON object of figures for each way.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.model import Credentials
from xueliang_monitor.simulator.fleet import SimulatedFleet

SITES, EACH = (1, 2), 10
PASSWORD = "pa55-beyond-the-cable"
PAGE = "127.0.0.1:8000"
SETTINGS = f"""listen: {PAGE}
intervals: {{reach: 2s, rtsp: 2s, stream: 1h, picture: 1h}}
rechecks: {{reach: 1s}}
timeouts: {{rtsp: 30s, stream: 60s, picture: 60s, onvif: 30s}}
credentials: {{district: {{username: viewer, password_env: FLEET_PASSWORD}}}}
"""
ROUTES = [f"10.99.{site}.0/24 dev here src 10.99.{site}.254" for site in SITES]
WAYS = {
    "the interface is set down": ("here", ["ip link set here down"], ["ip link set here up"]),
    "no carrier": ("there", ["ip link set there down"], ["ip link set there up"]),
    "the routes are removed": (
        "here",
        [f"ip route del {route}" for route in ROUTES],
        [f"ip route add {route}" for route in ROUTES],
    ),
    "traffic is dropped beyond": (
        "there",
        [f"ip route add blackhole 10.99.{site}.254/32" for site in SITES],
        [f"ip route del blackhole 10.99.{site}.254/32" for site in SITES],
    ),
}  # fmt: skip
"""By name: in which namespace what cuts the daemon off, and what heals it."""


@dataclass
class Rig:
    """The daemon's page, and the process that holds the cameras' namespace."""

    session: aiohttp.ClientSession
    cameras_process: int
    seen: set[tuple[str, str, tuple[str, ...]]] = field(default_factory=set)
    detail: str = ""

    def run(self, where: str, commands: list[str]) -> None:
        """Run commands in the namespace of the daemon (`here`) or of the cameras (`there`)."""
        enter = [] if where == "here" else ["nsenter", "-t", str(self.cameras_process), "-n"]
        for command in commands:
            subprocess.run([*enter, *command.split()], check=True)

    async def get(self, path: str) -> Any:
        async with self.session.get(f"http://{PAGE}{path}") as response:
            return await (response.json() if path.startswith("/api") else response.text())

    async def faults(self) -> list[str]:
        """Return the monitor's faults, and note what is said of each camera."""
        said = await self.get("/api/v1/cameras")
        for item in said["cameras"]:
            self.seen.add((item["state"], item["cause"] or "", tuple(fault["code"] for fault in item["faults"])))
        self.detail = " ".join(item["detail"] for item in said["monitor"])
        return [item["code"] for item in said["monitor"]]

    async def all_up(self) -> bool:
        said = await self.get("/api/v1/cameras")
        return len(said["cameras"]) == len(SITES) * EACH and {item["state"] for item in said["cameras"]} == {"up"}

    async def visits(self) -> float:
        lines = (await self.get("/metrics")).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("xueliang_visits_total{"))

    async def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = (await self.get("/api/v1/events?limit=1000"))["events"]
        return [event for event in events if event["kind"] != "state"]

    async def watch(self, wanted: list[str], rounds: int) -> int:
        """Let every camera be visited some more times; return how often the faults were other than wanted."""
        others, enough = 0, await self.visits() + rounds * len(SITES) * EACH

        async def visited() -> bool:
            nonlocal others
            others += await self.faults() != wanted
            return await self.visits() >= enough

        await until(visited, 3 * AT_MOST_SECONDS)
        return others


async def serve_cameras(folder: Path) -> None:
    """Serve the cameras until the input ends."""
    rows, problems = spreadsheet.read(folder / "fleet.csv")
    assert not problems
    async with SimulatedFleet(rows, Credentials("viewer", PASSWORD)).running():
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextlib.asynccontextmanager
async def _cameras(folder: Path) -> AsyncIterator[int]:
    """Run the cameras in a namespace of their own, behind a cable; yield the process that holds it."""
    holder = await asyncio.create_subprocess_exec("unshare", "-n", "sleep", "infinity")
    try:
        own = Path("/proc/self/ns/net").readlink()
        await until(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != own)
        there = ["nsenter", "-t", str(holder.pid), "-n"]
        addresses = [f"10.99.{site}.{number + 1}" for site in SITES for number in range(EACH)]
        own_side = [
            "ip link set lo up",
            f"ip link add here type veth peer name there netns {holder.pid}",
            *(f"ip address add 10.99.{site}.254/24 dev here" for site in SITES),
            "ip link set here up",
        ]
        other_side = [
            "ip link set lo up",
            *(f"ip address add {address}/24 dev there" for address in addresses),
            "ip link set there up",
        ]
        for command in (*map(str.split, own_side), *([*there, *line.split()] for line in other_side)):
            subprocess.run(command, check=True)
        cameras = await asyncio.create_subprocess_exec(
            *there, sys.executable, "-m", "tests.real.cut_off", str(folder), "cameras",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert cameras.stdout is not None
        assert cameras.stdin is not None
        assert await cameras.stdout.readline()
        try:
            yield holder.pid
        finally:
            cameras.stdin.close()
            await cameras.wait()
    finally:
        holder.kill()
        await holder.wait()


@contextlib.asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    """Run both; write the daemon's log beside its settings."""
    with (folder / "fleet.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "site", "address", "rtsp_port", "rtsp_path", "uplink", "credentials"))
        for site in SITES:
            for number in range(EACH):
                address = f"10.99.{site}.{number + 1}"
                name = f"cam-{site}-{number}"
                writer.writerow((name, f"site-{site}", address, 8554, "/live/main", f"switch-{site}", "district"))
    (folder / "xueliang.yaml").write_text(SETTINGS)
    xueliang = [sys.executable, "-m", "xueliang_monitor"]
    subprocess.run(
        [*xueliang, "camera", "import", str(folder / "fleet.csv"), "--into", str(folder / "cameras.d")],
        check=True, capture_output=True,
    )  # fmt: skip
    async with _cameras(folder) as holder, aiohttp.ClientSession() as session:
        with (folder / "log").open("w") as log:
            daemon = await asyncio.create_subprocess_exec(
                *xueliang, "run", "--config", str(folder / "xueliang.yaml"), stderr=log,
                env={**os.environ, "FLEET_PASSWORD": PASSWORD},
            )  # fmt: skip
        made = Rig(session, holder)
        try:

            async def up() -> bool:
                with contextlib.suppress(aiohttp.ClientError):
                    return await made.all_up()
                return False

            await until(up, 3 * AT_MOST_SECONDS, lambda: (folder / "log").read_text())
            yield made
        finally:
            daemon.terminate()
            await daemon.wait()


async def cut_off(made: Rig, way: str) -> dict[str, Any]:
    """Cut the daemon off from its cameras and heal it; return what was said meanwhile."""
    where, cut, heal = WAYS[way]
    known = {event["id"] for event in await made.events()}
    made.seen.clear()

    async def isolated() -> bool:
        return "monitor_isolated" in await made.faults()

    async def none_judged() -> bool:
        await made.faults()
        return "xueliang_camera_online{" not in await made.get("/metrics")

    async def well() -> bool:
        return not await made.faults() and await made.all_up()

    made.run(where, cut)
    began = time.monotonic()
    told = await until(isolated, what=lambda: made.seen)
    others = await made.watch(["monitor_isolated"], 2)
    # A visit that was under way ends with its timeout, and its camera is judged by the last visit until then.
    await until(none_judged, what=lambda: made.seen)
    lasted, detail = time.monotonic() - began, made.detail
    shown = [line for line in (await made.get("/metrics")).splitlines() if line.startswith("xueliang_monitor_fault{")]
    down = sorted({said for said in made.seen if said[0] == "down"})
    made.run(where, heal)
    healed = await until(well, what=lambda: made.seen)
    flaps = await made.watch([], 2)
    events: list[dict[str, Any]] = []

    async def written() -> bool:
        nonlocal events
        events = [event for event in await made.events() if event["id"] not in known]
        return any(event["kind"] == "cleared" for event in events)

    await until(written)
    return {
        "way": way,
        "told_after": round(told, 1),
        "lasted": round(lasted, 1),
        "healed_after": round(healed, 1),
        "events": sorted((each["kind"], each["fault"], each["camera"] or each["uplink"] or "") for each in events),
        "detail": detail,
        "down": down,
        "shown": shown,
        "flaps": others + flaps,
    }


async def main(folder: Path) -> None:
    """Cut the daemon off in each way."""
    async with rig(folder) as made:
        for way in WAYS:
            print(json.dumps(await cut_off(made, way)), flush=True)


if __name__ == "__main__":
    asyncio.run(serve_cameras(Path(sys.argv[1])) if sys.argv[2:] == ["cameras"] else main(Path(sys.argv[1])))
