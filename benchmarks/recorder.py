"""A recorder of 70 channels that hangs, is dead and returns, beside 147 cameras that must not notice.

Usage: python -m benchmarks.recorder [--seconds N] [--channels N]

The real daemon watches simulated cameras and a recorder in a separate process. Each phase lasts `--seconds`. A channel
is seen lost after three visits in a row that find it offline, and seen back after two that find it online, as by the
default settings. On a machine with other work, `loop_late_p99_seconds` says how late the daemon itself was.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile_fleet import ROOT, _started
from tests.loopback import own_block
from tests.real.gstreamer import free_port
from tests.recorder import Condition, Recorder
from xueliang_monitor.model import Credentials

RESULTS = Path(__file__).parent / "results"
PASSWORD = "of-the-benchmark"
ADDRESS, PORT = "127.9.0.1", 8554
PHASES = (Condition.HEALTHY, Condition.HUNG, Condition.HEALTHY, Condition.DEAD, Condition.HEALTHY)
LOST_VISITS, BACK_VISITS = 3, 2
STARTED_SECONDS = 45.0
LIMITS = {"late_p99_seconds": 1.0, "check_failed": 0.0, "lost_after_seconds": 60.0, "back_after_seconds": 30.0}


async def _serve(channels: int) -> None:
    """Be the recorder; each line of the standard input is its next condition."""
    async with Recorder(ADDRESS, PORT, channels, Credentials("viewer", PASSWORD)).running() as recorder:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await recorder.become(Condition(line.strip()))
            print("done", flush=True)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One visit, as the daemon recorded it."""

    at: float
    camera: str
    lateness: float
    online: bool | None
    codes: tuple[str, ...]

    @property
    def of_recorder(self) -> bool:
        return self.camera.startswith("recorder-")


def _write_installation(folder: Path, fleet: Path, channels: int, page: str) -> None:
    into = folder / "cameras.d"
    command = [sys.executable, "-m", "xueliang_monitor", "camera", "import", str(fleet), "--into", str(into)]
    subprocess.run(command, check=True, capture_output=True)
    for number in range(1, channels + 1):
        (into / f"recorder-{number:02d}.yaml").write_text(
            f"site: recorder\naddress: {ADDRESS}\nrtsp_port: {PORT}\nrtsp_path: /ch{number:02d}\n"
            "onvif: none\ncredentials: district\n"
        )
    login = "{district: {username: viewer, password_env: FLEET_PASSWORD}}"
    (folder / "xueliang.yaml").write_text(f"listen: {page}\ncredentials: {login}\nstate: {folder / 'state'}\n")


def _in_a_row(visits: Sequence[_Visit], online: bool, times: int, since: float) -> float | None:
    """Return after how many seconds every channel was found so that many times in a row; None if one was not."""
    rows: dict[str, int] = {}
    found: dict[str, float] = {}
    for visit in visits:
        if visit.online is not None:
            rows[visit.camera] = rows.get(visit.camera, 0) + 1 if visit.online is online else 0
        if rows.get(visit.camera, 0) >= times:
            found.setdefault(visit.camera, visit.at - since)
    cameras = {visit.camera for visit in visits}
    return round(max(found.values()), 1) if cameras and found.keys() == cameras else None


def _figures(phase: Condition, first: bool, visits: Sequence[_Visit], since: float) -> dict[str, object]:
    beats = sorted(visit.lateness for visit in visits if not visit.camera)
    visits = [visit for visit in visits if visit.camera]
    others = sorted(visit.lateness for visit in visits if not visit.of_recorder)
    recorder = [visit for visit in visits if visit.of_recorder]
    found: dict[str, object] = {
        "phase": phase.value,
        "loop_late_p99_seconds": beats[int(0.99 * len(beats))] if beats else None,
        "visits_of_others": len(others),
        "late_p99_seconds": others[int(0.99 * len(others))] if others else None,
        "late_worst_seconds": others[-1] if others else None,
        "faulty_others": sum(bool(visit.codes) for visit in visits if not visit.of_recorder),
        "visits_of_recorder": len(recorder),
        "channels": len({visit.camera for visit in recorder}),
        "check_failed": sum("check_failed" in visit.codes for visit in visits),
    }
    if phase is not Condition.HEALTHY:
        found["lost_after_seconds"] = _in_a_row(recorder, False, LOST_VISITS, since)
    elif not first:
        found["back_after_seconds"] = _in_a_row(recorder, True, BACK_VISITS, since)
    return found


def _read(file: Path) -> list[_Visit]:
    with contextlib.suppress(FileNotFoundError):
        lines = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("]")]
        return [_Visit(at, camera, late, online, tuple(codes)) for at, camera, late, online, codes in lines]
    return []


@contextlib.contextmanager
def _recorder(channels: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", __spec__.name, "--serve", "--channels", str(channels)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            sys.exit("the recorder did not start")
        yield process
    finally:
        process.kill()
        process.wait()


def _become(recorder: subprocess.Popen[str], condition: Condition) -> float:
    if recorder.stdin is None or recorder.stdout is None:
        sys.exit("the recorder cannot be told anything")
    recorder.stdin.write(f"{condition.value}\n")
    recorder.stdin.flush()
    recorder.stdout.readline()
    return time.monotonic()


def _measure(folder: Path, channels: int, seconds: float) -> list[dict[str, object]]:
    """Run all phases; return the figures of each."""
    fleet, visits, page = folder / "fleet.csv", folder / "visits", f"127.0.0.1:{free_port()}"
    rows = (ROOT / "config" / "fleet.csv").read_text()
    fleet.write_text(rows.replace(",127.20.", f",127.{own_block()}."))
    _write_installation(folder, fleet, channels, page)
    simulator = (sys.executable, "-m", "xueliang_monitor", "simulate", "--fleet", str(fleet), "--control")
    daemon = (sys.executable, "-m", "benchmarks.recorded_daemon", str(folder / "xueliang.yaml"), str(visits))
    found = []
    with (
        _started(*simulator, f"127.0.0.1:{free_port()}") as devices,
        _recorder(channels) as recorder,
    ):
        if devices.stdout is None or not devices.stdout.readline():
            sys.exit("the devices did not start")
        with _started(*daemon, log=folder / "log") as process:
            time.sleep(STARTED_SECONDS)
            for number, phase in enumerate(PHASES):
                since = _become(recorder, phase) if number else time.monotonic()
                time.sleep(seconds)
                if process.poll() is not None:
                    sys.exit((folder / "log").read_text()[-2000:])
                until = time.monotonic()
                seen = [visit for visit in _read(visits) if since <= visit.at < until]
                found.append(_figures(phase, not number, seen, since))
                print(", ".join(f"{key} {value}" for key, value in found[-1].items()), flush=True)
            if not found[0]["channels"]:
                sys.exit((folder / "log").read_text()[-2000:])
        warnings = [line for line in (folder / "log").read_text().splitlines() if "WARNING" in line or "ERROR" in line]
        print(*warnings[:10], sep="\n")
    return found


def main() -> None:
    """Measure, print, and write results/recorder.json."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=90.0, help="how long each phase lasts")
    options.add_argument("--channels", type=int, default=70)
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        asyncio.run(_serve(chosen.channels))
        return
    with tempfile.TemporaryDirectory() as folder:
        phases = _measure(Path(folder), chosen.channels, chosen.seconds)
    print("limits:", ", ".join(f"{name} at most {limit:g}" for name, limit in LIMITS.items()))
    result = {"cores": os.cpu_count(), "channels": chosen.channels, "phases": phases}
    (RESULTS / "recorder.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
