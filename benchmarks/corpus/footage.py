"""Reads the footage. A scene is a camera's healthy frames in time order, with a margin to move in."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Frame = Any
MARGIN = 0.12
"""Share of a frame cut from each side, so that a turned camera shows real ground instead of an invented border."""

MAX_FRAMES = 240
"""Frames read of a video, spread over its length."""

TUNING = frozenset({"lta4703", "tfl1", "tfl5", "cardet", "street", "worker"})
"""Cameras on which limits may be tuned; the others only test them."""


@dataclass(frozen=True)
class Scene:
    """One camera's uncut frames and the local hour of each, None where unknown; `live` frames are of one video."""

    camera: str
    frames: list[Frame]
    hours: list[float | None]
    live: bool

    @property
    def half(self) -> str:
        """The half of the corpus to which the camera belongs."""
        return "tuning" if self.camera in TUNING else "test"


def cut(frame: Frame, shift: tuple[float, float] = (0.0, 0.0), degrees: float = 0.0, zoom: float = 1.0) -> Frame:
    """Return what a camera sees: the middle of a frame, or the view after a shift in shares of the width and a turn."""
    height, width = frame.shape[:2]
    out = round(width * (1 - 2 * MARGIN)), round(height * (1 - 2 * MARGIN))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
    turn[0, 2] += out[0] / 2 - width / 2 - shift[0] * out[0]
    turn[1, 2] += out[1] / 2 - height / 2 - shift[1] * out[0]
    return cv2.warpAffine(frame, turn, out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _stills(folder: Path, camera: dict[str, Any]) -> Scene:
    images = sorted(camera["images"], key=lambda item: item["hour"])
    frames = [cv2.imread(str(folder / item["file"])) for item in images]
    return Scene(camera["id"], frames, [item["hour"] for item in images], live=False)


def _video(folder: Path, camera: dict[str, Any]) -> Scene:
    capture = cv2.VideoCapture(str(folder / camera["path"]))
    frames: list[Frame] = []
    while True:
        found, frame = capture.read()
        if not found:
            break
        frames.append(frame)
    left, top, right, bottom = _region(camera, frames[0])
    step = max(1, len(frames) // MAX_FRAMES)
    return Scene(
        camera["id"], [frame[top:bottom, left:right] for frame in frames[::step]], [None] * len(frames), live=True
    )


def _region(camera: dict[str, Any], frame: Frame) -> tuple[int, int, int, int]:
    """Return the region without burned-in text: left, top, right, bottom. Text would move with the picture."""
    region = camera.get("roi")
    if isinstance(region, list) and len(region) == 4:
        left, top, width, height = (int(value) for value in region)
        return left, top, left + width, top + height
    return 0, 0, frame.shape[1], frame.shape[0]


def scenes(folder: Path, names: Collection[str] = ()) -> list[Scene]:
    """Read cameras of the footage by name; all of them without names."""
    index = json.loads((folder / "cameras.json").read_text())
    return [
        (_stills if item["type"] == "stills" else _video)(folder, item)
        for item in index["cameras"]
        if not names or item["id"] in names
    ]


def as_uint8(picture: Frame) -> Frame:
    """Round and clip values to those of a picture."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
