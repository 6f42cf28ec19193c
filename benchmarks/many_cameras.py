"""Thousands of simulated cameras watched from the first minute on: what is late, stale and learned, by minute.

Usage: python -m benchmarks.many_cameras [--cameras N] [--minutes N] [--speed N]

The simulator runs in a process of its own and is not counted. Page, history and metrics are on; the metrics are read
every half minute. One camera goes dead halfway. With --speed, all intervals are shorter, so that a few cameras make as
many visits as many do at default intervals. Memory is PSS, which counts shared pages once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.real.gstreamer import free_port

RESULTS = Path(__file__).parent / "results"
PASSWORD = "of-the-benchmark"
PORT, PATH = 8554, "/live/main"
DESCRIPTORS = 65_536
DEFAULTS = {"reach": 15.0, "rtsp": 15.0, "stream": 300.0, "picture": 300.0, "onvif": 300.0}
COLUMNS = (
    "minute", "online", "stale", "pictures", "learning", "visits/s", "looks/s", "late p99 s", "late >1 s",
    "overdue p99 s", "loop cores", "worker cores", "MB", "faults",
)  # fmt: skip


def _name(number: int) -> str:
    return f"cam-{number:04d}"


def _address(number: int) -> str:
    return f"127.78.{number // 250}.{number % 250 + 1}"


async def _serve(count: int) -> None:
    """Be the cameras; stop each that is named on standard input."""
    from xueliang_monitor.configuration.camera_file import CameraFile
    from xueliang_monitor.configuration.spreadsheet import Row
    from xueliang_monitor.model import Credentials
    from xueliang_monitor.process import limits
    from xueliang_monitor.service import favour_the_loop, spare_the_collector
    from xueliang_monitor.simulator.fleet import SimulatedFleet

    limits.raised(DESCRIPTORS)
    files = (CameraFile(site="S", address=_address(number), rtsp_port=PORT, rtsp_path=PATH) for number in range(count))
    rows = tuple(Row(_name(number), data) for number, data in enumerate(files))
    fleet = SimulatedFleet(rows, Credentials("viewer", PASSWORD))
    async with fleet.running():
        spare_the_collector()
        favour_the_loop()
        print("ready", flush=True)
        while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
            await fleet.cameras[name].stop()


def write_installation(folder: Path, count: int, page: str, speed: float) -> Path:
    """Write settings and camera files; return the settings."""
    cameras = folder / "cameras.d"
    cameras.mkdir()
    for number in range(count):
        text = f"name: Camera {number}\nsite: site-{number // 100}\naddress: {_address(number)}\nrtsp_port: {PORT}\n"
        (cameras / f"{_name(number)}.yaml").write_text(f"{text}rtsp_path: {PATH}\ncredentials: district\n")
    intervals = ", ".join(f"{rung}: {max(1, round(seconds / speed))}s" for rung, seconds in DEFAULTS.items())
    settings = folder / "xueliang.yaml"
    settings.write_text(
        f"listen: {page}\nintervals: {{{intervals}}}\n"
        "credentials: {district: {username: viewer, password_env: FLEET_PASSWORD}}\n"
    )
    return settings


@dataclass(slots=True)
class _Scrape:
    """One reading of the metrics, and the processor seconds of the daemon and its workers."""

    text: str
    loop_seconds: float
    worker_seconds: dict[int, float]
    memory_mb: float
    at: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, daemon: psutil.Process, page: str) -> _Scrape:
        with urllib.request.urlopen(f"http://{page}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        workers = daemon.children(recursive=True)
        memory = 0
        for process in (daemon, *workers):
            try:
                memory += process.memory_full_info().pss
            except psutil.Error:
                continue
        return cls(text, sum(daemon.cpu_times()[:2]), _spent(workers), memory / 1e6)

    def count(self, pattern: str) -> int:
        return len(re.findall(pattern, self.text, re.MULTILINE))

    def value(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def buckets(self, name: str) -> dict[float, float]:
        pairs = re.findall(rf'^{name}_bucket\{{le="([^"]+)"\}} (\S+)$', self.text, re.MULTILINE)
        return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in pairs}


def _spent(processes: list[psutil.Process]) -> dict[int, float]:
    """Return the processor seconds of each process by its id: workers are replaced now and then."""
    spent = {}
    for process in processes:
        try:
            spent[process.pid] = float(sum(process.cpu_times()[:2]))
        except psutil.Error:
            continue
    return spent


def _between(before: _Scrape, after: _Scrape, name: str) -> tuple[float, float, float]:
    """Return of a histogram between two scrapes: the count, the bound that 99 % keep, and the count over a second."""
    old = before.buckets(name)
    made = {bound: count - old.get(bound, 0.0) for bound, count in after.buckets(name).items()}
    total = made.get(float("inf"), 0.0)
    p99 = next((bound for bound, count in sorted(made.items()) if count >= 0.99 * total), 0.0) if total else 0.0
    return total, p99, total - made.get(1.0, total)


def _row(minute: float, before: _Scrape, after: _Scrape) -> dict[str, float]:
    seconds = after.at - before.at
    visits, late, over = _between(before, after, "xueliang_visit_lateness_seconds")
    _, overdue, _ = _between(before, after, "xueliang_picture_overdue_seconds")
    looks = 'xueliang_rung_duration_seconds_count{rung="picture"}'
    figures = (
        minute,
        after.count(r"^xueliang_camera_online\{.*\} 1\.0$"),
        after.count(r'^xueliang_camera_unknown\{.*cause="stale".*\} 1\.0$'),
        after.count(r"^xueliang_camera_picture_brightness_ratio\{"),
        after.value("xueliang_pictures_learning"),
        visits / seconds,
        (after.value(looks) - before.value(looks)) / seconds,
        late,
        over,
        overdue,
        (after.loop_seconds - before.loop_seconds) / seconds,
        sum(spent - before.worker_seconds.get(pid, 0.0) for pid, spent in after.worker_seconds.items()) / seconds,
        after.memory_mb,
        after.count(r"^xueliang_camera_fault\{"),
    )
    return dict(zip(COLUMNS, (round(figure, 2) for figure in figures), strict=True))


def _told_dead(page: str, name: str, within: float) -> float | None:
    """Return after how many seconds a camera that has just gone dead is down on the page; None if it never is."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        with urllib.request.urlopen(f"http://{page}/api/v1/cameras/{name}", timeout=30) as answer:
            if json.load(answer)["state"] == "down":
                return round(time.monotonic() - began, 1)
        time.sleep(0.25)
    return None


