"""CPU and memory of the daemon and its workers with 147 simulated cameras at default intervals.

Usage: python -m benchmarks.fleet_load [--seconds N]

The simulator runs in a separate process and is not counted. RSS is summed over the daemon and its workers, so shared
pages are counted several times; PSS counts them once.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from tests.real.gstreamer import free_port

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
PASSWORD = "of-the-benchmark"
WARM_UP_SECONDS = 150.0
"""Time for the first five pictures of every camera, which are taken in quick succession only after the first start."""


def _processes(daemon: psutil.Process) -> list[psutil.Process]:
    return [daemon, *daemon.children(recursive=True)]


def _cpu_seconds(daemon: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in _processes(daemon))


def _measure(daemon: psutil.Process, page: str, seconds: float) -> dict[str, float]:
    time.sleep(WARM_UP_SECONDS)
    before, started, peak, shared = _cpu_seconds(daemon), time.monotonic(), 0, 0
    while time.monotonic() - started < seconds:
        time.sleep(1)
        memory = [process.memory_full_info() for process in _processes(daemon)]
        peak = max(peak, sum(item.rss for item in memory))
        shared = max(shared, sum(item.pss for item in memory))
    spent, elapsed = _cpu_seconds(daemon) - before, time.monotonic() - started
    with urllib.request.urlopen(f"http://{page}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    buckets = dict(re.findall(r'xueliang_visit_lateness_seconds_bucket\{le="([^"]+)"\} (\S+)', metrics))
    return {
        "seconds": round(elapsed, 1),
        "cpu_percent_of_one_core": round(100 * spent / elapsed, 1),
        "rss_mb": round(peak / 1e6, 1),
        "pss_mb": round(shared / 1e6, 1),
        "processes": len(_processes(daemon)),
        "cameras_online": len(re.findall(r"^xueliang_camera_online\{.*\} 1\.0$", metrics, re.MULTILINE)),
        "visits": float(buckets["+Inf"]),
        "visits_late_by_over_a_second": float(buckets["+Inf"]) - float(buckets["1.0"]),
    }


def main() -> None:
    """Start simulator and daemon, measure, print and write it down."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=310.0, help="a little over the picture's interval")
    seconds = arguments.parse_args().seconds
    xueliang = [sys.executable, "-m", "xueliang_monitor"]
    environment = {**os.environ, "XUELIANG_SIMULATOR_PASSWORD": PASSWORD, "FLEET_PASSWORD": PASSWORD}
    fleet, control, page = ROOT / "config" / "fleet.csv", f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        into = str(folder / "cameras.d")
        subprocess.run([*xueliang, "camera", "import", str(fleet), "--into", into], check=True, capture_output=True)
        login = "{district: {username: viewer, password_env: FLEET_PASSWORD}}"
        (folder / "xueliang.yaml").write_text(f"listen: {page}\ncredentials: {login}\n")
        command = [*xueliang, "simulate", "--fleet", str(fleet), "--control", control]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as simulator:
            if simulator.stdout is None or not simulator.stdout.readline():
                sys.exit("the simulator did not start")
            settings = str(folder / "xueliang.yaml")
            command = [*xueliang, "run", "--config", settings]
            with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as daemon:
                try:
                    figures = _measure(psutil.Process(daemon.pid), page, seconds)
                finally:
                    daemon.terminate()
                    simulator.terminate()
    for name, value in figures.items():
        print(f"{name:34s}{value:10}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fleet_load.json").write_text(json.dumps({"cores": os.cpu_count(), **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
