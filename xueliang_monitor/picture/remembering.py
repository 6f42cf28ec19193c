"""Adds a look to a camera's past. Runs in worker processes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xueliang_monitor.picture.comparison import ChangeValues
from xueliang_monitor.picture.hours import hours_with, hours_with_anchor, seen_with
from xueliang_monitor.picture.measures import NOISE
from xueliang_monitor.picture.planes import (
    GREY_SHARE,
    PLANE_STEP,
    change_between,
    detail_of_light,
    distance,
    grey_share,
    least_detail,
    pack_detail,
    pack_least_detail,
    pack_plane,
    previous_structure,
    small_thumb,
    structure_of,
    thumb_of,
)
from xueliang_monitor.picture.reference import KEPT, LIGHTS_BYTES, MAX_LIGHTS, Light, Reference
from xueliang_monitor.picture.stored_names import by_stored_name

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

UNLIKE_EDGES = 0.3
"""Edge correlation below which a view in a new light may be another scene (`checks.moved`)."""

AGED_LOOKS = 17_280
"""Looks after which a light that none of them was like makes room first: two months at five minutes a look."""

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
    reference: Reference | None,
    measures: Measures,
    compared: Comparison | None,
    *,
    healthy: bool,
    hour: float | None = None,
    doubtful: bool = False,
) -> Reference:
    """Return the reference after one more look, at a local hour. Only a healthy look teaches.

    `compared` is its comparison, if any. A look is `doubtful` if it is not healthy only because it cannot be told, or
    because it shows another view: then the light in doubt is kept to be recognised, and dropped when the view is back.
    """
    known = reference or Reference()
    previous = measures.structure.tobytes()
    first = compared is not None and _first_light(known, compared, hour)
    if not healthy:
        kept = _doubtful(known, measures, hour) if doubtful and (first or _unlike(compared)) else None
        return replace(known, previous=previous, previous_healthy=False, doubtful=kept)
    number = known.looks + 1
    lights, doubt = known.lights, known.doubtful
    if first:
        compared = None
    elif known.moved_looks:
        doubt = None
    elif doubt is not None and len(lights) < MAX_LIGHTS:
        lights, doubt = (*lights, replace(doubt, looks=min(doubt.looks, number), number=number)), None
    found = {
        **measures.numbers,
        **(compared.numbers if compared is not None else {}),
        **_change(known, measures),
    }
    usual = {
        **known.usual,
        **{
            name: _kept((*known.usual.get(name, ()), _rounded(value)), number)
            for name, value in found.items()
            if math.isfinite(value)
        },
    }
    return Reference(
        lights=_with_look(lights, measures, number, hour),
        usual=usual,
        looks=number,
        previous=previous,
        least=_least(known, compared.cell_detail_ratio if compared is not None else None),
        hours=known.hours if hour is None else _hours(known, found, hour),
        previous_healthy=True,
        doubtful=doubt,
    )


def _change(known: Reference, measures: Measures) -> Mapping[str, float]:
    """Return what changed since the look before, by stored name; empty if that was not healthy."""
    previous = previous_structure(known) if known.previous_healthy else None
    return {} if previous is None else by_stored_name(ChangeValues(change_between(measures.structure, previous)))


def _first_light(known: Reference, compared: Comparison, hour: float | None) -> bool:
    """Whether an hour of day is seen for the first time, in a new light: how that differs from others is not usual."""
    new = compared.light_distance_levels > SAME_LIGHT_LEVELS
    return new and hour is not None and bool(known.hours) and not known.known_around(hour)


def _unlike(compared: Comparison | None) -> bool:
    """Whether a look in a new light fits no known one, at whatever hour."""
    if compared is None or compared.light_distance_levels <= SAME_LIGHT_LEVELS:
        return False
    return compared.edge_correlation < UNLIKE_EDGES


def _doubtful(known: Reference, measures: Measures, hour: float | None) -> Light | None:
    """Return the light in doubt after a doubtful look; None where the view was not clear before, or without room."""
    if known.doubtful is not None:
        alike = distance(small_thumb(measures), thumb_of(known.doubtful)) <= SAME_LIGHT_LEVELS
        return _moved_towards(known.doubtful, measures, known.looks, hour) if alike else known.doubtful
    fresh = _new_light(measures, known.looks, hour)
    room = sum(light.size for light in (*known.lights, fresh)) <= LIGHTS_BYTES
    return fresh if known.previous_healthy and room else None


def _hours(known: Reference, found: Mapping[str, float], hour: float) -> Mapping[str, bytes]:
    after = hours_with(known.hours, found, hour)
    noise = found.get(NOISE, math.nan)
    return hours_with_anchor(after, NOISE, noise, hour) if math.isfinite(noise) else after


def _rounded(value: float) -> float:
    """Return a value in the digits that are stored: three that matter, and no more than four after the point."""
    return round(float(f"{value:.3g}"), 4)


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


def _with_look(lights: tuple[Light, ...], measures: Measures, number: int, hour: float | None) -> tuple[Light, ...]:
    """Return the lights after a look: the nearest one moved, or a new one added.

    When there are too many, of the two most alike one makes room: however long a night or a day lasts, the past keeps
    the lights that differ most. A light that no look was like for long is dropped before.
    """
    thumb = small_thumb(measures)
    thumbs = [thumb_of(light) for light in lights]
    far = [_apart(thumb, each) for each in thumbs]
    nearest = min(range(len(far)), key=far.__getitem__, default=None)
    if nearest is not None and far[nearest] < SAME_LIGHT_LEVELS and len(lights) > 1:
        return _with_moved(lights, nearest, measures, number, hour=hour)
    fresh = _new_light(measures, number, hour)
    if len(lights) < MAX_LIGHTS and sum(light.size for light in lights) + fresh.size <= LIGHTS_BYTES:
        return (*lights, fresh)
    oldest = min(range(len(lights)), key=lambda place: lights[place].number)
    if lights[oldest].number < number - AGED_LOOKS:
        return _within_bytes((*lights[:oldest], *lights[oldest + 1 :], fresh))
    gap, spare = _spare(lights, thumbs)
    if nearest is not None and far[nearest] <= gap:
        return _with_moved(lights, nearest, measures, number, hour=hour)
    return _within_bytes((*lights[:spare], *lights[spare + 1 :], fresh))


def _spare(lights: Sequence[Light], thumbs: Sequence[Plane]) -> tuple[float, int]:
    """Return how far the two most alike lights are apart, and the place of the one that was learned from fewer looks.

    The other is the better median. Without two that are comparable, it is the one that went longest without a look.
    """
    pairs = [(_apart(thumbs[one], thumbs[other]), one, other) for one in range(len(lights)) for other in range(one)]
    gap, *pair = min(pairs, default=(math.inf, 0, 0))
    if math.isinf(gap):
        return gap, min(range(len(lights)), key=lambda place: lights[place].number)
    return gap, min(pair, key=lambda place: (lights[place].looks, lights[place].number))


def _within_bytes(lights: tuple[Light, ...]) -> tuple[Light, ...]:
    """Return the lights without those that are too much together, one of the two most alike first."""
    while len(lights) > 1 and sum(light.size for light in lights) > LIGHTS_BYTES:
        _, spare = _spare(lights, [thumb_of(light) for light in lights])
        lights = (*lights[:spare], *lights[spare + 1 :])
    return lights


def _apart(one: Plane, other: Plane) -> float:
    """Return how much the light of two thumbnails differs, in levels.

    Infinite if one is grey and the other is not: a grey look would take the colour out of a light that has some, and
    with it the measure of colour.
    """
    shares = grey_share(one), grey_share(other)
    alike = (shares[0] >= GREY_SHARE) is (shares[1] >= GREY_SHARE) or abs(shares[0] - shares[1]) < SAME_GREY
    return distance(one, other) if alike else math.inf


def _with_moved(
    lights: tuple[Light, ...], nearest: int, measures: Measures, number: int, *, hour: float | None
) -> tuple[Light, ...]:
    moved = _moved_towards(lights[nearest], measures, number, hour)
    return _within_bytes((*lights[:nearest], moved, *lights[nearest + 1 :]))


def _new_light(measures: Measures, number: int, hour: float | None) -> Light:
    return Light(
        thumb=pack_plane(small_thumb(measures)),
        structure=pack_plane(measures.structure.astype(np.float32)),
        fine=pack_detail(measures.cell_detail),
        looks=1,
        number=number,
        seen=b"" if hour is None else seen_with(b"", hour),
    )


def _moved_towards(light: Light, measures: Measures, number: int, hour: float | None) -> Light:
    """Move the running median towards a new look, by a bounded step."""

    def step(old: Plane, new: Plane) -> Plane:
        change = np.clip((new - old) * _PACE, -_LARGEST_STEP_LEVELS, _LARGEST_STEP_LEVELS)
        return np.asarray(old + change, dtype=np.float32)

    def packed(stored: bytes, old: Plane, new: Plane) -> bytes:
        moved = step(old, new)
        return stored if cv2.norm(moved, old, cv2.NORM_INF) < PLANE_STEP / 2 else pack_plane(moved)

    return Light(
        thumb=packed(light.thumb, thumb_of(light), small_thumb(measures)),
        structure=packed(light.structure, structure_of(light), measures.structure.astype(np.float32)),
        fine=pack_detail(step(detail_of_light(light), measures.cell_detail)),
        looks=light.looks + 1,
        number=number,
        seen=light.seen if hour is None else seen_with(light.seen, hour),
    )
