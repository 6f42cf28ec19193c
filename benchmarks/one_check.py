"""CPU and wall time of one full check of a 1080p H.264 stream, against what scripts do, interleaved in one run.

Usage: python -m benchmarks.one_check [--rounds N]

GStreamer's RTSP server provides the stream: a rendered street with traffic and grain, 25 frames per second, 4 Mbit/s, a
keyframe every 2 s. CPU time is that of the measured process and its children, without the server. Every contender runs
warm in its own process; figures for external programs include their start-up, because a script pays for it each time.
Figures are means: of our own checks one in three looks at a burst, as scheduled, and the camera is known already.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from tests.real import gstreamer
from xueliang_monitor.picture.bursts import EVERY
from xueliang_monitor.picture.reference import ENOUGH
from xueliang_monitor.probing.lane import FOLLOWING_PICTURES

RESULTS = Path(__file__).parent / "results"
WIDTH, HEIGHT, RATE_HERTZ, SECONDS = 1920, 1080, 25, 8
GRAIN_LEVELS = 3.0
RATE = ["-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M"]
TUNED = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|probesize;500000|analyzeduration;0"
Contender = Callable[[], None]
LEARNING = 2 * ENOUGH
"""Checks that teach the camera's past before the first that is measured."""
FLOOR = "libavcodec, that keyframe alone"


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _live_children_cpu() -> float:
    """CPU time of our long-lived picture workers, in nanoseconds because the kernel's ticks are too coarse."""
    import psutil

    total = 0.0
    for child in psutil.Process().children(recursive=True):
        for thread in Path(f"/proc/{child.pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return total


def _our_check(url: str) -> Contender:
    from urllib.parse import urlsplit

    from xueliang_monitor.model import Rung, Target, Timeouts
    from xueliang_monitor.picture.worker import Workers
    from xueliang_monitor.probing.memory import Memory
    from xueliang_monitor.probing.visit import visit

    parts = urlsplit(url)
    target = Target("bench", parts.hostname or "", parts.port or 554, parts.path, listen_seconds=0.0)
    runner, workers, memory = asyncio.Runner(), Workers(1), [Memory()]

    def once() -> None:
        visited, memory[0] = runner.run(
            visit(target, Rung.PICTURE, memory[0], timeouts=Timeouts(), workers=workers, now=time.time())
        )
        if [result.rung for result in visited.rungs][-1] != Rung.PICTURE or visited.seen:
            raise RuntimeError(f"not a full, healthy check: {visited}")

    for _ in range(LEARNING):
        once()
    return once


def _handshake(url: str) -> Contender:
    from urllib.parse import urlsplit

    from xueliang_monitor.model import Rung, Target, Timeouts
    from xueliang_monitor.picture.worker import Workers
    from xueliang_monitor.probing.memory import Memory
    from xueliang_monitor.probing.visit import visit

    parts = urlsplit(url)
    target = Target("bench", parts.hostname or "", parts.port or 554, parts.path, listen_seconds=0.0)
    runner, workers = asyncio.Runner(), Workers(1)

    def once() -> None:
        runner.run(visit(target, Rung.STREAM, Memory(), timeouts=Timeouts(), workers=workers, now=time.time()))

    return once


def _aiortsp(url: str) -> Contender:
    """Read as much with aiortsp as we do: one whole keyframe and four more frames, without reassembly."""
    import logging

    from aiortsp.rtsp.reader import RTSPReader

    logging.disable(logging.CRITICAL)
    runner = asyncio.Runner()

    async def read() -> None:
        async with RTSPReader(url, timeout=10, log_level=logging.CRITICAL) as reader:
            begun, pictures = False, 0
            async for packet in reader.iter_packets():
                payload = packet.data
                kind = payload[0] & 0x1F
                begun = begun or kind == 5 or (kind == 28 and payload[1] & 0x9F == 0x85)
                pictures += begun and packet.m
                if pictures > FOLLOWING_PICTURES:
                    return

    def once() -> None:
        runner.run(read())

    return once


def _capture(url: str, options: str) -> Contender:
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = options
    import cv2

    def once() -> None:
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
        good, _ = capture.read()
        capture.release()
        if not good:
            raise RuntimeError("no picture")

    return once


def _program(*command: str) -> Contender:
    def once() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return once


def _floor(keyframe: Path) -> Contender:
    """Decode only the keyframe with libavcodec on one thread: parser and decoder, nothing else."""
    import av

    data = keyframe.read_bytes()

    def once() -> None:
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        frames = [frame for packet in [*decoder.parse(data), *decoder.parse(b"")] for frame in decoder.decode(packet)]
        frames += decoder.decode(None)
        if not frames:
            raise RuntimeError("no picture")

    return once


def _film(file: Path) -> None:
    """Write a rendered street, enlarged and with fresh grain in each picture."""
    import cv2
    import numpy as np

    from tools.scenes.filming import film
    from tools.scenes.places import street

    chance = np.random.default_rng(7)
    grain = chance.normal(0, GRAIN_LEVELS, (HEIGHT, WIDTH, 1)).astype(np.float32)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), RATE_HERTZ, (WIDTH, HEIGHT))
    for picture in film(street(), "day", [number / RATE_HERTZ for number in range(RATE_HERTZ * SECONDS)]):
        shift = chance.integers(0, HEIGHT), chance.integers(0, WIDTH)
        large = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        writer.write(np.clip(large + np.roll(grain, shift, (0, 1)), 0, 255).astype(np.uint8))
    writer.release()


