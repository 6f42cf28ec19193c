"""A year of history for 147 cameras: its size, the time for a report, and /metrics with and without it.

Usage: python -m benchmarks.year
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from tests.picture import made
from tests.simulated_time import camera
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.changes import CameraRecord, Changes, PictureSample
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import AvailabilitySeconds, day_of
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.metrics import render
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.picture.reference import MAX_LIGHTS
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History

RESULTS = Path(__file__).parent / "results"
CAMERAS = 147
DAYS = 365
OUTAGES_A_DAY = 15
FAULTS = ("connect_timeout", "rtsp_timeout", "picture_covered", "picture_blurred", "packet_loss", "clock_drift")


def _today() -> date:
    return date.fromisoformat(day_of(time.time()))


def _fill(history: History, names: list[str]) -> None:
    chance, today = random.Random(3), _today()
    known = made.reference(60)
    memory = Memory(replace(known, lights=(known.lights * MAX_LIGHTS)[:MAX_LIGHTS]))
    for back in range(DAYS):
        day = today - timedelta(days=back)
        start = time.mktime(day.timetuple())
        seconds = tuple(
            (
                name,
                day.isoformat(),
                AvailabilitySeconds(86_400, chance.uniform(80_000, 86_400), chance.uniform(70_000, 80_000)),
            )
            for name in names
        )
        happened = []
        for _ in range(OUTAGES_A_DAY):
            name, fault, at = chance.choice(names), chance.choice(FAULTS), start + chance.uniform(0, 80_000)
            happened.append(Transition(name, at, TransitionKind.RAISED, fault, "no answer within 2.0 s", since=at - 4))
            happened.append(
                Transition(name, at + chance.uniform(60, 5000), TransitionKind.CLEARED, fault, since=at - 4)
            )
        history.write(Changes(tuple(happened), (), seconds))
    history.write(Changes(cameras=tuple(CameraRecord(name, Health(), memory) for name in names)))


def _look(history: History, names: list[str]) -> None:
    """Store a week of picture samples, one every 15 minutes; three in ten scores are above zero."""
    chance, now = random.Random(4), time.time()
    codes = [check.fault.code for check in PICTURE_CHECKS]
    for back in range(7 * 96):
        samples = []
        for name in names:
            scores = {code: chance.uniform(0.0, 0.4) for code in codes if chance.random() < 0.3}
            samples.append(PictureSample(name, now - 900 * back, {key: chance.random() for key in MEASURES}, scores))
        history.write(Changes(samples=tuple(samples)))


def _size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


def _metrics_ms(fleet: Fleet) -> float:
    taken = []
    for _ in range(15):
        began = time.perf_counter()
        render(fleet.snapshot(), "")
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def main() -> None:
    """Measure, print, and write results/year.json."""
    names = [f"cam-{number:03d}" for number in range(CAMERAS)]
    cameras = tuple(camera(name, site=f"site-{number // 8}") for number, name in enumerate(names))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "cameras.d").mkdir()
        for made in cameras:
            (folder / "cameras.d" / f"{made.id}.yaml").write_text(f"site: {made.site}\naddress: {made.id}.example\n")
        (folder / "xueliang.yaml").write_text("listen: 127.0.0.1:1\n")
        history = History(folder / "state")
        _fill(history, names)
        fresh, full = Fleet(SystemClock(), Policy(), cameras), Fleet(SystemClock(), Policy(), cameras)
        full.restore(history.load())
        history.close()
        size = _size_mb(folder / "state")
        history = History(folder / "state")
        _look(history, names)
        history.close()
        looks = _size_mb(folder / "state") - size
        first, last = _today() - timedelta(days=DAYS - 1), _today()
        reports = {}
        for form in ("html", "csv", "xlsx"):
            for name, period in (("month", f"{last:%Y-%m}"), ("year", f"{first}..{last}")):
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "xueliang_monitor", "report", period, "--format", form,
                     "-o", str(folder / f"r.{form}"), "-c", str(folder / "xueliang.yaml")],
                    check=True, capture_output=True,
                )  # fmt: skip
                reports[f"report_{name}_{form}_seconds"] = round(time.perf_counter() - began, 2)
        result = {
            "database_mb": round(size, 1),
            "a_week_of_looks_mb": round(looks, 1),
            **reports,
            "metrics_without_history_ms": round(_metrics_ms(fresh), 1),
            "metrics_with_a_year_ms": round(_metrics_ms(full), 1),
        }
    for key, value in result.items():
        print(f"{key:34s} {value:10}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "year.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
