"""500 concurrent visits from one process: whether all end in time, and how late the event loop runs meanwhile.

Usage: python -m benchmarks.many_visits [--cameras N]

The cameras are simulated in a separate process. Each visit reads up to the first keyframe. There is no peer: no other
client serves hundreds of cameras from one process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.model import Credentials, Rung, Target, Timeouts, VisitResult
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.service import spare_the_collector
from xueliang_monitor.simulator.fleet import SimulatedFleet

RESULTS = Path(__file__).parent / "results"
LOGIN = Credentials("viewer", "of-the-benchmark")
PORT, PATH = 8554, "/live/main"
LIMITS = Timeouts(reach=5.0, rtsp=8.0, stream=15.0)


def _address(number: int) -> str:
    return f"127.77.{number // 250}.{number % 250 + 1}"


async def _serve(count: int) -> None:
    rows = tuple(
        Row(f"cam-{number:03d}", CameraFile(site="S", address=_address(number), rtsp_port=PORT, rtsp_path=PATH))
        for number in range(count)
    )
    async with SimulatedFleet(rows, LOGIN).running():
        print("ready", flush=True)
        await asyncio.Event().wait()


async def _lags(found: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.005
        await asyncio.sleep(0.005)
        found.append(max(0.0, loop.time() - due))


async def _one(number: int, locks: CameraLocks, workers: Workers) -> tuple[VisitResult, float]:
    target = Target(f"cam-{number:03d}", _address(number), PORT, PATH, LOGIN, listen_seconds=0.0)
    began = time.monotonic()
    visited, _ = await visit(
        target, Rung.STREAM, Memory(), timeouts=LIMITS, workers=workers, now=time.time(), locks=locks
    )
    return visited, time.monotonic() - began


async def _measure(count: int) -> dict[str, float]:
    lags: list[float] = []
    locks, workers = CameraLocks(), Workers(1)
    await _one(0, locks, workers)
    spare_the_collector()
    measuring = asyncio.create_task(_lags(lags))
    spent, began = time.process_time(), time.monotonic()
    visits = await asyncio.gather(*(_one(number, locks, workers) for number in range(count)))
    wall, cpu = time.monotonic() - began, time.process_time() - spent
    measuring.cancel()
    codes = Counter(finding.code for visited, _ in visits for finding in visited.seen)
    return {
        "visits": count,
        "healthy": sum(not visited.seen for visited, _ in visits),
        **{f"saw_{code}": number for code, number in codes.items()},
        "wall_seconds": round(wall, 2),
        "longest_visit_seconds": round(max(seconds for _, seconds in visits), 2),
        "cpu_ms_a_visit": round(1000 * cpu / count, 2),
        "loop_lag_p99_ms": round(1000 * statistics.quantiles(lags, n=100)[98], 1),
        "loop_lag_worst_ms": round(1000 * max(lags), 1),
    }


def main() -> None:
    """Measure, print, and write results/many_visits.json."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cameras", type=int, default=500)
    options.add_argument("--serve", action="store_true", help="be the cameras")
    chosen = options.parse_args()
    if chosen.serve:
        asyncio.run(_serve(chosen.cameras))
        return
    command = [sys.executable, "-m", "benchmarks.many_visits", "--serve", "--cameras", str(chosen.cameras)]
    cameras = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        if cameras.stdout is None or cameras.stdout.readline() != b"ready\n":
            sys.exit("the simulated cameras did not start")
        result = asyncio.run(_measure(chosen.cameras))
    finally:
        cameras.kill()
        cameras.wait()
    print(", ".join(f"{key} {value}" for key, value in result.items()))
    (RESULTS / "many_visits.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
