"""Long runs of real stills through the daemon's own look, learning and judgement: which faults are confirmed?

Usage: python -m benchmarks.long_run LONG.json [--camera NAME] [--start HOURS ...] [--manifest MANIFEST.json]
           [--json OUT.json]

LONG.json maps cameras to stills in time order: `{"gate": [{"file": "a.jpg", "at": 1686600706.0, "hour": 20.2}]}`. Files
are relative to it; `hour` is the local hour. A still may carry `truth`, the codes of the faults that it shows, and
`unsure`. A manifest of `xueliang picture judge` gives the same for the files that it labels, with `accept` for codes
that are right as well. A confirmed fault is right if a still on which it was seen shows it, not counted if such a still
is unsure, and false otherwise. How looks take their stills is told in `still_run.py`.

A camera that is installed at another hour knows other lights first: `--start 13.5 54` runs each camera from 13:30 of
its first day on, and again from 6:00 of its third.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2

from benchmarks.still_run import RunResult, Standing, Still, StillRun
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.model import Severity

HOURS_A_MONTH = 30 * 24.0
RIGHT, UNSURE, FALSE = "right", "unsure", "false"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a still shows: the codes that are right, and whether people cannot tell."""

    codes: frozenset[str] = frozenset()
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera's stills, and what they show by file."""

    name: str
    stills: tuple[Still, ...]
    shown: Mapping[str, Shown] = field(default_factory=dict)

    def judged(self, fault: Standing) -> str:
        """Return whether a confirmed fault is right, false, or not counted."""
        shown = [self.shown.get(file, Shown()) for file in fault.files]
        if any(fault.code in each.codes for each in shown):
            return RIGHT
        return UNSURE if any(each.unsure for each in shown) else FALSE


def read_cameras(file: Path, manifest: Path | None = None, only: str | None = None) -> list[Camera]:
    """Read the cameras of a long run, and what a manifest says of their stills."""
    labelled = _labels(manifest) if manifest is not None else {}
    cameras = []
    for name, entries in json.loads(file.read_text()).items():
        if only not in (None, name):
            continue
        stills = tuple(Still((file.parent / each["file"]).resolve(), each["at"], each.get("hour")) for each in entries)
        own = {
            str(still.file): Shown(frozenset(each.get("truth") or ()), bool(each.get("unsure")))
            for still, each in zip(stills, entries, strict=True)
            if each.get("truth") or each.get("unsure")
        }
        cameras.append(Camera(name, stills, {**labelled, **own}))
    return cameras


def started(camera: Camera, hours: float) -> Camera | None:
    """Return a camera whose run begins so many hours after the local midnight of its first day; None if it is shorter.

    Stills without a local hour count from the first one.
    """
    first = camera.stills[0]
    midnight = first.at - 3600 * (first.hour or 0.0)
    stills = tuple(still for still in camera.stills if still.at >= midnight + 3600 * hours)
    return replace(camera, name=f"{camera.name}+{hours:g}h", stills=stills) if stills else None


def _labels(manifest: Path) -> dict[str, Shown]:
    shown = {}
    for case in json.loads(manifest.read_text())["cases"]:
        fault = (case.get("label") or {}).get("fault")
        codes = frozenset((*((fault,) if fault else ()), *case.get("accept", ())))
        for frame in case["frames"]:
            shown[str((manifest.parent / frame["file"]).resolve())] = Shown(codes, bool(case.get("unsure")))
    return shown


def run_camera(camera: Camera, *, told: bool = True) -> RunResult:
    """Run one camera's stills, with progress on standard error."""
    run, began, last = StillRun(camera.stills), camera.stills[0].at, 0.0
    length = max(1.0, camera.stills[-1].at - began)
    for at in run.run():
        if told and time.monotonic() - last > 1.0:
            last = time.monotonic()
            print(f"\r{camera.name}: {min(1.0, (at - began) / length):4.0%}", end="", file=sys.stderr, flush=True)
    if told:
        print(f"\r{camera.name}: done", file=sys.stderr)
    return run.result()


