"""Twenty hostile devices of over forty kinds among 127 simulated cameras, seen by the real daemon.

Usage: python -m benchmarks.hostile_fleet [--minutes N]

The daemon runs twice, with the healthy cameras only and with the hostile devices too. Each hostile device behaves in
another way at each connection, over RTSP and ONVIF. A hold of the loop is one uninterrupted step, in processor time of
the loop's own thread. Memory is the largest sum over the daemon and its workers, where shared pages count once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.measured_daemon import STARTED_SECONDS
from tests import hostile, hostile_http
from tests.loopback import own_block
from tests.real.gstreamer import free_port

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
PASSWORD = "of-the-benchmark"
HOSTILE = 20
RTSP_PORT, ONVIF_PORT = 8554, 8000
LIMITS = {"longest_hold_ms": 50.0, "more_memory_mb": 60.0, "late_visits_of_others": 0.0, "others_blamed": 0.0}


def _address(number: int) -> str:
    return f"127.66.0.{number + 1}"


async def _serve_hostile() -> None:
    """Listen for all hostile devices."""
    for number in range(HOSTILE):
        await _listen(number)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _listen(number: int) -> None:
    """Listen for one hostile device, whose connections are answered each in the next way."""
    talks = itertools.islice(itertools.cycle(hostile.NAMES), number, None)
    answers = itertools.islice(itertools.cycle(hostile_http.ANSWERS.values()), number, None)

    async def serve_rtsp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hostile.serve(next(talks), reader, writer)

    async def serve_onvif(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hostile_http.serve(next(answers), reader, writer)

    await asyncio.start_server(serve_rtsp, _address(number), RTSP_PORT)
    await asyncio.start_server(serve_onvif, _address(number), ONVIF_PORT)


def _memory_mb(daemon: psutil.Process) -> float:
    total = 0
    for process in [daemon, *daemon.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_full_info().pss
    return total / 1e6


@contextlib.contextmanager
def _started(*command: str, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that prints a line when it is ready, and end it."""
    environment = {**os.environ, "XUELIANG_SIMULATOR_PASSWORD": PASSWORD, "FLEET_PASSWORD": PASSWORD}
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("wb")) if log is not None else None
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _write_fleet(file: Path) -> None:
    """Write the list of the healthy cameras, at addresses that nothing else on this machine uses."""
    rows = (ROOT / "config" / "fleet.csv").read_text().splitlines()
    file.write_text("\n".join(row.replace(",127.20.", f",127.{own_block()}.") for row in rows[:-HOSTILE]))


def _import_cameras(folder: Path, fleet: Path, *, with_hostile: bool) -> None:
    """Write the files of the healthy cameras, and of the hostile devices."""
    into = folder / "cameras.d"
    xueliang = [sys.executable, "-m", "xueliang_monitor"]
    command = [*xueliang, "camera", "import", str(fleet), "--into", str(into)]
    subprocess.run(command, check=True, capture_output=True)
    for number in range(HOSTILE if with_hostile else 0):
        (into / f"hostile-{number:02d}.yaml").write_text(
            f"site: hostile\naddress: {_address(number)}\nrtsp_port: {RTSP_PORT}\nrtsp_path: /x\n"
            f"onvif_port: {ONVIF_PORT}\ncredentials: district\n"
        )


def _measure(folder: Path, fleet: Path, seconds: float, *, with_hostile: bool) -> dict[str, float | str]:
    """Run the daemon for a time; return what it measured, and its largest memory."""
    _import_cameras(folder, fleet, with_hostile=with_hostile)
    page, result = f"127.0.0.1:{free_port()}", folder / "result.json"
    login = "{district: {username: viewer, password_env: FLEET_PASSWORD}}"
    (folder / "xueliang.yaml").write_text(f"listen: {page}\ncredentials: {login}\nstate: {folder / 'state'}\n")
    daemon = (sys.executable, "-m", "benchmarks.measured_daemon", str(folder / "xueliang.yaml"), str(result))
    peak, ends = 0.0, time.monotonic() + STARTED_SECONDS + seconds
    with _started(*daemon, log=folder / "log") as process:
        watched = psutil.Process(process.pid)
        while time.monotonic() < ends:
            time.sleep(1)
            if process.poll() is not None:
                sys.exit((folder / "log").read_text()[-2000:])
            peak = max(peak, _memory_mb(watched))
        with urllib.request.urlopen(f"http://{page}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
    lines = re.findall(r"^xueliang_camera_fault\{(.*)\}", metrics, re.MULTILINE)
    faulty = [line for line in lines if 'camera="hostile' not in line and 'fault="check_failed"' not in line]
    seen = [line for line in (folder / "log").read_text().splitlines() if line.startswith(("sv-", "sp-"))]
    print(*seen[:10], sep="\n", file=sys.stderr)
    return {**json.loads(result.read_text()), "faulty_others": len(faulty), "memory_mb": round(peak, 1)}


def _run_both(seconds: float) -> dict[str, dict[str, float | str]]:
    """Run the daemon without and with the hostile devices; return its figures."""
    runs = {}
    with tempfile.TemporaryDirectory() as common:
        fleet = Path(common) / "fleet.csv"
        _write_fleet(fleet)
        simulator = (sys.executable, "-m", "xueliang_monitor", "simulate", "--fleet", str(fleet), "--control")
        devices = (sys.executable, "-m", __spec__.name, "--devices")
        with _started(*simulator, f"127.0.0.1:{free_port()}") as first, _started(*devices) as second:
            for process in (first, second):
                if process.stdout is None or not process.stdout.readline():
                    sys.exit("the devices did not start")
            for name, with_hostile in (("without", False), ("with", True)):
                with tempfile.TemporaryDirectory() as folder:
                    runs[name] = _measure(Path(folder), fleet, seconds, with_hostile=with_hostile)
    return runs


def main() -> None:
    """Run both fleets, print the figures, and write results/hostile_fleet.json."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=5.0, help="for each of both runs")
    options.add_argument("--devices", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.devices:
        asyncio.run(_serve_hostile())
        return
    runs = _run_both(60 * chosen.minutes)
    kinds = len(hostile.NAMES) + len(hostile_http.ANSWERS)
    more = float(runs["with"]["memory_mb"]) - float(runs["without"]["memory_mb"])
    result = {"kinds": kinds, "minutes": chosen.minutes, "more_memory_mb": round(more, 1), **runs}
    for name, value in [("kinds", kinds), *runs["with"].items(), ("more_memory_mb", result["more_memory_mb"])]:
        without = runs["without"].get(name, "")
        limit = f"at most {LIMITS[name]:g}" if name in LIMITS else ""
        print(f"{name:24s}{value!s:>12.60s}  without {without!s:>10.60s}  {limit}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "hostile_fleet.json").write_text(json.dumps({"cores": os.cpu_count(), **result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