def _serve(build: Callable[[], Contender], pipe: Connection) -> None:
    once = build()
    once()
    while pipe.recv():
        lasting = _live_children_cpu()
        own, wall = _cpu(), time.perf_counter()
        once()
        spent, wall = _cpu() - own, time.perf_counter() - wall
        pipe.send((spent + _live_children_cpu() - lasting, wall))


class _Contestant:
    """One contender in its own process, started on request."""

    def __init__(self, build: Callable[[], Contender]) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_serve, args=(build, theirs))
        self._process.start()
        self.samples: list[tuple[float, float]] = []

    def run(self) -> None:
        """Run once and note CPU and wall seconds."""
        self._pipe.send(True)
        if not self._pipe.poll(60):
            raise RuntimeError("a contender did not end")
        self.samples.append(self._pipe.recv())

    def stop(self) -> None:
        """End the process."""
        self._pipe.send(False)
        self._process.join(5)
        self._process.kill()


def _contest(url: str, keyframe: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    builders: dict[str, Callable[[], Contender]] = {
        "xueliang full check": lambda: _our_check(url),
        "xueliang without decoding": lambda: _handshake(url),
        "aiortsp, reading as far": lambda: _aiortsp(url),
        "cv2.VideoCapture(url), defaults": lambda: _capture(url, "rtsp_transport;tcp"),
        "cv2.VideoCapture(url), tuned": lambda: _capture(url, TUNED),
        "ffmpeg -frames:v 1": lambda: _program(
            "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-frames:v", "1", "-f", "null", "-"
        ),
        "ffprobe -show_streams": lambda: _program(
            "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_streams", url
        ),
        FLOOR: lambda: _floor(keyframe),
    }
    contestants = {name: _Contestant(build) for name, build in builders.items()}
    try:
        for number in range(rounds):
            for name, contestant in contestants.items():
                print(f"\rround {number + 1} of {rounds}: {name:34s}", end="", file=sys.stderr, flush=True)
                contestant.run()
    finally:
        for contestant in contestants.values():
            contestant.stop()
    print(file=sys.stderr)
    return {name: contestant.samples for name, contestant in contestants.items()}


def _summary(samples: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, float]]:
    rows = {
        name: {
            "cpu_ms": statistics.fmean(cpu for cpu, _ in measured) * 1000,
            "wall_ms": statistics.median(wall for _, wall in measured) * 1000,
        }
        for name, measured in samples.items()
    }
    ours, floor = rows["xueliang full check"]["cpu_ms"], rows[FLOOR]["cpu_ms"]
    for row in rows.values():
        row["cpu_over_ours"], row["cpu_over_decoding"] = row["cpu_ms"] / ours, row["cpu_ms"] / floor
    return rows


def main() -> None:
    """Measure, print, and write results/one_check.json."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=4 * EVERY)
    rounds = arguments.parse_args().rounds
    if reason := gstreamer.missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as temporary:
        _film(Path(temporary) / "street.avi")
        folder = gstreamer.encode(["-i", f"{temporary}/street.avi", *RATE], "h264", Path(temporary) / "units")
        keyframe = folder / "00000.bin"
        size = keyframe.stat().st_size
        with gstreamer.server("h264", 25, folder) as url:
            rows = _summary(_contest(url, keyframe, rounds))
    print(f"1080p H.264, keyframe of {size / 1000:.0f} KB, mean of {rounds} rounds")
    print(f"{'':36s}{'CPU ms':>9s}{'wall ms':>9s}{'CPU over ours':>15s}{'over decoding':>15s}")
    for name, row in rows.items():
        print(
            f"{name:36s}{row['cpu_ms']:9.1f}{row['wall_ms']:9.0f}{row['cpu_over_ours']:15.2f}{row['cpu_over_decoding']:15.2f}"
        )
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": platform.machine(), "cores": os.cpu_count(), "keyframe_bytes": size, "rows": rows}
    (RESULTS / "one_check.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
