"""Adds a look to a camera's past. Runs in worker processes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xueliang_monitor.picture.planes import (
    GREY_SHARE,
    detail_of_light,
    distance,
    grey_share,
    least_detail,
    pack_detail,
    pack_least_detail,
    pack_plane,
    small_thumb,
    structure_of,
    thumb_of,
)
from xueliang_monitor.picture.reference import KEPT, MAX_LIGHTS, Light, Reference

if TYPE_CHECKING:
    from xueliang_monitor.picture.comparison import Comparison
    from xueliang_monitor.picture.measures import Measures, Plane

RECENT = 8
"""The last values of each number are all kept."""

SPACED = 18
"""Before the recent values, one look in so many is kept: 24 values reach back a day at five minutes a look."""

SAME_GREY = 0.25
"""Two views may share a light if their grey shares differ by less: faint colours come and go. Chosen by hand."""

SAME_LIGHT_LEVELS = 10.0
"""Within this distance a look belongs to a known light and moves it a little towards itself. Chosen by hand."""

_PACE = 0.4
_LARGEST_STEP_LEVELS = 12.0
"""A light moves by this share of its difference to a look, and by so many levels at most: a running median.

Chosen by hand; `SETTLED_LOOKS` follows from it.
"""

_FALL, _RISE = 0.5, 0.03
"""Share of the way to a lower and to a higher value that a cell's least detail moves.

It settles at about the tenth percentile where traffic passes.
"""


def remember(
    reference: Reference | None, measures: Measures, compared: Comparison | None, *, healthy: bool
) -> Reference:
    """Return the reference after one more look. Only a healthy look teaches; `compared` is its comparison, if any."""
    known = reference or Reference()
    previous = measures.structure.tobytes()
    if not healthy:
        return replace(known, previous=previous)
    number = known.looks + 1
    found = {**measures.numbers, **(compared.numbers if compared is not None else {})}
    usual = {
        **known.usual,
        **{
            name: _kept((*known.usual.get(name, ()), round(value, 4)), number)
            for name, value in found.items()
            if math.isfinite(value)
        },
    }
    return Reference(
        lights=_with_look(known.lights, measures, number),
        usual=usual,
        looks=number,
        previous=previous,
        least=_least(known, compared.cell_detail_ratio if compared is not None else None),
    )


def _kept(values: tuple[float, ...], number: int) -> tuple[float, ...]:
    """Drop one value when there is one too many, so that the older values are of looks far apart."""
    if len(values) != KEPT + 1:
        return values[-KEPT:]
    drop = 0 if number % SPACED == 0 else KEPT - RECENT
    return (*values[:drop], *values[drop + 1 :])


def _least(known: Reference, kept: Plane | None) -> bytes:
    """Move each cell's least detail: halfway to a lower value at once, slowly to a higher one."""
    if kept is None:
        return known.least
    least = least_detail(known)
    step = np.where(kept < least, _FALL, _RISE) * (np.minimum(kept, 1.0) - least)
    return pack_least_detail(least + step)


def _with_look(lights: tuple[Light, ...], measures: Measures, number: int) -> tuple[Light, ...]:
    """Return the lights after a look: the nearest one moved, or a new one added."""
    thumb = small_thumb(measures)
    planes, share = [thumb_of(light) for light in lights], grey_share(thumb)
    # A grey look would take the colour out of a light that has some, and with it the measure of colour.
    shares = [grey_share(plane) for plane in planes]
    alike = [(share >= GREY_SHARE) is (each >= GREY_SHARE) or abs(share - each) < SAME_GREY for each in shares]
    far = [distance(thumb, plane) if same else math.inf for plane, same in zip(planes, alike, strict=True)]
    nearest = min(range(len(far)), key=far.__getitem__, default=None)
    if nearest is not None and far[nearest] < SAME_LIGHT_LEVELS and len(lights) > 1:
        return tuple(
            _moved_towards(light, measures, number) if place == nearest else light for place, light in enumerate(lights)
        )
    fresh = _new_light(measures, number)
    if len(lights) < MAX_LIGHTS:
        return (*lights, fresh)
    # The light that went longest without a look is replaced: seasons pass. A long night does not replace the day.
    crowded = sum(alike) >= MAX_LIGHTS // 2
    oldest = min(
        (place for place in range(len(lights)) if alike[place] is crowded), key=lambda place: lights[place].number
    )
    return tuple(fresh if place == oldest else light for place, light in enumerate(lights))


def _new_light(measures: Measures, number: int) -> Light:
    return Light(
        thumb=pack_plane(small_thumb(measures)),
        structure=pack_plane(measures.structure.astype(np.float32)),
        fine=pack_detail(measures.cell_detail),
        looks=1,
        number=number,
    )


def _moved_towards(light: Light, measures: Measures, number: int) -> Light:
    """Move the running median towards a new look, by a bounded step."""

    def step(old: Plane, new: Plane) -> Plane:
        change = np.clip((new - old) * _PACE, -_LARGEST_STEP_LEVELS, _LARGEST_STEP_LEVELS)
        return np.asarray(old + change, dtype=np.float32)

    return Light(
        thumb=pack_plane(step(thumb_of(light), small_thumb(measures))),
        structure=pack_plane(step(structure_of(light), measures.structure.astype(np.float32))),
        fine=pack_detail(step(detail_of_light(light), measures.cell_detail)),
        looks=light.looks + 1,
        number=number,
    )
