"""Processor time of one look at a 1080p H.264 picture beyond decoding, on one thread, against another checkout.

Usage: python -m benchmarks.one_look [--against CHECKOUT] [--rounds N]

Made street scenes with traffic and grain are encoded once. Each contender decodes them in its own process, learns a
camera's day, dusk and night, and looks on. Contenders take turns, picture by picture, so that a busy machine slows all
alike. The figures are medians of the processor time of `look_at`: of a keyframe alone, of a burst, and of the mean as
scheduled, where one look in so many is a burst.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HERE = Path(__file__).parent.parent
WIDTH, HEIGHT = 1920, 1080
CAMERAS, FOLLOWING, EVERY = 4, 4, 3
LIGHTS = (1.0, 0.9, 0.6, 0.4)
"""Light of the scene over that at noon, in the order of a camera's looks."""

LEARNING = 16
"""Looks that teach each camera; the rest are measured."""

MEASURED = 8


def _scene(seed: int) -> Any:
    """Return a street in BGR as float: ground, houses with windows, trees."""
    import cv2
    import numpy as np

    chance = np.random.default_rng(seed)
    scene = np.full((HEIGHT, WIDTH, 3), (110, 112, 115), np.float32)
    scene[: HEIGHT // 4] = (205, 190, 170)
    for size, levels in ((1.2, 5), (6, 9), (60, 14)):
        grain = cv2.GaussianBlur(chance.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), size)
        scene += (grain / grain.std() * levels)[..., None]
    for _ in range(10):
        left, top = int(chance.integers(0, WIDTH - 400)), int(chance.integers(HEIGHT // 8, HEIGHT // 2))
        width, height = int(chance.integers(150, 400)), int(chance.integers(150, 400))
        scene[top : top + height, left : left + width] *= chance.uniform(0.45, 1.3, 3).astype(np.float32)
        for row in range(top + 20, top + height - 30, 60):
            for column in range(left + 15, left + width - 30, 50):
                scene[row : row + 32, column : column + 22] *= 0.55
    for _ in range(300):
        centre = int(chance.integers(0, WIDTH)), int(chance.integers(HEIGHT // 3, HEIGHT))
        colour = chance.uniform(40, 160), chance.uniform(60, 180), chance.uniform(40, 150)
        cv2.circle(scene, centre, int(chance.integers(4, 18)), colour, -1)
    return scene


def _shots(seed: int) -> Iterator[bytes]:
    """Yield the pictures of a camera as BGR bytes: for each look a keyframe and those after it."""
    import cv2
    import numpy as np

    chance, scene = np.random.default_rng(100 + seed), _scene(seed)
    grain = chance.normal(0, 2, (HEIGHT, WIDTH)).astype(np.float32)
    for look in range(LEARNING + MEASURED):
        light = LIGHTS[look * len(LIGHTS) // LEARNING] if look < LEARNING else LIGHTS[look % len(LIGHTS)]
        place, height = int(chance.integers(0, WIDTH)), int(chance.integers(HEIGHT // 2, HEIGHT - 200))
        for number in range(1 + FOLLOWING):
            picture = scene.copy()
            left = (place + 25 * number) % WIDTH
            cv2.rectangle(picture, (left, height), (left + 260, height + 120), (50, 60, 190), -1)
            shift = chance.integers(0, HEIGHT), chance.integers(0, WIDTH)
            picture = picture * light + np.roll(grain, shift, (0, 1))[..., None]
            shown = np.clip(picture, 0, 255).astype(np.uint8)
            cv2.putText(shown, f"2026-05-0{number} 12:{look:02d}", (40, 80), 0, 2, (255, 255, 255), 4)
            yield shown.tobytes()


def _encode(seed: int) -> list[list[bytes]]:
    """Return the access units of a camera, those of each look together."""
    from tests.real.gstreamer import ENCODERS

    source = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "-"]
    shape = ["-pix_fmt", "yuv420p", "-bf", "0", "-g", str(1 + FOLLOWING), "-crf", "23"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "all"
        command = ["ffmpeg", "-v", "error", *source, *shape, *ENCODERS["h264"], str(file)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
            assert encoder.stdin is not None
            for picture in _shots(seed):
                encoder.stdin.write(picture)
            encoder.stdin.close()
        units = [unit for unit in re.split(rb"(?=\x00\x00\x00\x01\x09)", file.read_bytes()) if unit]
    return [units[first : first + 1 + FOLLOWING] for first in range(0, len(units), 1 + FOLLOWING)]


class _Contender:
    """The package of one checkout, in a process of its own, which answers in turn."""

    def __init__(self, checkout: Path, units: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, "--serve", str(units)]
        self._process = subprocess.Popen(
            command, cwd=checkout, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.samples: dict[str, list[float]] = {"single": [], "burst": [], "decode": []}

    def run(self, look: int) -> None:
        """Let it look once at each camera, and note its seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{look}\n")
        self._process.stdin.flush()
        for kind, seconds in json.loads(self._process.stdout.readline()).items():
            self.samples[kind] += seconds

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()

    @property
    def milliseconds(self) -> dict[str, float]:
        """The medians, and the mean as scheduled."""
        rows = {kind: statistics.median(found) * 1000 for kind, found in self.samples.items()}
        return {**rows, "mean as scheduled": ((EVERY - 1) * rows["single"] + rows["burst"]) / EVERY}


def _serve(units: Path) -> None:
    """Learn all cameras, then look once at each for every line that is read. Runs on the package of PYTHONPATH."""
    import cv2

    from xueliang_monitor.picture import planes
    from xueliang_monitor.picture.decode import decode_burst
    from xueliang_monitor.picture.look import look_at

    cv2.setNumThreads(1)
    # A worker sees so many cameras that it kept nothing of this one since its last look.
    forget = getattr(planes, "forget", lambda: None)
    cameras: list[list[list[bytes]]] = pickle.loads(units.read_bytes())
    pasts: list[Any] = [None] * len(cameras)
    for number, camera in enumerate(cameras):
        for each in camera[:LEARNING]:
            pasts[number] = look_at(decode_burst("h264", each[0], each[1:]), pasts[number]).reference
    for line in sys.stdin:
        found: dict[str, list[float]] = {"single": [], "burst": [], "decode": []}
        for number, camera in enumerate(cameras):
            each = camera[LEARNING + int(line) % MEASURED]
            start = time.process_time()
            frames = decode_burst("h264", each[0], each[1:])
            found["decode"].append(time.process_time() - start)
            for kind, shown in (("single", frames[:1]), ("burst", frames)):
                forget()
                start = time.process_time()
                look = look_at(shown, pasts[number], 0.1, 12.0)
                found[kind].append(time.process_time() - start)
            pasts[number] = look.reference
        print(json.dumps(found), flush=True)


def _contest(checkouts: dict[str, Path], rounds: int, kept: Path | None) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        units = kept or Path(folder) / "units"
        if not units.exists():
            units.write_bytes(pickle.dumps([_encode(seed) for seed in range(CAMERAS)]))
        contenders = {name: _Contender(checkout, units) for name, checkout in checkouts.items()}
        for contender in contenders.values():
            stack.callback(contender.stop)
        for number in range(rounds):
            for contender in contenders.values():
                contender.run(number)
        return {name: contender.milliseconds for name, contender in contenders.items()}


def main() -> None:
    """Measure, print, and write results/one_look.json."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=2 * MEASURED)
    arguments.add_argument("--against", type=Path, help="another checkout of this project, such as an older commit")
    arguments.add_argument("--pictures", type=Path, help="file that keeps the made pictures for the next run")
    arguments.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.serve:
        return _serve(chosen.serve)
    checkouts = {"this checkout": HERE}
    if chosen.against:
        checkouts["the other checkout"] = chosen.against.resolve()
    rows = _contest(checkouts, chosen.rounds, chosen.pictures)
    kinds = ("single", "burst", "mean as scheduled", "decode")
    print(f"1080p H.264, milliseconds of processor time beyond decoding, burst of {1 + FOLLOWING} pictures")
    print(f"{'':24s}" + "".join(f"{kind:>20s}" for kind in kinds))
    for name, row in rows.items():
        print(f"{name:24s}" + "".join(f"{row[kind]:20.2f}" for kind in kinds))
    if chosen.against:
        ours, other = rows.values()
        print(f"{'ratio':24s}" + "".join(f"{ours[kind] / other[kind]:20.2f}" for kind in kinds))
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": platform.machine(), "cores": os.cpu_count(), "milliseconds": rows}
    (RESULTS / "one_look.json").write_text(json.dumps(document, indent=2) + "\n")
    return None


if __name__ == "__main__":
    main()
