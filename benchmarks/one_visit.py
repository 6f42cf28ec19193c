"""Processor time of the event loop for one visit that climbs to RTSP, in the daemon, against another checkout.

Usage: python -m benchmarks.one_visit [--against CHECKOUT] [--rounds N] [--loop asyncio|uvloop]

The cameras are simulated in a process of their own. Each contender is a whole daemon, with page, history and lock
files, in a process of its own. Contenders take turns of a few seconds, and are still meanwhile. The figures are the
least of all turns: the time of the loop's thread, over the visits made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
HERE = Path(__file__).parent.parent
CAMERAS = 150
WARM_UP_SECONDS, MEASURED_SECONDS = 3.0, 4.0
VARIABLE = "FLEET_PASSWORD"


class _Contender:
    """The package of one checkout, in a process of its own, which watches the cameras when asked to."""

    def __init__(self, checkout: Path, settings: Path, loop: str, password: str) -> None:
        own = {"PYTHONPATH": os.pathsep.join((str(checkout), *_more_paths())), VARIABLE: password}
        command = [sys.executable, __file__, "--watch", str(settings), "--loop", loop]
        self._process = subprocess.Popen(
            command, cwd=checkout, env={**os.environ, **own}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.milliseconds: list[float] = []

    def run(self) -> None:
        """Let it watch the cameras for a few seconds, and note what a visit took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds, visits = json.loads(self._process.stdout.readline())
        self.milliseconds.append(1000 * seconds / visits)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


def _more_paths() -> tuple[str, ...]:
    return tuple(path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", "."))


async def _watched(settings: Path) -> tuple[float, int]:
    """Return the seconds of this thread and the number of visits, once the daemon has started. Runs on PYTHONPATH."""
    from xueliang_monitor.daemon import Monitor
    from xueliang_monitor.fleet.monitor_status import VisitOutcome
    from xueliang_monitor.service import favour_the_loop, spare_the_collector

    monitor = Monitor(settings)
    spare_the_collector()
    favour_the_loop()
    visits = monitor.fleet.monitor.visits
    async with monitor.running():
        await asyncio.sleep(WARM_UP_SECONDS)
        spent, made = time.thread_time(), sum(visits.lateness.counts)
        await asyncio.sleep(MEASURED_SECONDS)
        found = time.thread_time() - spent, sum(visits.lateness.counts) - made
        if set(visits.results) - {VisitOutcome.OK}:
            raise RuntimeError(f"not only healthy visits: {visits.results}")
        return found


def _serve_turns(settings: Path, loop: str) -> None:
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    for _ in sys.stdin:
        with asyncio.Runner(loop_factory=factory) as runner:
            print(json.dumps(runner.run(_watched(settings))), flush=True)


def _settings(folder: Path, port: int) -> Path:
    from benchmarks.many_cameras import write_installation

    settings = write_installation(folder, CAMERAS, f"127.0.0.1:{port}", 1.0)
    seldom = "stream: 1d, picture: 1d, onvif: 1d"
    text = settings.read_text()
    start = text.index("intervals:")
    end = text.index("\n", start)
    settings.write_text(f"{text[:start]}intervals: {{reach: 1s, rtsp: 1s, {seldom}}}{text[end:]}")
    return settings


def _contest(checkouts: dict[str, Path], rounds: int, loop: str) -> dict[str, float]:
    from benchmarks.many_cameras import PASSWORD
    from tests.real.gstreamer import free_port

    serving = [sys.executable, "-m", "benchmarks.many_cameras", "--serve", "--cameras", str(CAMERAS)]
    with ExitStack() as stack:
        cameras = stack.enter_context(
            subprocess.Popen(serving, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(cameras.terminate)
        if cameras.stdout is None or cameras.stdout.readline() != "ready\n":
            sys.exit("the simulated cameras did not start")
        contenders = {}
        for name, checkout in checkouts.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            contenders[name] = _Contender(checkout, _settings(folder, free_port()), loop, PASSWORD)
            stack.callback(contenders[name].stop)
        for _ in range(rounds):
            for name, contender in contenders.items():
                contender.run()
                print(f"{name:24s}{contender.milliseconds[-1]:8.3f} ms", file=sys.stderr, flush=True)
        return {name: min(contender.milliseconds) for name, contender in contenders.items()}


def main() -> None:
    """Measure, print, and write results/one_visit.json."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--against", type=Path, help="another checkout of this project, such as an older commit")
    arguments.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    arguments.add_argument("--watch", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.watch:
        return _serve_turns(chosen.watch, chosen.loop)
    checkouts = {"this checkout": HERE}
    if chosen.against:
        checkouts["the other checkout"] = chosen.against.resolve()
    rows = _contest(checkouts, chosen.rounds, chosen.loop)
    print(f"milliseconds of the loop for one visit that climbs to RTSP, on {chosen.loop}")
    for name, figure in rows.items():
        print(f"{name:24s}{figure:8.3f}")
    if chosen.against:
        print(f"{'ratio':24s}{rows['this checkout'] / rows['the other checkout']:8.3f}")
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": platform.machine(), "cores": os.cpu_count(), "loop": chosen.loop, "milliseconds": rows}
    (RESULTS / "one_visit.json").write_text(json.dumps(document, indent=2) + "\n")
    return None


if __name__ == "__main__":
    main()
