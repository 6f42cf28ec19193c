"""Reads the footage: a scene is a camera's healthy frames in time order, cut so that there is room to move."""

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
"""Cut from each side of a frame, so that a camera that is turned shows real ground and no made-up border."""

MAX_FRAMES = 240
TUNING = frozenset({"lta4703", "tfl1", "tfl5", "cardet", "street", "worker"})
"""Cameras that thresholds may be set by; the others only test them."""


@dataclass(frozen=True)
class Scene:
    """One camera's frames, uncut, with the local hour of each where that is known, and whether they follow closely."""

    camera: str
    frames: list[Frame]
    hours: list[float | None]
    live: bool

    @property
    def half(self) -> str:
        """Which half of the corpus it belongs to."""
        return "tuning" if self.camera in TUNING else "test"


def cut(frame: Frame, shift: tuple[float, float] = (0.0, 0.0), degrees: float = 0.0, zoom: float = 1.0) -> Frame:
    """Return what a camera sees: the middle of a frame, or what it sees turned (shift in shares of the width)."""
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
    """Return what is left without burned-in text, which would move with the picture when it is cut otherwise."""
    region = camera.get("roi")
    if isinstance(region, list) and len(region) == 4:
        left, top, width, height = (int(value) for value in region)
        return left, top, left + width, top + height
    return 0, 0, frame.shape[1], frame.shape[0]


def scenes(folder: Path, names: Collection[str] = ()) -> list[Scene]:
    """Read cameras of the footage by their names, all where none is given."""
    told = json.loads((folder / "cameras.json").read_text())
    return [
        (_stills if item["type"] == "stills" else _video)(folder, item)
        for item in told["cameras"]
        if not names or item["id"] in names
    ]


def as_uint8(picture: Frame) -> Frame:
    """Round and clip to what a picture can hold."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
