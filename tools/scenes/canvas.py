"""A picture with depth: surfaces in metres are drawn as a camera on a mast sees them, the nearer in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from tools.scenes.textures import SIZE

Plane = Any
Colour = tuple[float, float, float]
"""Share of blue, green and red light that a surface returns."""

FAR = 400.0
"""Depth of the sky, in metres."""


@dataclass(frozen=True)
class Eye:
    """A camera: its height in metres, how far it looks down in degrees, its focal length in widths of the picture."""

    height: float
    down: float
    focal: float = 0.75
    width: int = 960
    pixels_high: int = 540

    def project(self, points: Plane) -> Plane:
        """Return column, row and depth of points (right, up, ahead) in metres. Depth is at least 0.3 m."""
        right, up, ahead = np.asarray(points, np.float64).T
        turn = np.radians(self.down)
        up = up - self.height
        depth = np.maximum(ahead * np.cos(turn) - up * np.sin(turn), 0.3)
        high = ahead * np.sin(turn) + up * np.cos(turn)
        scale = self.focal * self.width / depth
        return np.stack((self.width / 2 + scale * right, self.pixels_high / 2 - scale * high, depth), axis=1)

    def ground(self) -> tuple[Plane, Plane, Plane]:
        """Return right and ahead of the ground in each pixel in metres, and its depth; `FAR` above the horizon."""
        turn = np.radians(self.down)
        columns, rows = np.meshgrid(np.arange(self.width), np.arange(self.pixels_high))
        across = (columns - self.width / 2) / (self.focal * self.width)
        high = (self.pixels_high / 2 - rows) / (self.focal * self.width)
        fall = np.sin(turn) - high * np.cos(turn)
        distance = np.where(fall > 0.004, self.height / np.maximum(fall, 0.004), FAR)
        depth = np.minimum(distance, FAR)
        return across * depth, depth * (np.cos(turn) + high * np.sin(turn)), depth


@dataclass
class Canvas:
    """What the camera sees, without light: `colour` and `depth` of each pixel, and what shines or lies in shadow.

    `shine` is the light that a pixel sends out by itself in the evening, `leafy` is 1 on plants, `flat` on the ground.
    """

    eye: Eye
    colour: Plane = field(init=False)
    depth: Plane = field(init=False)
    shine: Plane = field(init=False)
    shade: Plane = field(init=False)
    leafy: Plane = field(init=False)
    flat: Plane = field(init=False)

    def __post_init__(self) -> None:
        shape = self.eye.pixels_high, self.eye.width
        self.colour = np.full((*shape, 3), 0.5, np.float32)
        self.depth = np.full(shape, FAR, np.float32)
        self.shine = np.zeros((*shape, 3), np.float32)
        self.shade = np.ones(shape, np.float32)
        self.leafy = np.zeros(shape, np.float32)
        self.flat = np.zeros(shape, np.float32)

    def copy(self) -> Canvas:
        """Return a copy to draw on."""
        other = Canvas(self.eye)
        for name in ("colour", "depth", "shine", "shade", "leafy", "flat"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def lay(self, texture: Plane, colour: Colour, *, metres: float, where: tuple[float, float, float, float]) -> None:
        """Lay a texture of `metres` a side on the ground within (left, right, near, far)."""
        right, ahead, depth = self.eye.ground()
        inside = (right >= where[0]) & (right < where[1]) & (ahead >= where[2]) & (ahead < where[3]) & (depth < FAR)
        columns, rows = (np.mod(value / metres, 1.0).astype(np.float32) * (SIZE - 1) for value in (right, ahead))
        near = cv2.remap(texture, columns, rows, cv2.INTER_LINEAR)
        # Far away a texel is smaller than a pixel: the mean of the texture takes its place.
        blend = np.clip(depth / 45.0, 0, 1)
        surface = near * (1 - blend) + float(texture.mean()) * blend
        self.colour[inside] = surface[inside][:, None] * np.array(colour, np.float32)
        self.depth[inside], self.flat[inside] = depth[inside], 1.0

    def shadow(self, points: Sequence[Sequence[float]], darkness: float = 0.55) -> None:
        """Darken the ground within the hull of points on it."""
        seen = self.eye.project(points)[:, :2]
        hull = cv2.convexHull(np.clip(seen, -4000, 5000).astype(np.int32))
        mask = np.zeros(self.depth.shape, np.float32)
        cv2.fillConvexPoly(mask, hull, 1.0)
        soft = cv2.GaussianBlur(mask, (0, 0), 1.6)
        self.shade *= 1 - darkness * soft * self.flat

    def quad(
        self,
        corners: Sequence[Sequence[float]],
        colour: Colour,
        *,
        texture: Plane | None = None,
        light: float = 1.0,
        lit: Plane | None = None,
        leafy: float = 0.0,
    ) -> None:
        """Draw a flat surface with four corners in turn, darkened to `light`; `lit` shines in the evening."""
        seen = self.eye.project(corners)
        place = seen[:, :2].astype(np.float32)
        shape = self.depth.shape
        left, top = np.maximum(np.floor(place.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(place.max(axis=0)).astype(int) + 1, (shape[1], shape[0]))
        if right <= left or bottom <= top:
            return
        size = int(right - left), int(bottom - top)
        moved = place - np.array((left, top), np.float32)
        mask = np.zeros((size[1], size[0]), np.uint8)
        cv2.fillPoly(mask, [np.clip(moved, -9000, 9000).astype(np.int32)], 1, cv2.LINE_8)
        inverse = np.linalg.lstsq(np.c_[moved, np.ones(4)], 1 / seen[:, 2], rcond=None)[0]
        columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
        depth = 1 / np.maximum(columns * inverse[0] + rows * inverse[1] + inverse[2], 1 / FAR)
        area = slice(top, bottom), slice(left, right)
        front = (mask > 0) & (depth < self.depth[area])
        square = np.array([(0, 0), (SIZE, 0), (SIZE, SIZE), (0, SIZE)], np.float32)
        way = cv2.getPerspectiveTransform(square, moved)
        surface: Plane = np.ones((size[1], size[0]), np.float32)
        if texture is not None:
            surface = _warped(texture, way, size, moved)
        self.colour[area][front] = (surface * light)[front][:, None] * np.array(colour, np.float32)
        self.depth[area][front] = depth[front]
        self.shade[area][front], self.flat[area][front], self.leafy[area][front] = 1.0, 0.0, leafy
        glow = 0.0 if lit is None else _warped(lit, way, size, moved)[front][:, None]
        self.shine[area][front] = glow * np.array((0.45, 0.75, 1.0), np.float32)


def _warped(texture: Plane, way: Plane, size: tuple[int, int], place: Plane) -> Plane:
    """Return a texture seen through a transform, reduced first where it is seen small."""
    seen = max(float(np.ptp(place[:, 0])), float(np.ptp(place[:, 1])), 8.0)
    factor = 1
    while SIZE / factor > 2 * seen and factor < 64:
        factor *= 2
    small = _reduced(texture, factor)
    scaled = way @ np.diag((factor, factor, 1.0))
    return cv2.warpPerspective(small, scaled, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


_REDUCED: dict[tuple[int, int], tuple[Plane, Plane]] = {}
"""Reduced textures, each with the texture that it was made of, so that no other one gets its id."""


def _reduced(texture: Plane, factor: int) -> Plane:
    key = id(texture), factor
    if key not in _REDUCED:
        small = cv2.resize(texture, (SIZE // factor, SIZE // factor), interpolation=cv2.INTER_AREA)
        _REDUCED[key] = texture, small
    return _REDUCED[key][1]
