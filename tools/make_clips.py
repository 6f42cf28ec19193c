"""Renders the simulator's scenes and packs their clips. Needs ffmpeg with x264 and x265; takes a few minutes.

Usage: python -m tools.make_clips OUTPUT_FOLDER [PLACE...]
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import cv2

from tools.scenes.filming import RATE, film
from tools.scenes.lighting import LIGHTS
from tools.scenes.places import PLACES
from xueliang_monitor.simulator.picture_faults import VARIANTS

Frame = Any
CODECS = ("h264", "h265")
GROUP = 10
"""Pictures between keyframes."""

BEGINS = (3.0, 26.0)
"""Moments of the keyframes, in seconds: between two of them the vehicles have moved on."""

BRIEF = frozenset({"dawn", "rain", "fog"})
"""Lights with one keyframe only."""

NIGHTLY = frozenset({"black", "blurred", "covered", "frozen", "moved"})
"""Variants of a clip in infrared light. Every variant has one by day."""

PICTURES = {"noisy": 2, "small": 6, "frozen": 10}
"""Pictures of a variant; the others have `FEW`."""

FEW = 5

FAULTY = {"street": ("h264",), "gate": ("h264",), "yard": ("h265",), "car-park": ("h265",)}
"""Codecs in which a place has every variant. In Motion JPEG each place has them."""

QUALITY = {"h264": 36, "h265": 36}
"""Constant quantizers: a picture then has the same bytes in each clip that begins with it, which packs well."""

COARSE = {
    ("noisy", "h264"): 8,
    ("noisy", "h265"): 5,
    ("rolling", ""): 4,
    ("shaking", ""): 4,
    ("damaged", ""): 3,
    ("striped", ""): 2,
}
"""How much coarser the variants are quantized that would be large."""

FINER = {("infrared", "h265"): 3, ("dusk", "h265"): 2}
"""How much finer pictures are quantized that x265 would nearly leave out between keyframes, as of a frozen camera."""

KEY_RATIOS = {("noisy", "h265"): 0.85}
"""How finely keyframes are quantized against the pictures after them. x265 leaves noise away between keyframes."""

LIVE_KEY_RATIOS = {("car-park", "dusk", "h265"): 0.95}
"""The same for the clip without a fault of a place in whose light hardly anything moves: else it is a frozen one."""


def encode(frames: list[Frame], codec: str, interval: int, quality: int, *, key_ratio: float = 1.4) -> bytes:
    """Return the byte stream of frames, each access unit behind a delimiter."""
    height, width = frames[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(RATE), "-i", "-"]
    fixed = f"keyint={interval}:min-keyint={interval}:scenecut=0:bframes=0:aud=1:qp={quality}:ipratio={key_ratio}"
    options = {
        "h264": ["-c:v", "libx264", "-preset", "slow", "-x264-params", fixed, "-f", "h264"],
        "h265": ["-c:v", "libx265", "-preset", "medium", "-x265-params",
                 f"{fixed}:open-gop=0:info=0:log-level=none", "-f", "hevc"],
    }[codec]  # fmt: skip
    done = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            *source,
            "-pix_fmt",
            "yuv420p",
            *options,
            "-bsf:v",
            BARE[codec],
            "-threads",
            "1",
            "-",
        ],
        input=b"".join(frame.tobytes() for frame in frames),
        capture_output=True,
        check=True,
    )
    return done.stdout


BARE = {"h264": "filter_units=remove_types=6", "h265": "filter_units=remove_types=39-40"}
"""Leaves out the encoder's own remarks."""


def clips_of(place: str) -> dict[str, bytes]:
    """Return the clips of a place by the name of their file."""
    scene, found = PLACES[place](), {}
    for number, light in enumerate(LIGHTS):
        begins = BEGINS[:1] if light in BRIEF else BEGINS
        moments = [begin + 7 * number + picture / RATE for begin in begins for picture in range(GROUP)]
        frames = film(scene, light, moments, seed=number + 1)
        for codec in CODECS:
            faulty = codec in FAULTY.get(place, ())
            quality = QUALITY[codec] - (FINER.get((light, codec), 0) if faulty else 0)
            ratio = LIVE_KEY_RATIOS.get((place, light, codec), 1.4)
            found[f"{light}-live.{codec}"] = encode(frames, codec, GROUP, quality, key_ratio=ratio)
            for variant, change in VARIANTS.items() if faulty else ():
                if light == "day" or (light == "infrared" and variant in NIGHTLY):
                    count, ratio = PICTURES.get(variant, FEW), KEY_RATIOS.get((variant, codec), 1.4)
                    coarse = quality + COARSE.get((variant, codec), COARSE.get((variant, ""), 0))
                    made = encode(change(frames[:count]), codec, count, coarse, key_ratio=ratio)
                    found[f"{light}-{variant}.{codec}"] = made
    return found


def pack(clips: dict[str, bytes]) -> bytes:
    """Return the clips as a compressed archive; the same clips give the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=9) as archive:
        for name in sorted(clips, key=lambda each: (each.rpartition(".")[2], each)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(clips[name]), 0o644
            archive.addfile(entry, io.BytesIO(clips[name]))
    return packed.getvalue()


def main() -> None:
    """Write the archive of each place."""
    cv2.setNumThreads(1)
    output = Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    for place in sys.argv[2:] or PLACES:
        (output / f"{place}.tar.xz").write_bytes(pack(clips_of(place)))


if __name__ == "__main__":
    main()
