"""Makes the simulator's clips from fixed-camera footage with OpenCV and ffmpeg's encoders.

Usage: python tools/make_clips.py FOOTAGE_FOLDER OUTPUT_FOLDER
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT, RATE = 640, 360, 10
Frame = Any

# Scene: file, seconds of live video, keyframe interval in frames, codecs.
SCENES: dict[str, tuple[str, int, int, tuple[str, ...]]] = {
    "street": ("street.mp4", 10, 20, ("h264", "h265")),
    "lot": ("cardet.mp4", 10, 100, ("h264", "h265")),
    "table": ("bottles.mp4", 8, 40, ("h264",)),
    "hall": ("worker.mp4", 4, 20, ("h264", "mjpeg")),
    "parking": ("parking.mp4", 3, 30, ("h265", "mjpeg")),
}
NOISE = np.random.default_rng(7)


def read(path: Path, seconds: int) -> list[Frame]:
    """Return frames of 640x360 at 10 a second, with a sensor's grain."""
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS)
    frames: list[Frame] = []
    number = 0
    while len(frames) < seconds * RATE:
        found, frame = capture.read()
        if not found:
            break
        if number >= len(frames) * rate / RATE:
            frames.append(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
        number += 1
    return [grain(frame, 2.0) for frame in frames]


def grain(frame: Frame, level: float) -> Frame:
    """Add noise of `level` standard deviation."""
    noise = NOISE.normal(0, level, frame.shape[:2])[..., None]
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def covered(_frame: Frame) -> Frame:
    """Return a cloth close in front of the lens: dark, soft, with a little light from one side."""
    across = np.linspace(0, 1, WIDTH)[None, :, None] * np.linspace(0.6, 1, HEIGHT)[:, None, None]
    cloth = np.array([28.0, 34.0, 40.0]) + across * np.array([34.0, 40.0, 48.0])
    return grain(np.clip(cloth, 0, 255).astype(np.uint8), 0.8)


def dirty(frame: Frame) -> Frame:
    """Return what is seen through a dome with mud and drops on it."""
    chance = np.random.default_rng(5)
    mask: Frame = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(90):
        place = int(chance.uniform(0, WIDTH)), int(chance.uniform(0, HEIGHT))
        axes = int(chance.uniform(14, 30)), int(chance.uniform(10, 24))
        cv2.ellipse(mask, place, axes, chance.uniform(0, 180), 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    return np.clip(frame * (1 - mask) + (0.7 * cv2.GaussianBlur(frame, (0, 0), 14) + 21) * mask, 0, 255).astype(
        np.uint8
    )


def damaged(frame: Frame) -> Frame:
    """Return what a decoder makes of a stream with holes: blocks of green and grey, and of elsewhere."""
    chance, picture = np.random.default_rng(6), frame.copy()
    for _ in range(70):
        row, column = int(chance.integers(HEIGHT // 16)) * 16, int(chance.integers(WIDTH // 16)) * 16
        right = min(WIDTH, column + 16 * int(chance.integers(2, 9)))
        picture[row : row + 16, column:right] = (0, 135, 0) if chance.random() < 0.5 else (128, 128, 128)
    return picture


def striped(frame: Frame) -> Frame:
    """Return a picture with interference."""
    wave = 26 * np.sin(2 * np.pi * 24 * np.arange(HEIGHT) / HEIGHT)[:, None, None]
    return np.clip(frame + wave, 0, 255).astype(np.uint8)


def moved(frame: Frame) -> Frame:
    """Return what a camera sees that was knocked to one side."""
    way = np.array([[1, 0, -58], [0, 1, 12]], np.float32)
    return cv2.warpAffine(frame, way, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101)


def rolling(frames: list[Frame]) -> list[Frame]:
    """Return frames that roll by a ninth of their height each."""
    return [np.roll(frame, 40 * (number + 1), axis=0) for number, frame in enumerate(frames)]


def shaking(frames: list[Frame]) -> list[Frame]:
    """Return frames from a mast that swings."""
    ways = [(14, 4), (-12, -7), (8, 10), (-14, 1)]
    return [
        cv2.warpAffine(
            frame, np.array([[1, 0, x], [0, 1, y]], np.float32), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101
        )
        for frame, (x, y) in zip(frames, ways * len(frames), strict=False)
    ]


SEQUENCES: dict[str, Callable[[list[Frame]], list[Frame]]] = {"rolling": rolling, "shaking": shaking}
"""Variants that only several pictures show."""

VARIANTS: dict[str, Callable[[Frame], Frame]] = {
    "black": lambda frame: grain(np.full_like(frame, 3), 0.5),
    "blank": lambda frame: np.full_like(frame, (190, 40, 20)),
    "bright": lambda frame: np.clip(frame.astype(np.float32) * 1.5 + 190, 0, 255).astype(np.uint8),
    "blurred": lambda frame: grain(cv2.GaussianBlur(frame, (0, 0), 6), 0.6),
    "covered": covered,
    "dark": lambda frame: grain((frame * 0.13).astype(np.uint8), 1.0),
    "noisy": lambda frame: grain(frame, 34.0),
    "striped": striped,
    "cast": lambda frame: np.clip(frame * np.array([0.6, 0.75, 1.5]), 0, 255).astype(np.uint8),
    "grey": lambda frame: cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
    "foggy": lambda frame: (cv2.GaussianBlur(frame, (0, 0), 1.2) * 0.27 + 125).astype(np.uint8),
    "dirty": dirty,
    "moved": moved,
    "damaged": damaged,
    "small": lambda frame: cv2.resize(frame, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA),
}


SHORT = {"noisy": 4, "striped": 4, "dirty": 8, "damaged": 8, "moved": 8, "grey": 8, "cast": 8}
"""Pictures of those clips that would be large."""


def encode(frames: list[Frame], path: Path, codec: str, interval: int) -> None:
    """Encode frames, each access unit behind a delimiter."""
    height, width = frames[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(RATE), "-i", "-"]
    fixed = f"keyint={interval}:min-keyint={interval}:scenecut=0:bframes=0:aud=1"
    options = {
        "h264": ["-c:v", "libx264", "-crf", "30", "-preset", "slow", "-x264-params", fixed, "-f", "h264"],
        "h265": ["-c:v", "libx265", "-crf", "31", "-x265-params", f"{fixed}:open-gop=0:log-level=none", "-f", "hevc"],
        "mjpeg": ["-c:v", "mjpeg", "-q:v", "9", "-huffman", "default", "-pix_fmt", "yuvj420p", "-f", "mjpeg"],
    }[codec]
    if codec != "mjpeg":
        options = ["-pix_fmt", "yuv420p", *options]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *source, *options, "-threads", "1", str(path)],
        input=b"".join(frame.tobytes() for frame in frames),
        check=True,
    )


def main() -> None:
    """Write every clip."""
    footage, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    for scene, (name, seconds, interval, codecs) in SCENES.items():
        frames = read(footage / name, seconds)
        for codec in codecs:
            short = 4 if codec == "mjpeg" else 20
            live = frames[:20] if codec == "mjpeg" else frames
            encode(live, output / f"{scene}-live.{codec}", codec, interval)
            encode([frames[0]] * short, output / f"{scene}-frozen.{codec}", codec, short)
            for variant, change in VARIANTS.items():
                count = min(short, SHORT.get(variant, short))
                encode([change(frame) for frame in frames[:count]], output / f"{scene}-{variant}.{codec}", codec, count)
            for variant, play in SEQUENCES.items():
                encode(play(frames[:8]), output / f"{scene}-{variant}.{codec}", codec, 8)


if __name__ == "__main__":
    main()
