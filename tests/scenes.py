"""Footage made from the packaged scenes, in the layout of real footage, for picture tests without real footage."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from xueliang_monitor.picture.decode import decode
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import Light
from xueliang_monitor.simulator.picture_faults import grain
from xueliang_monitor.wire.media import Codec

Frame = Any
Change = Callable[[Frame], Frame]
LOOPS = 3
"""How often a clip is played in a video, each time with other grain: 6 seconds."""


def _same(frame: Frame) -> Frame:
    return frame


def _mirrored(frame: Frame) -> Frame:
    return frame[:, ::-1]


def _left(frame: Frame) -> Frame:
    return cv2.resize(frame[60:330, :480], (640, 360), interpolation=cv2.INTER_CUBIC)


def _right(frame: Frame) -> Frame:
    return cv2.resize(frame[60:330, 160:][:, ::-1], (640, 360), interpolation=cv2.INTER_CUBIC)


VIDEOS: dict[str, tuple[str, Change]] = {
    "street": ("street", _same),
    "cardet": ("car-park", _mirrored),
    "bottles": ("hall", _same),
    "worker": ("gate", _same),
    "parking": ("car-park", _same),
    "highway": ("street", _right),
    "tfl1": ("gate", _right),
    "tfl3": ("street", _left),
    "tfl5": ("yard", _mirrored),
    "riverdk": ("yard", _same),
}
"""Packaged scenes by the names of the scenes in tests; some are seen in part, or mirrored."""

STILLS = {"lta4703": "gate", "lta2701": "street"}
"""Scenes with a day and a night under street lamps."""


def make_footage(folder: Path) -> Path:
    """Write the videos, the stills and `cameras.json`; return the folder."""
    cameras: list[dict[str, Any]] = []
    for name, (scene, change) in VIDEOS.items():
        file = folder / f"{name}.avi"
        writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 360))
        for seed, frame in enumerate(clips.frames(scene) * LOOPS):
            writer.write(np.ascontiguousarray(grain(change(frame), 2.0, seed)))
        writer.release()
        file.rename(folder / f"{name}.mp4")
        cameras.append({"id": name, "type": "video", "path": f"{name}.mp4"})
    for name, scene in STILLS.items():
        (folder / name).mkdir()
        images = []
        for number in range(36):
            hour = 24 * number / 36
            night = hour < 6 or hour > 19
            pictures = clips.frames(scene, Light.DUSK if night else Light.DAY)
            picture = grain(pictures[number * 7 % len(pictures)], 2.0, number)
            cv2.imwrite(str(folder / name / f"{number:03d}.jpg"), picture)
            images.append({"file": f"{name}/{number:03d}.jpg", "hour": hour})
        cameras.append({"id": name, "type": "stills", "path": name, "images": images})
    (folder / "cameras.json").write_text(json.dumps({"cameras": cameras}))
    return folder


@functools.cache
def jpegs(scene: str, light: Light) -> list[Frame]:
    """Return the pictures of a camera that sends Motion JPEG."""
    files = clips.byte_stream(scene, Codec.MJPEG, light=light).split(b"\xff\xd8\xff")[1:]
    return [decode(b"\xff\xd8\xff" + file, Codec.MJPEG.value) for file in files]