def _minutes(daemon: psutil.Process, page: str, minutes: float) -> Iterator[dict[str, float]]:
    before, began = None, time.monotonic()
    for half in range(round(2 * minutes) + 1):
        time.sleep(max(0.0, began + 30 * half - time.monotonic()))
        scrape = _Scrape.of(daemon, page)
        if half % 2 == 0 and before is not None:
            yield _row(half / 2, before, scrape)
        if half % 2 == 0:
            before = scrape


def _watch(
    daemon: subprocess.Popen[bytes], cameras: subprocess.Popen[str], page: str, options: argparse.Namespace
) -> dict[str, object]:
    rows: list[dict[str, float]] = []
    dead: float | None = None
    print("  ".join(COLUMNS), flush=True)
    for row in _minutes(psutil.Process(daemon.pid), page, options.minutes):
        rows.append(row)
        print("  ".join(f"{row[name]:{len(name)}g}" for name in COLUMNS), flush=True)
        if dead is None and row["minute"] >= options.minutes / 2 and cameras.stdin is not None:
            cameras.stdin.write(f"{_name(options.cameras // 2)}\n")
            cameras.stdin.flush()
            dead = _told_dead(page, _name(options.cameras // 2), 50.0)
            print(f"a dead camera was told after {dead} s", flush=True)
    return {"cameras": options.cameras, "speed": options.speed, "dead_told_seconds": dead, "minutes": rows}


def main() -> None:
    """Start cameras and daemon, print a line each minute, and write results/many_cameras.json."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cameras", type=int, default=5000)
    arguments.add_argument("--minutes", type=float, default=13.0)
    arguments.add_argument("--speed", type=float, default=1.0, help="divide all intervals by this")
    arguments.add_argument("--serve", action="store_true", help="be the cameras")
    options = arguments.parse_args()
    if options.serve:
        asyncio.run(_serve(options.cameras))
        return
    page = f"127.0.0.1:{free_port()}"
    serving = [sys.executable, "-m", "benchmarks.many_cameras", "--serve", "--cameras", str(options.cameras)]
    with tempfile.TemporaryDirectory() as temporary:
        settings = write_installation(Path(temporary), options.cameras, page, options.speed)
        cameras = subprocess.Popen(serving, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        command = [sys.executable, "-m", "xueliang_monitor", "run", "--config", str(settings)]
        daemon = None
        try:
            if cameras.stdout is None or cameras.stdout.readline() != "ready\n":
                sys.exit("the simulated cameras did not start")
            with (Path(temporary) / "daemon.log").open("w") as log:
                environment = {**os.environ, "FLEET_PASSWORD": PASSWORD}
                daemon = subprocess.Popen(command, env=environment, stderr=log)
            _wait_for(page)
            result = _watch(daemon, cameras, page, options)
            print((Path(temporary) / "daemon.log").read_text()[-1500:])
        finally:
            if daemon is not None:
                daemon.terminate()
                daemon.wait()
            cameras.terminate()
            cameras.wait()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "many_cameras.json").write_text(json.dumps({"cores": os.cpu_count(), **result}, indent=2) + "\n")


def _wait_for(page: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://{page}/api/v1/health", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    sys.exit("the daemon did not start")


if __name__ == "__main__":
    main()