def rows(camera: Camera, result: RunResult) -> list[dict[str, Any]]:
    """Return each confirmed fault as plain values."""
    found = []
    for fault in result.standing:
        values: dict[str, Any] = {"camera": camera.name, **asdict(fault), "judged": camera.judged(fault)}
        values["hours"] = round(fault.hours, 2)
        found.append(values)
    return found


def summary(results: Sequence[tuple[Camera, RunResult]]) -> dict[str, Any]:
    """Return the figures of all cameras together."""
    faults = [(fault, camera.judged(fault)) for camera, result in results for fault in result.standing]
    hours = sum(result.watched_hours for _, result in results)
    false = [fault for fault, judged in faults if judged == FALSE]
    critical = [fault for fault in false if FAULTS[fault.code].severity is Severity.CRITICAL]
    by_code = {
        code: {
            "confirmed": sum(fault.code == code for fault, _ in faults),
            "false": sum(fault.code == code for fault in false),
            "hours": round(sum(fault.hours for fault, _ in faults if fault.code == code), 1),
            "share": round(sum(fault.hours for fault, _ in faults if fault.code == code) / max(hours, 1e-9), 4),
        }
        for code in sorted({fault.code for fault, _ in faults})
    }
    return {
        "looks": sum(result.looks for _, result in results),
        "watched_hours": round(hours, 1),
        "confirmed": len(faults),
        "false": len(false),
        "false_critical": len(critical),
        "false_per_camera_month": round(len(false) * HOURS_A_MONTH / max(hours, 1e-9), 2),
        "reference_bytes": max((result.reference_bytes for _, result in results), default=0),
        "by_code": by_code,
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def table(results: Sequence[tuple[Camera, RunResult]]) -> str:
    """Return the result as a table for people."""
    lines = [f"{'camera':14s} {'fault':22s} {'since (UTC)':16s} {'stood':>8s}  judged"]
    for camera, result in results:
        lines += [
            f"{camera.name:14s} {each.code:22s} {_moment(each.since):16s} {each.hours:6.1f} h  {camera.judged(each)}"
            for each in result.standing
        ]
    told = summary(results)
    lines += ["", f"{'fault':22s} {'confirmed':>9s} {'false':>6s} {'hours':>8s} {'share':>7s}"]
    lines += [
        f"{code:22s} {each['confirmed']:9d} {each['false']:6d} {each['hours']:8.1f} {each['share']:7.2%}"
        for code, each in told["by_code"].items()
    ]
    lines.append(
        f"{told['looks']} looks in {told['watched_hours']} h: {told['confirmed']} confirmed, {told['false']} false"
        f" ({told['false_critical']} critical), {told['false_per_camera_month']} false ones a camera-month;"
        f" largest past {told['reference_bytes'] / 1024:.1f} KB"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every camera and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the long runs")
    parser.add_argument("--camera", help="run this camera only")
    parser.add_argument("--start", type=float, nargs="+", help="hours after the first midnight at which runs begin")
    parser.add_argument("--manifest", type=Path, help="labels of the stills")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    cameras = read_cameras(given.file, given.manifest, given.camera)
    if not cameras:
        parser.error(f"{given.file} has no camera {given.camera}" if given.camera else f"{given.file} has no camera")
    if given.start:
        cameras = [run for camera in cameras for hours in given.start if (run := started(camera, hours))]
        if not cameras:
            parser.error("every run is over before it begins: give fewer hours with --start")
    results = [(camera, run_camera(camera)) for camera in cameras]
    print(table(results), flush=True)
    if given.json is not None:
        faults = [row for camera, result in results for row in rows(camera, result)]
        given.json.write_text(json.dumps({**summary(results), "faults": faults}, indent=2) + "\n")


if __name__ == "__main__":
    main()
