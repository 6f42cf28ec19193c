"""What stands and moves in the scenes: blocks, trees, lamps, vehicles. Sizes are in metres; nobody is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tools.scenes import textures
from tools.scenes.canvas import Canvas, Colour

Plane = Any
SUN = (0.55, 0.5)
"""How far, in heights, a shadow falls to the right and away from the camera."""


@dataclass(frozen=True)
class Block:
    """A box on the ground: left, right, near, far and its height, each face with its texture.

    `front` and `side` are pairs of a texture and what shines on it. `raised` lifts it above the ground.
    """

    left: float
    right: float
    near: float
    far: float
    height: float
    colour: Colour
    front: tuple[Plane | None, Plane | None] = (None, None)
    side: tuple[Plane | None, Plane | None] = (None, None)
    raised: float = 0.0

    def shadow(self, canvas: Canvas) -> None:
        """Darken the ground behind it."""
        corners = [(x, z) for x in (self.left, self.right) for z in (self.near, self.far)]
        top = self.raised + self.height
        points = [(x, 0.0, z) for x, z in corners]
        canvas.shadow([*points, *((x + SUN[0] * top, 0.0, z + SUN[1] * top) for x, z in corners)])

    def draw(self, canvas: Canvas) -> None:
        """Draw the faces that can be seen."""
        low, high = self.raised, self.raised + self.height
        left, right, near, far = self.left, self.right, self.near, self.far
        if canvas.eye.height > high:
            top = ((left, high, far), (right, high, far), (right, high, near), (left, high, near))
            canvas.quad(top, self.colour, texture=textures.plaster(3), light=1.1)
        front, side = self.front, self.side
        if left > 0:
            face = ((left, high, near), (left, high, far), (left, low, far), (left, low, near))
            canvas.quad(face, self.colour, texture=side[0], light=0.78, lit=side[1])
        if right < 0:
            face = ((right, high, far), (right, high, near), (right, low, near), (right, low, far))
            canvas.quad(face, self.colour, texture=side[0], light=0.6, lit=side[1])
        face = ((left, high, near), (right, high, near), (right, low, near), (left, low, near))
        canvas.quad(face, self.colour, texture=front[0], light=0.92, lit=front[1])


def pole(canvas: Canvas, at: tuple[float, float], height: float, colour: Colour, *, thick: float = 0.16) -> None:
    """Draw a post at (right, ahead), with its shadow."""
    right, ahead = at
    canvas.shadow(
        [(right, 0, ahead), (right + 0.2, 0, ahead), (right + SUN[0] * height, 0, ahead + SUN[1] * height)], 0.4
    )
    half = thick / 2
    face = [(right - half, height, ahead), (right + half, height, ahead), (right + half, 0, ahead)]
    canvas.quad([*face, (right - half, 0, ahead)], colour, texture=textures.plaster(8))


def lamp(canvas: Canvas, at: tuple[float, float], height: float = 5.0, reach: float = 1.2) -> None:
    """Draw a street lamp; it shines in the evening."""
    right, ahead = at
    pole(canvas, at, height, (0.32, 0.33, 0.33))
    arm = [(right, height, ahead), (right + reach, height + 0.1, ahead)]
    canvas.quad([*arm, (right + reach, height - 0.1, ahead), (right, height - 0.12, ahead)], (0.3, 0.3, 0.3))
    head = [(right + reach - 0.3, height), (right + reach + 0.3, height)]
    corners = [(x, y + 0.05, ahead) for x, y in head] + [(x, y - 0.16, ahead) for x, y in reversed(head)]
    canvas.quad(corners, (0.6, 0.6, 0.6), lit=textures.even(2.5))


def fence(canvas: Canvas, span: tuple[float, float], ahead: float, height: float, *, colour: Colour) -> None:
    """Draw upright bars and two rails between two places to the right."""
    for right in np.arange(span[0], span[1], 0.45):
        face = [(right, height, ahead), (right + 0.09, height, ahead), (right + 0.09, 0, ahead), (right, 0, ahead)]
        canvas.quad(face, colour)
    for high in (height * 0.9, height * 0.25):
        face = [(span[0], high, ahead), (span[1], high, ahead), (span[1], high - 0.12, ahead)]
        canvas.quad([*face, (span[0], high - 0.12, ahead)], colour)


@dataclass(frozen=True)
class Tree:
    """A tree or, without a trunk, a bush at (right, ahead). Its crown sways; nearer to the top it sways more."""

    right: float
    ahead: float
    height: float
    width: float
    seed: int = 0
    trunk: float = 0.35
    colour: Colour = (0.10, 0.26, 0.15)

    def plant(self, canvas: Canvas) -> None:
        """Draw the trunk, and the shadow of the whole tree."""
        high, spread = self.height, self.width / 2
        middle = (self.right + SUN[0] * high * 0.7, self.ahead + SUN[1] * high * 0.7)
        ring = np.linspace(0, 2 * np.pi, 12)
        canvas.shadow([(middle[0] + spread * np.cos(a), 0, middle[1] + spread * np.sin(a)) for a in ring], 0.42)
        if self.trunk:
            half = 0.02 * high
            face = [(self.right - half, high * 0.6, self.ahead), (self.right + half, high * 0.6, self.ahead)]
            face += [(self.right + 1.6 * half, 0, self.ahead), (self.right - 1.6 * half, 0, self.ahead)]
            canvas.quad(face, (0.10, 0.15, 0.2), texture=textures.leaves(2))

    def draw(self, canvas: Canvas, moment: float, wind: float) -> None:
        """Draw the crown as it stands at a moment, in seconds."""
        chance = np.random.default_rng(100 + self.seed)
        bottom, top = self.height * self.trunk, self.height
        for _ in range(26 if self.trunk else 16):
            across, up = chance.normal(0, 0.24), chance.uniform(0.1, 0.9)
            size = self.width * chance.uniform(0.16, 0.3)
            shade, texture = chance.uniform(0.65, 1.25) * (0.75 + 0.45 * up), textures.leaves(int(chance.integers(6)))
            own = chance.uniform(0, 6.3)
            sway = wind * (0.2 + up) * 0.05 * self.height**0.5
            swing = sway * (np.sin(1.9 * moment + 0.4 * self.seed) + 0.5 * np.sin(4.3 * moment + own))
            place = self.right + self.width * across * (1.3 - up) + swing, bottom + up * (top - bottom)
            _clump(canvas, (*place, self.ahead + chance.uniform(-0.4, 0.4)), size, (shade, texture, self.colour))


_PATCHES: dict[tuple[int, int], tuple[Plane, Plane]] = {}


def _patch(texture: Plane, span: int) -> Plane:
    """Return a part of a texture in a size; the texture is kept with it, so that no other one gets its id."""
    key = id(texture), span
    if key not in _PATCHES:
        _PATCHES[key] = texture, cv2.resize(texture[:512, :512], (span, span), interpolation=cv2.INTER_AREA)
    return _PATCHES[key][1]


def _clump(canvas: Canvas, place: tuple[float, float, float], size: float, look: tuple[float, Plane, Colour]) -> None:
    """Draw a round bunch of leaves with a ragged edge."""
    shade, texture, colour = look
    column, row, depth = canvas.eye.project([place])[0]
    radius = max(1.5, canvas.eye.focal * canvas.eye.width * size / depth)
    shape = canvas.depth.shape
    left, top = max(0, int(column - radius)), max(0, int(row - radius))
    right, bottom = min(shape[1], int(column + radius) + 1), min(shape[0], int(row + radius) + 1)
    if right <= left or bottom <= top:
        return
    columns, rows = np.meshgrid(np.arange(left, right) - column, np.arange(top, bottom) - row)
    span = max(8, int(2 * radius))
    patch = _patch(texture, span * 2)
    into = np.clip(columns + radius, 0, span * 2 - 1).astype(int), np.clip(rows + radius, 0, span * 2 - 1).astype(int)
    grain = patch[into[1], into[0]]
    distance = np.hypot(columns, rows * 1.15) / radius
    area = slice(top, bottom), slice(left, right)
    front = (distance < 0.62 + 0.3 * grain) & (depth < canvas.depth[area])
    light = shade * grain * (1.05 - 0.35 * np.clip(rows / radius, -1, 1))
    canvas.colour[area][front] = light[front][:, None] * np.array(colour, np.float32) * 1.5
    canvas.depth[area][front] = depth
    canvas.leafy[area][front], canvas.flat[area][front], canvas.shade[area][front] = 1.0, 0.0, 1.0
    canvas.shine[area][front] = 0.0


@dataclass(frozen=True)
class Vehicle:
    """A plain vehicle at (right, ahead); it is `length` long from left to right if `across`, else ahead."""

    right: float
    ahead: float
    colour: Colour
    across: bool = False
    length: float = 4.3
    width: float = 1.8
    height: float = 1.45
    lights: bool = True

    def draw(self, canvas: Canvas) -> None:
        """Draw it with its shadow."""
        long, wide = (self.length, self.width) if self.across else (self.width, self.length)
        left, near, waist = self.right - long / 2, self.ahead - wide / 2, self.height * 0.58
        body = Block(left, left + long, near, near + wide, waist - 0.25, self.colour, raised=0.25)
        inset = (0.2 * long, 0.06 * wide) if self.across else (0.07 * long, 0.22 * wide)
        glass = (0.16, 0.15, 0.13)
        span = (left + inset[0], left + long - inset[0], near + inset[1], near + wide - inset[1])
        cabin = Block(*span, self.height - waist, glass, raised=waist)
        cover = Block(*span, 0.06, self.colour, raised=self.height)
        around = [(x, 0.0, z) for x in (left - 0.1, left + long + 0.5) for z in (near - 0.1, near + wide + 0.5)]
        canvas.shadow(around, 0.7)
        for block in (body, cabin, cover):
            block.draw(canvas)
        for share in (0.2, 0.8):
            self._wheel(canvas, (left + share * long, near) if self.across else (left + share * long, near + 0.02))
        if self.lights and not self.across:
            for share in (0.14, 0.86):
                x = left + share * long
                face = [(x - 0.18, 0.85, near), (x + 0.18, 0.85, near), (x + 0.18, 0.62, near), (x - 0.18, 0.62, near)]
                canvas.quad([(a, b, c - 0.03) for a, b, c in face], (0.7, 0.75, 0.75), lit=textures.even(2.0))

    def _wheel(self, canvas: Canvas, at: tuple[float, float]) -> None:
        column, row, depth = canvas.eye.project([(at[0], 0.32, at[1] - 0.02)])[0]
        radius = max(1, int(canvas.eye.focal * canvas.eye.width * 0.32 / depth))
        wide = radius if self.across else max(1, radius // 2)
        if 0 <= column < canvas.eye.width and 0 <= row < canvas.eye.pixels_high:
            place = int(column), int(row)
            if canvas.depth[place[1], place[0]] >= depth - 0.5:
                cv2.ellipse(canvas.colour, place, (wide, radius), 0, 0, 360, (0.05, 0.05, 0.05), -1)
                if self.across:
                    cv2.circle(canvas.colour, place, max(1, radius // 2), (0.35, 0.35, 0.35), -1)


def stripes(canvas: Canvas, lines: Sequence[tuple[float, float, float, float]], shade: float = 0.8) -> None:
    """Paint lines on the ground, each given by left, right, near and far."""
    worn = np.clip(0.75 + 0.3 * textures.noise(41, 2.0, 5), 0.2, 1.1)
    for where in lines:
        canvas.lay(worn, (shade, shade, shade), metres=6.0, where=where)
