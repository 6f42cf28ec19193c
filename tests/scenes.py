"""Footage made from the packaged clips, in the layout of real footage, for picture tests without real footage."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

Frame = Any
Change = Callable[[Frame], Frame]
CLIPS = resources.files("xueliang_monitor.simulator") / "clips"


def _mirrored(frame: Frame) -> Frame:
    return frame[:, ::-1]


def _left(frame: Frame) -> Frame:
    return cv2.resize(frame[60:330, :480], (640, 360), interpolation=cv2.INTER_CUBIC)


def _right(frame: Frame) -> Frame:
    return cv2.resize(frame[60:330, 160:][:, ::-1], (640, 360), interpolation=cv2.INTER_CUBIC)


VIDEOS: dict[str, tuple[str, Change | None]] = {
    "street": ("street-live.h264", None),
    "cardet": ("parking-live.h265", _mirrored),
    "bottles": ("table-live.h264", None),
    "worker": ("hall-live.h264", None),
    "parking": ("parking-live.h265", None),
    "highway": ("street-live.h264", _right),
    "tfl1": ("hall-live.h264", _right),
    "tfl3": ("street-live.h264", _left),
    "tfl5": ("table-live.h264", _mirrored),
    "riverdk": ("parking-live.h265", _left),
}
"""Clips by the names of the scenes in tests; a scene without a clip is a transformed clip of another one."""

STILLS = {"lta4703": "table-live.h264", "lta2701": "street-live.h264"}
"""Scenes with a day and a night, made by darkening a clip."""


def _frames(clip: str) -> list[Frame]:
    with (CLIPS / clip).open("rb") as file, av.open(file) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def _remux(clip: str, file: Path) -> None:
    """Write a clip into a container that has the number of pictures."""
    with (CLIPS / clip).open("rb") as stream, av.open(stream) as source, av.open(str(file), "w", format="mp4") as made:
        track = made.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.stream = track
            packet.pts = packet.dts = int(number / 10 / packet.time_base)
            made.mux(packet)


def make_footage(folder: Path) -> Path:
    """Write the videos, the stills and `cameras.json`; return the folder."""
    cameras: list[dict[str, Any]] = []
    for name, (clip, change) in VIDEOS.items():
        file = folder / f"{name}.mp4"
        if change is None:
            _remux(clip, file)
        else:
            writer = cv2.VideoWriter(str(folder / f"{name}.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 360))
            for frame in _frames(clip):
                writer.write(np.ascontiguousarray(change(frame)))
            writer.release()
            (folder / f"{name}.avi").rename(file)
        cameras.append({"id": name, "type": "video", "path": file.name})
    chance = np.random.default_rng(1)
    for name, clip in STILLS.items():
        (folder / name).mkdir()
        images = []
        for number, frame in enumerate(_frames(clip)[:72:2]):
            hour = 24 * number / 36
            gain = 0.3 if hour < 6 or hour > 19 else 1.0
            picture = np.clip(frame * gain + chance.normal(0, 1.5, frame.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / name / f"{number:03d}.jpg"), picture)
            images.append({"file": f"{name}/{number:03d}.jpg", "hour": hour})
        cameras.append({"id": name, "type": "stills", "path": name, "images": images})
    (folder / "cameras.json").write_text(json.dumps({"cameras": cameras}))
    return folder
