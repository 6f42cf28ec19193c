"""A scrape with 147 and with 5,000 cameras: duration at the client, size, and delay of the event loop.

The peer is prometheus_client: a Gauge with as many children, rendered by generate_latest.
Usage: python -m benchmarks.scrape
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from tests.simulated_time import camera
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.readings import Readings
from xueliang_monitor.service import spare_the_collector
from xueliang_monitor.web.server import Server

RESULTS = Path(__file__).parent / "results"
ROUNDS = 7
TICK_SECONDS = 0.005
READINGS = Readings(
    frame_rate_hertz=25.0,
    packet_loss_ratio=0.001,
    keyframe_wait_seconds=0.2,
    clock_offset_seconds=0.4,
    manufacturer="Maker",
    model="M-1",
    firmware="5.5",
    codec="H264",
    resolution="1920x1080",
    measures={"brightness_ratio": 0.5, "sharpness_ratio": 0.6},
)


def _fleet(count: int) -> Fleet:
    cameras = tuple(camera(f"cam-{number:04d}", site=f"site-{number // 8}") for number in range(count))
    fleet = Fleet(SystemClock(), Policy(), cameras)
    rungs = tuple(
        RungResult(rung, True, 0.01) for rung in (Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE, Rung.ONVIF)
    )
    for each in cameras:
        for _ in range(3):
            fleet.apply(VisitResult(each.id, time.time(), rungs, readings=READINGS, online=True), Memory(), 0.0)
    fleet.availability = {each.id: {"1d": 1.0, "7d": 0.99, "30d": 0.98} for each in cameras}
    return fleet


async def _worst_lag(stop: asyncio.Event) -> float:
    worst, loop = 0.0, asyncio.get_running_loop()
    while not stop.is_set():
        due = loop.time() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        worst = max(worst, loop.time() - due)
    return worst


async def _scrape(address: str) -> tuple[float, int]:
    """Scrape once from a separate process, as Prometheus does; return seconds and bytes."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "-o", "/dev/null", "-H", "Accept-Encoding: gzip", "-w", "%{time_total} %{size_download}"),
        f"{address}/metrics", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    seconds, size = told.split()
    return float(seconds), int(size)


def _peer_seconds(samples: int) -> float:
    registry = CollectorRegistry()
    gauge = Gauge("peer", "As many samples.", ("camera", "site", "programme"), registry=registry)
    for number in range(samples):
        gauge.labels(f"cam-{number:06d}", f"site-{number // 8}", "programme").set(0.5)
    began = time.perf_counter()
    generate_latest(registry)
    return time.perf_counter() - began


async def _measure(count: int, folder: Path) -> dict[str, float]:
    fleet = _fleet(count)
    settings = Settings(listen="127.0.0.1:0", state=folder)
    samples = sum(not line.startswith(b"#") for line in render(fleet.snapshot(), "")[0].splitlines())
    peer = statistics.median(_peer_seconds(samples) for _ in range(3))
    async with Server(fleet, settings, folder).serving(*settings.listen_address) as address:
        await _scrape(address)
        stop = asyncio.Event()
        lag = asyncio.create_task(_worst_lag(stop))
        taken = [await _scrape(address) for _ in range(ROUNDS)]
        stop.set()
        seconds = statistics.median(each for each, _ in taken)
        return {
            "samples": samples,
            "scrape_ms": round(seconds * 1000, 1),
            "gzipped_kb": round(taken[0][1] / 1000, 1),
            "worst_loop_lag_ms": round(await lag * 1000, 1),
            "peer_render_ms": round(peer * 1000, 1),
            "over_peer": round(seconds / peer, 2),
        }


def main() -> None:
    """Measure, print, and write results/scrape.json."""
    spare_the_collector()
    results = {}
    for count in (147, 5000):
        with tempfile.TemporaryDirectory() as folder:
            results[str(count)] = result = asyncio.run(_measure(count, Path(folder)))
        print(f"{count:5d} cameras: " + ", ".join(f"{key} {value}" for key, value in result.items()))
    (RESULTS / "scrape.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
