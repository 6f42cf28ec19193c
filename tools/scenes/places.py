"""The five places: a street, a yard, a hall, a gate and a car park, each with what stands and what moves there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.scenes import textures
from tools.scenes.canvas import Canvas, Colour, Eye
from tools.scenes.objects import Block, Tree, Vehicle, fence, lamp, pole, stripes

Plane = Any
ASPHALT: Colour = (0.20, 0.20, 0.20)
CONCRETE: Colour = (0.42, 0.44, 0.45)
GRASS: Colour = (0.10, 0.27, 0.17)
RED: Colour = (0.2, 0.2, 0.7)
WHITE: Colour = (0.75, 0.75, 0.75)
EVERYWHERE = (-200.0, 200.0, 0.0, 390.0)
Movers = Callable[[float], list[Vehicle | Block]]


@dataclass(frozen=True)
class Place:
    """A scene without light: what stands still, the trees that sway, and what moves at a moment in seconds."""

    still: Canvas
    trees: tuple[Tree, ...]
    movers: Movers


def _ground(canvas: Canvas, texture: Plane, colour: Colour, metres: float = 6.0) -> None:
    canvas.lay(texture, colour, metres=metres, where=EVERYWHERE)


def _built(canvas: Canvas, blocks: list[Block], trees: tuple[Tree, ...]) -> None:
    """Draw shadows first, then what casts them."""
    for block in blocks:
        block.shadow(canvas)
    for tree in trees:
        tree.plant(canvas)
    for block in sorted(blocks, key=lambda each: -each.near):
        block.draw(canvas)


def _shade(chance: np.random.Generator, low: float, high: float) -> Colour:
    """Return a colour that is nearly grey."""
    blue, green, red = np.clip(chance.uniform(low, high) + chance.normal(0, 0.045, 3), 0.05, 0.7)
    return float(blue), float(green), float(red)


def street() -> Place:
    """A road between houses, seen along its length; vehicles pass in both directions."""
    canvas = Canvas(Eye(6.5, 16.0))
    _ground(canvas, textures.tiles(11, 64), (0.38, 0.41, 0.43), 5.0)
    canvas.lay(textures.asphalt(12), ASPHALT, metres=9.0, where=(-4.2, 4.2, 0, 390))
    dashes = [(-0.08, 0.08, float(near), near + 3.0) for near in range(4, 160, 6)]
    crossing = [(x, x + 0.5, 13.0, 16.0) for x in np.arange(-3.9, 4.0, 1.0)]
    stripes(canvas, [*dashes, *crossing, (-4.1, -3.95, 3, 200), (3.95, 4.1, 3, 200)])
    chance, blocks, ahead = np.random.default_rng(4), [], 9.0
    for number in range(9):
        deep, high = float(chance.uniform(9, 15)), float(chance.uniform(5, 13))
        shades = [_shade(chance, 0.3, 0.6) for _ in range(2)]
        walls = textures.facade(20 + number, 5, 4)
        blocks.append(Block(-22, -8.2, ahead, ahead + deep, high, shades[0], (textures.plaster(2), None), walls))
        walls = textures.facade(40 + number, 6, 5)
        blocks.append(
            Block(8.6, 22, ahead + 3, ahead + 3 + deep, high * 0.8, shades[1], (textures.bricks(3), None), walls)
        )
        ahead += deep + float(chance.uniform(0.0, 3.5))
    blocks.append(Block(-6.6, -5.6, 12.0, 13.2, 1.2, (0.20, 0.42, 0.18)))
    blocks.append(Block(5.2, 6.4, 9.5, 10.2, 2.3, (0.55, 0.32, 0.2), textures.facade(61, 2, 2)))
    trees = (
        Tree(-6.4, 17, 6.0, 3.6, 1),
        Tree(6.3, 23, 6.6, 4.0, 2),
        Tree(-6.4, 31, 6.2, 3.8, 3),
        Tree(6.3, 41, 7, 4, 4),
    )
    _built(canvas, blocks, trees)
    for at in ((-5.0, 11.0), (-5.0, 26.0), (-5.0, 44.0)):
        lamp(canvas, at)

    def movers(moment: float) -> list[Vehicle | Block]:
        lorry = Vehicle(1.9, 12 + (moment * 6.0) % 70, (0.62, 0.6, 0.56), length=6.5, width=2.2, height=2.7)
        return [
            Vehicle(-2.0, 62 - (moment * 8.5 + 20) % 57, (0.15, 0.12, 0.5)),
            Vehicle(-2.1, 75 - (moment * 7.5 + 60) % 70, (0.6, 0.6, 0.6)),
            lorry,
            Vehicle(-7.0, 20.5, (0.25, 0.2, 0.14)),
        ]

    return Place(canvas, trees, movers)


def yard() -> Place:
    """A courtyard of slabs before a brick house with a shed, bins, a tree; a small carrier crosses it."""
    canvas = Canvas(Eye(4.2, 19.0, 0.7))
    _ground(canvas, textures.tiles(21, 128), (0.40, 0.42, 0.42), 4.0)
    canvas.lay(textures.leaves(1), GRASS, metres=5.0, where=(-14, -4.2, 4, 17))
    wall = textures.facade(71, 6, 2)
    blocks = [
        Block(-16, 9, 18, 26, 5.2, (0.26, 0.32, 0.52), (textures.bricks(5) * wall[0], wall[1])),
        Block(6.2, 11, 9.5, 15, 2.8, (0.35, 0.46, 0.52), textures.facade(72, 2, 1), (textures.plaster(6), None)),
        Block(9.4, 30, 17, 30, 8, (0.5, 0.5, 0.48), textures.facade(73), textures.facade(74)),
        Block(3.2, 3.9, 15.6, 16.4, 1.1, (0.14, 0.32, 0.12)),
        Block(4.2, 4.9, 15.6, 16.4, 1.1, (0.5, 0.25, 0.12)),
        Block(-3.4, -1.5, 11.5, 12.0, 0.45, (0.16, 0.27, 0.4), (textures.plaster(7), None)),
        Block(-4.5, -4.2, 4, 17, 0.35, CONCRETE),
    ]
    trees = (Tree(-6.6, 11.5, 5.6, 4.2, 7), Tree(-9, 16, 4.2, 3.6, 8), Tree(-5.4, 7.2, 1.3, 1.6, 9, 0.0))
    _built(canvas, blocks, trees)
    lamp(canvas, (1.5, 17.0), 4.2, 0.6)
    for right in (-1.0, 2.6):
        pole(canvas, (right, 13.0), 2.3, (0.3, 0.3, 0.32), thick=0.1)

    def movers(moment: float) -> list[Vehicle | Block]:
        line = []
        for number, colour in enumerate(((0.65, 0.62, 0.6), (0.2, 0.25, 0.6), (0.6, 0.45, 0.2), (0.7, 0.7, 0.68))):
            swing = 0.16 * float(np.sin(2.2 * moment + number))
            left = -0.8 + 0.85 * number
            line.append(Block(left, left + 0.62, 13.0 + swing, 13.05 + swing, 1.0, colour, raised=1.15))
        carrier = Vehicle(
            -3 + (moment * 1.3) % 9, 8.2, (0.12, 0.42, 0.6), across=True, length=1.6, width=0.9, height=1.0
        )
        return [*line, carrier]

    return Place(canvas, trees, movers)


def hall() -> Place:
    """A covered hall with pillars, benches and a glass front to the outside; a cleaning machine drives around."""
    canvas = Canvas(Eye(4.6, 15.0, 0.62))
    _ground(canvas, textures.tiles(31, 128), (0.52, 0.55, 0.58), 4.0)
    canvas.lay(textures.plaster(9), (0.3, 0.34, 0.46), metres=4.0, where=(-1.4, 1.4, 5, 24))
    front, pillar = textures.facade(81, 6, 3), ((textures.plaster(12), None), (textures.plaster(13), None))
    panels = [Block(x, x + 2.2, 34, 34.2, 4.6, (0.55, 0.5, 0.42), textures.facade(82, 4, 3)) for x in (-9.0, 6.4)]
    blocks = [
        *panels,
        Block(-12.5, -10, 6, 36, 6.2, (0.46, 0.5, 0.53), (textures.plaster(4), None), textures.facade(83, 8, 3)),
        Block(10, 12.5, 6, 36, 6.2, (0.46, 0.5, 0.53), (textures.plaster(4), None), front),
        *(Block(x, x + 0.7, z, z + 0.7, 6.2, (0.55, 0.57, 0.58), *pillar)
          for x in (-6.4, 5.7) for z in (10.0, 17.0, 24.0, 31.0)),
        *(Block(x, x + 2.0, z, z + 0.6, 0.5, (0.2, 0.3, 0.45)) for x in (-4.8, 2.9) for z in (12.5, 19.5)),
        Block(-3.2, 3.2, 33, 34, 2.6, (0.5, 0.36, 0.22), textures.facade(84, 5, 2)),
        Block(7.4, 9.4, 9.0, 11.0, 1.9, (0.28, 0.3, 0.55), textures.facade(85, 3, 3), textures.facade(86, 3, 3)),
    ]  # fmt: skip
    trees = (Tree(-8.4, 9.0, 2.2, 1.7, 11, 0.25), Tree(4.3, 27.0, 2.4, 1.8, 12, 0.25))
    _built(canvas, blocks, trees)
    for ahead in (10.0, 16.0, 22.0, 28.0):
        for left in (-4.5, 2.5):
            corners = [(left, 6.0, ahead), (left + 2, 6.0, ahead)]
            corners += [(left + 2, 6.0, ahead + 0.8), (left, 6.0, ahead + 0.8)]
            canvas.quad(corners, (0.75, 0.75, 0.75), lit=textures.even(1.3))

    def movers(moment: float) -> list[Vehicle | Block]:
        turn = 0.55 * moment
        machine = Vehicle(
            2.4 * float(np.cos(turn)), 15 + 5 * float(np.sin(turn)), (0.2, 0.5, 0.65), length=1.6, width=1.0, height=1.2
        )
        sign = Block(-0.9, 0.9, 30, 30.1, 0.9, (0.25 + 0.2 * float(np.sin(moment * 2)), 0.4, 0.3), raised=3.4)
        return [machine, sign]

    return Place(canvas, trees, movers)


def gate() -> Place:
    """The entrance of an estate with a barrier that opens, a guard house and a fence; vehicles come and go."""
    canvas = Canvas(Eye(5.0, 15.0, 0.72))
    _ground(canvas, textures.leaves(3), GRASS, 5.0)
    canvas.lay(textures.asphalt(14), (0.24, 0.24, 0.25), metres=8.0, where=(-5, 5.5, 0, 60))
    canvas.lay(textures.asphalt(15), ASPHALT, metres=8.0, where=(-200, 200, 34, 42))
    canvas.lay(textures.tiles(16, 64), CONCRETE, metres=4.0, where=(-8, -5, 0, 34))
    stripes(canvas, [(-5, 5.5, 12.2, 12.6), (0.1, 0.25, 3, 12), (0.1, 0.25, 17, 34), (-90, 90, 37.9, 38.1)])
    house, wall = textures.facade(91, 2, 1), (textures.bricks(9), None)
    blocks = [
        Block(5.9, 9.2, 12.4, 16, 2.9, (0.5, 0.54, 0.55), house, textures.facade(92, 2, 1)),
        Block(5.6, 9.5, 12.1, 16.3, 0.25, (0.25, 0.22, 0.4), raised=2.9),
        Block(-6.2, -5.3, 14, 14.9, 3.2, (0.3, 0.36, 0.5), wall, wall),
        Block(-30, -12, 46, 60, 9, (0.45, 0.5, 0.52), textures.facade(93), textures.facade(94)),
        Block(-8, 6, 48, 60, 12, (0.5, 0.42, 0.4), textures.facade(95), textures.facade(96)),
        Block(12, 40, 46, 60, 7, (0.4, 0.46, 0.55), textures.facade(97), textures.facade(98)),
        Block(5.0, 5.3, 12.6, 13.0, 1.1, (0.2, 0.3, 0.65)),
    ]
    trees = (
        Tree(-9, 16, 4.6, 4.0, 21), Tree(11.5, 19, 5.5, 4.6, 22), Tree(-14, 26, 6, 5, 23),
        Tree(-6.6, 8.5, 1.1, 1.5, 24, 0.0), Tree(7.3, 9.6, 1.0, 1.6, 25, 0.0),
    )  # fmt: skip
    _built(canvas, blocks, trees)
    fence(canvas, (-24, -6.2), 14.5, 1.9, colour=(0.2, 0.2, 0.2))
    fence(canvas, (9.2, 26), 14.5, 1.9, colour=(0.2, 0.2, 0.2))
    lamp(canvas, (-6.8, 18.0), 5.2)

    def movers(moment: float) -> list[Vehicle | Block]:
        bar = [
            Block(4.9 - step, 5.45 - step, 12.7, 12.78, 0.16, RED if step % 1 else WHITE, raised=0.95)
            for step in np.arange(0.0, 4.6, 0.5)
        ]  # fmt: skip
        passing = -40 + (moment * 9) % 80
        return [
            *bar,
            Vehicle(passing, 36.2, (0.55, 0.2, 0.15), across=True),
            Vehicle(60 - (moment * 8 + 33) % 110, 40.2, (0.7, 0.7, 0.7), across=True, length=7.5, height=2.8),
            Vehicle(2.7, 9.0 + 0.1 * float(np.sin(moment)), (0.12, 0.12, 0.12)),
        ]

    return Place(canvas, trees, movers)


def car_park() -> Place:
    """A car park seen from a roof, with rows of parked vehicles; one looks for a place."""
    canvas = Canvas(Eye(9.0, 27.0, 0.8))
    _ground(canvas, textures.asphalt(17), (0.26, 0.26, 0.26), 10.0)
    canvas.lay(textures.leaves(4), GRASS, metres=5.0, where=(-200, 200, 36, 60))
    canvas.lay(textures.tiles(18, 64), CONCRETE, metres=4.0, where=(-200, 200, 33.5, 36))
    lines = [(x, x + 0.12, near, near + 5.0) for x in np.arange(-20.0, 20.1, 2.6) for near in (9.0, 18.0, 28.0)]
    stripes(canvas, lines, 0.7)
    chance = np.random.default_rng(8)
    parked = []
    for near in (11.4, 20.4, 30.4):
        for right in np.arange(-18.6, 20.0, 2.6):
            if chance.random() < 0.68:
                colour = _shade(chance, 0.1, 0.62)
                parked.append(Vehicle(float(right), near + float(chance.normal(0, 0.2)), colour, lights=False))
    blocks = [
        Block(-34, -4, 44, 60, 10, (0.46, 0.5, 0.54), textures.facade(101), textures.facade(102)),
        Block(2, 40, 46, 60, 8, (0.36, 0.4, 0.56), textures.facade(103), textures.facade(104)),
        Block(14.2, 16, 24.5, 25.5, 2.4, (0.3, 0.5, 0.5), textures.facade(105, 2, 2), (textures.plaster(5), None)),
    ]
    trees = tuple(Tree(x, 37.5 + (number % 2), 5.5, 5.0, 31 + number) for number, x in enumerate(range(-24, 25, 8)))
    _built(canvas, blocks, trees)
    for vehicle in sorted(parked, key=lambda each: -each.ahead):
        vehicle.draw(canvas)
    for at in ((-8.0, 16.2), (9.0, 16.2), (0.5, 26.5)):
        lamp(canvas, at, 6.0)

    def movers(moment: float) -> list[Vehicle | Block]:
        return [
            Vehicle(-22 + (moment * 4.2) % 44, 15.6, (0.5, 0.15, 0.12), across=True),
            Vehicle(24 - (moment * 3.6 + 20) % 48, 25.2, (0.62, 0.64, 0.64), across=True, length=5.2, height=2.2),
        ]

    return Place(canvas, trees, movers)


PLACES: dict[str, Callable[[], Place]] = {
    "street": street,
    "yard": yard,
    "hall": hall,
    "gate": gate,
    "car-park": car_park,
}
"""Every place by the name of its clips."""
