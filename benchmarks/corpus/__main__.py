"""Make the corpus: python -m benchmarks.corpus FOLDER [--footage FOLDER] [--seed N] [--made first|other|third].

Writes pictures, manifest-tuning.json and manifest-test.json with the labels that `xueliang picture score` reads. The
corpus is split by camera, not by case: no limit may be tuned on a camera of the test half. The faults are made in one
of three ways, so that a check cannot pass by knowing how one of them makes a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.corpus.faults import Maker
from benchmarks.corpus.footage import Frame, Scene, as_uint8, cut, scenes
from benchmarks.corpus.negatives import PLAIN
from benchmarks.corpus.ways import WAYS

SEVERITIES = ("mild", "medium", "severe")
FRAMES_A_CASE = 4
BASELINE = 24
PLAIN_CASES = 12
CASE_SECONDS = 0.2
QUALITY = 90


def _write(folder: Path, name: str, picture: Frame) -> str:
    path = folder / f"{name}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return str(path.relative_to(folder))


def _live(frame: Frame, chance: np.random.Generator) -> list[Frame]:
    """Return frames made from a still: the same picture with fresh grain each time."""
    fresh = chance.spawn(1)[0]
    return [as_uint8(frame + fresh.normal(0, 1.2, frame.shape)) for _ in range(FRAMES_A_CASE)]


def _baseline(scene: Scene, chance: np.random.Generator) -> list[tuple[Frame, float, float | None]]:
    """Return healthy frames of the scene's first part. Frames of a video get the light of other hours as well."""
    if not scene.live:
        return [
            (cut(frame), 3600.0 * number, scene.hours[number])
            for number, frame in enumerate(scene.frames)
            if number % 2 == 0
        ]
    early = scene.frames[: int(len(scene.frames) * 0.55)]
    picked = [early[int(place)] for place in np.linspace(0, len(early) - 1, BASELINE)]
    made: list[tuple[Frame, float, float | None]] = []
    for number, frame in enumerate(picked):
        gain, tint = chance.uniform(0.85, 1.12), 1 + chance.uniform(-1, 1, 3) * 0.03
        made.append((as_uint8(cut(frame) * gain * tint), 3600.0 * number, None))
    return made


def _frames(scene: Scene, chance: np.random.Generator, *, day: bool) -> tuple[list[Frame], float | None]:
    """Return the uncut frames of a case, from the scene's last part, and their local hour."""
    if not scene.live:
        places = [n for n in range(1, len(scene.frames), 2) if not day or 8 <= (scene.hours[n] or 12) <= 17]
        place = int(chance.choice(places))
        return _live(scene.frames[place], chance), scene.hours[place]
    first = int(len(scene.frames) * 0.58)
    step = 1 if len(scene.frames) < 120 else 2
    place = int(chance.integers(first, len(scene.frames) - step * FRAMES_A_CASE))
    return scene.frames[place : place + step * FRAMES_A_CASE : step], None


_DAY_ONLY = frozenset({"picture_colourless", "picture_too_bright", "infrared"})


def _cases(scene: Scene, folder: Path, seed: int, made: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    chance = np.random.default_rng([seed, *scene.camera.encode()])
    baseline = [
        {"file": _write(folder, f"{scene.camera}/baseline/{n:02d}", frame), "t": at, "hour": hour}
        for n, (frame, at, hour) in enumerate(_baseline(scene, chance))
    ]
    height, width = cut(scene.frames[0]).shape[:2]
    faults, negatives = WAYS[made]
    wanted: list[tuple[str, str, int, Maker]] = [("", "plain", 0, PLAIN) for _ in range(PLAIN_CASES)]
    wanted += [(code, "", severity, make) for code, make in faults.items() for severity in range(3)]
    wanted += [("", kind, severity, make) for kind, make in negatives.items() for severity in range(3)]
    cases = []
    for number, (code, kind, severity, make) in enumerate(wanted):
        frames, hour = _frames(scene, chance, day=code in _DAY_ONLY or kind in _DAY_ONLY)
        if kind == "infrared":
            hour = 22.0
        name = f"{scene.camera}-{number:03d}-{code or kind}-{SEVERITIES[severity]}"
        files = [
            _write(folder, f"{scene.camera}/{name}/{n}", each) for n, each in enumerate(make(frames, severity, chance))
        ]
        cases.append(
            {
                "case_id": name,
                "camera": scene.camera,
                "dt": CASE_SECONDS,
                "frames": [{"file": file, "t": n * CASE_SECONDS, "hour": hour} for n, file in enumerate(files)],
                "label": {"fault": code or None, "severity": SEVERITIES[severity], "kind": kind or "fault"},
            }
        )
    return {"baseline": baseline, "width": width, "height": height}, cases


def main() -> None:
    """Write the corpus."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--footage", type=Path, default=Path(os.environ.get("XUELIANG_FOOTAGE", "../shared/footage")))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--made", choices=sorted(WAYS), default="first")
    chosen = options.parse_args()
    if not (chosen.footage / "cameras.json").exists():
        sys.exit(f"no footage at {chosen.footage}; set XUELIANG_FOOTAGE")
    usable = [scene for scene in scenes(chosen.footage) if len(scene.frames) >= 30]
    chosen.folder.mkdir(parents=True, exist_ok=True)
    make = partial(_cases, folder=chosen.folder, seed=chosen.seed, made=chosen.made)
    with ProcessPoolExecutor() as pool:
        done = list(pool.map(make, usable))
    for half in ("tuning", "test"):
        mine = [(scene, *each) for scene, each in zip(usable, done, strict=True) if scene.half == half]
        document = {
            "cameras": {scene.camera: camera for scene, camera, _ in mine},
            "cases": [case for _, _, cases in mine for case in cases],
        }
        (chosen.folder / f"manifest-{half}.json").write_text(json.dumps(document))
        print(f"{half}: {len(mine)} cameras, {len(document['cases'])} cases")


if __name__ == "__main__":
    main()
