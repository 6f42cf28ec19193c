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
    """Return a cloth close before the lens: dark, soft, with a little light from one side."""
    across = np.linspace(0, 1, WIDTH)[None, :, None] * np.linspace(0.6, 1, HEIGHT)[:, None, None]
    cloth = np.array([28.0, 34.0, 40.0]) + across * np.array([34.0, 40.0, 48.0])
    return grain(np.clip(cloth, 0, 255).astype(np.uint8), 0.8)


VARIANTS: dict[str, Callable[[Frame], Frame]] = {
    "black": lambda frame: grain(np.full_like(frame, 3), 0.5),
    "blank": lambda frame: np.full_like(frame, (190, 40, 20)),
    "bright": lambda frame: np.clip(frame.astype(np.float32) * 1.5 + 190, 0, 255).astype(np.uint8),
    "blurred": lambda frame: grain(cv2.GaussianBlur(frame, (0, 0), 6), 0.6),
    "covered": covered,
    "small": lambda frame: cv2.resize(frame, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA),
}


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
                changed = [change(frame) for frame in frames[:short]]
                encode(changed, output / f"{scene}-{variant}.{codec}", codec, short)


if __name__ == "__main__":
    main()
