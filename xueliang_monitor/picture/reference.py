"""A camera's own past: what its picture is like when nothing is wrong, by the lights it was seen in. At most 64 KB."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from xueliang_monitor.picture.measures import CELLS, STRUCTURE_SIZE, Measures

if TYPE_CHECKING:
    from xueliang_monitor.picture.comparison import Comparison
    from xueliang_monitor.picture.measures import Gray, Plane

MAX_LIGHTS = 6
"""Kinds of light that are told apart; a camera's day, dusk and night take three to six."""

ENOUGH = 5
"""Healthy looks after which a camera is judged against its past."""

KEPT, RECENT, SPACED = 24, 8, 18
"""Values kept of each measure: in all, the last ones, and before them one in so many looks, which reach back a day."""

GREY_SHARE, SAME_GREY = 0.76, 0.25
"""With so much of the view in one step of grey it has no colour, but for burned-in text and a tint of a level or two:
infrared light. Where two views differ by less in that, one may be the other's, as faint colours come and go."""

SAME_LIGHT_LEVELS = 10.0
"""Within this mean difference a look is of a light that is known, and moves it a little towards itself."""

LIGHT_SIZE = (48, 27)
_STEP = 12.0
_FALL, _RISE = 0.5, 0.03
SETTLED_LOOKS = 24
"""Looks after which nothing of the first one is left: 19 steps of 12 levels from white to near black, then halvings."""

_GRAIN = 6
"""Levels to which planes are rounded; kept without loss else, as a lossy format takes back steps so small."""


@dataclass(frozen=True, slots=True)
class Light:
    """The camera's view in one kind of light, as medians over the looks in it, so that passers-by vanish.

    Planes are kept as bytes, so that a process which only hands a reference on needs no array library.

    Attributes:
        thumb: BGR, 48x27, in steps of six levels, as PNG.
        structure: luma, 160x90, likewise.
        fine: detail by cell, 18x32, in sixteenths of a level.
        looks: how many looks it was learned from.
        number: when it was last learned from, counted in looks.

    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

    thumb: bytes
    structure: bytes
    fine: bytes
    looks: int = 1
    number: int = 0

    def __post_init__(self) -> None:
        """Refuse what is not whole.

        Raises:
            ValueError: a plane has another shape, or no look taught it.

        """
        planes = _shape(self.thumb), _shape(self.structure), len(self.fine)
        if planes != ((*LIGHT_SIZE, _COLOUR), (*STRUCTURE_SIZE, _GREY), CELLS[0] * CELLS[1]):
            raise ValueError(f"a light's planes are not what they should be: {planes}")
        if self.looks < 1:
            raise ValueError("a light is of one look at least")

    def thumb_plane(self) -> Plane:
        """Return the thumbnail, shape (27, 48, 3)."""
        return _decoded(self.thumb, colour=True)

    def structure_plane(self) -> Plane:
        """Return luma, shape (90, 160)."""
        return _decoded(self.structure, colour=False)

    def fine_plane(self) -> Plane:
        """Return detail by cell in levels, shape (18, 32)."""
        import numpy as np

        return np.asarray(
            np.frombuffer(self.fine, np.uint8).reshape(CELLS[1], CELLS[0]), dtype=np.float32
        ) / np.float32(16)


@dataclass(frozen=True, slots=True)
class Reference:
    """What healthy looks taught, and the last picture seen. Whole: whatever has learned has lights to compare with.

    Attributes:
        lights: the view in each kind of light.
        usual: values of each measure and comparison on healthy looks of about the last day, by name.
        looks: how many looks taught.
        previous: luma of the last picture, 90x160 uint8, whatever its verdict.
        least: how little of its usual detail each cell keeps on healthy looks, 18x32 uint8 in 1/128; empty at first.

    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

    lights: tuple[Light, ...] = ()
    usual: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    looks: int = 0
    previous: bytes = b""
    least: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what is not whole.

        Raises:
            ValueError: looks without lights or the reverse, limits without looks, or values that cannot be.

        """
        if len(self.lights) > MAX_LIGHTS or self.looks < max((light.looks for light in self.lights), default=0):
            raise ValueError(f"{self.looks} looks did not teach {len(self.lights)} lights")
        if bool(self.looks) != bool(self.lights) or (not self.looks and (self.usual or self.least)):
            raise ValueError(f"half learned: {self.looks} looks, {len(self.lights)} lights, {len(self.usual)} measures")
        if not all(0 < len(values) <= KEPT and all(map(math.isfinite, values)) for values in self.usual.values()):
            raise ValueError("what is usual is some finite numbers of each measure")
        sizes = len(self.previous), len(self.least)
        if sizes[0] not in (0, STRUCTURE_SIZE[0] * STRUCTURE_SIZE[1]) or sizes[1] not in (0, CELLS[0] * CELLS[1]):
            raise ValueError(f"planes of {sizes} bytes")

    @property
    def learned(self) -> bool:
        """Whether enough healthy pictures were seen to judge against, so that there is something to compare with."""
        return self.looks >= ENOUGH

    def settled(self) -> Reference | None:
        """Return what may be kept on a disk: views that are medians of many looks, never a single picture.

        None where there is no such view yet: limits without one would be half a past, and it is soon learned anew.
        """
        lights = tuple(light for light in self.lights if light.looks >= SETTLED_LOOKS)
        return replace(self, lights=lights, previous=b"") if lights else None

    def previous_structure(self) -> Gray | None:
        """Return the luma of the last picture, shape (90, 160), None at first."""
        import numpy as np

        if not self.previous:
            return None
        return np.frombuffer(self.previous, np.uint8).reshape(STRUCTURE_SIZE[1], STRUCTURE_SIZE[0])

    def least_detail(self) -> Plane:
        """Return the share of its usual detail that each cell keeps at least on healthy looks, shape (18, 32)."""
        import numpy as np

        if not self.least:
            return np.ones((CELLS[1], CELLS[0]), np.float32)
        return np.asarray(np.frombuffer(self.least, np.uint8).reshape(CELLS[1], CELLS[0]) / 128, dtype=np.float32)


_COLOUR, _GREY = 2, 0
_HEADER = struct.Struct(">8x8xIIxB")
"""Of a PNG: signature, length and type of its first chunk, width, height, bit depth, kind of colour."""


def _shape(png: bytes) -> tuple[int, int, int] | None:
    """Return width, height and kind of colour of a PNG whose chunks are whole; None of anything else."""
    if not png.startswith(b"\x89PNG\r\n\x1a\n") or len(png) < _HEADER.size:
        return None
    place = 8
    while place + 12 <= len(png):
        end = place + 8 + int.from_bytes(png[place : place + 4], "big")
        if zlib.crc32(png[place + 4 : end]).to_bytes(4, "big") != png[end : end + 4]:
            return None
        place = end + 4
    width, height, colour = _HEADER.unpack_from(png)
    return (width, height, colour) if place == len(png) and png[-8:-4] == b"IEND" else None


def _decoded(data: bytes, *, colour: bool) -> Plane:
    import cv2
    import numpy as np

    flag = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), flag), dtype=np.float32) * _GRAIN


def _encoded(plane: Plane) -> bytes:
    import cv2
    import numpy as np

    picture = np.clip(np.rint(plane / _GRAIN), 0, 255 // _GRAIN).astype(np.uint8)
    # Of so few levels run lengths make files a little smaller than the highest compression, in an eighth of the time.
    how = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    return bytes(cv2.imencode(".png", picture, how)[1])


def _light(measures: Measures, number: int) -> Light:
    import numpy as np

    fine = np.clip(np.rint(measures.fine * 16), 0, 255).astype(np.uint8)
    return Light(
        _encoded(small_thumb(measures)), _encoded(measures.structure.astype(np.float32)), fine.tobytes(), 1, number
    )


def small_thumb(measures: Measures) -> Plane:
    """Return the thumbnail as lights keep it, shape (27, 48, 3)."""
    import cv2
    import numpy as np

    return np.asarray(cv2.resize(measures.thumb, LIGHT_SIZE, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _grey_share(thumb: Plane) -> float:
    """Return the share of a thumbnail in which all colours are in the same step, as lights are kept."""
    import numpy as np

    steps = np.rint(thumb / _GRAIN)
    return float((steps.max(axis=2) == steps.min(axis=2)).mean())


def grey(thumb: Plane) -> bool:
    """Whether a thumbnail has no colour, as infrared light gives none."""
    return _grey_share(thumb) >= GREY_SHARE


def distance(thumb: Plane, light: Plane) -> float:
    """Return how different the light of two thumbnails is, in levels: by pixel, most of exposure made even."""
    import numpy as np

    bright, usual = float(thumb.mean()) + 4, float(light.mean()) + 4
    gain = min(1.45, max(0.7, usual / bright))
    return float(np.abs(thumb * gain - light).mean()) + 0.3 * abs(bright - usual)


def _moved_towards(light: Light, measures: Measures, number: int) -> Light:
    """Step from the running median towards a new look, by a bounded step."""
    import numpy as np

    def step(old: Plane, new: Plane) -> Plane:
        return np.asarray(old + np.clip((new - old) * 0.4, -_STEP, _STEP), dtype=np.float32)

    fine = step(light.fine_plane(), measures.fine)
    return Light(
        _encoded(step(light.thumb_plane(), small_thumb(measures))),
        _encoded(step(light.structure_plane(), measures.structure.astype(np.float32))),
        np.clip(np.rint(fine * 16), 0, 255).astype(np.uint8).tobytes(),
        light.looks + 1,
        number,
    )


def _with_look(lights: tuple[Light, ...], measures: Measures, number: int) -> tuple[Light, ...]:
    thumb = small_thumb(measures)
    planes, share = [light.thumb_plane() for light in lights], _grey_share(thumb)
    # A grey look would take the colour out of a light that has some, and with it what colour is measured by.
    shares = [_grey_share(plane) for plane in planes]
    alike = [(share >= GREY_SHARE) is (each >= GREY_SHARE) or abs(share - each) < SAME_GREY for each in shares]
    far = [distance(thumb, plane) if same else math.inf for plane, same in zip(planes, alike, strict=True)]
    nearest = min(range(len(far)), key=far.__getitem__, default=None)
    if nearest is not None and far[nearest] < SAME_LIGHT_LEVELS and len(lights) > 1:
        return tuple(
            _moved_towards(light, measures, number) if place == nearest else light for place, light in enumerate(lights)
        )
    fresh = _light(measures, number)
    if len(lights) < MAX_LIGHTS:
        return (*lights, fresh)
    # The light that went longest without a look makes room: seasons pass. A long night does not drive out the day.
    crowded = sum(alike) >= MAX_LIGHTS // 2
    oldest = min(
        (place for place in range(len(lights)) if alike[place] is crowded), key=lambda place: lights[place].number
    )
    return tuple(fresh if place == oldest else light for place, light in enumerate(lights))


def _least(known: Reference, kept: Plane | None) -> bytes:
    """Fall halfway to a lower value at once, and rise slowly: about the tenth percentile, where traffic passes."""
    import numpy as np

    if kept is None:
        return known.least
    least = known.least_detail()
    step = np.where(kept < least, _FALL, _RISE) * (np.minimum(kept, 1.0) - least)
    return bytes(np.clip(np.rint((least + step) * 128), 0, 128).astype(np.uint8).tobytes())


def _kept(values: tuple[float, ...], number: int) -> tuple[float, ...]:
    """Drop one value of too many, so that those before the last ones are of looks far apart."""
    if len(values) != KEPT + 1:
        return values[-KEPT:]
    drop = 0 if number % SPACED == 0 else KEPT - RECENT
    return (*values[:drop], *values[drop + 1 :])


def remember(
    reference: Reference | None, measures: Measures, compared: Comparison | None, *, healthy: bool
) -> Reference:
    """Return the reference after one more look; only a healthy one teaches. `compared` is its comparison, if any."""
    known = reference or Reference()
    previous = measures.structure.tobytes()
    if not healthy:
        return replace(known, previous=previous)
    number = known.looks + 1
    found = {**measures.numbers, **(compared.numbers if compared is not None else {})}
    usual = {
        **known.usual,
        **{
            name: _kept((*known.usual.get(name, ()), round(float(value), 4)), number)
            for name, value in found.items()
            if math.isfinite(value)
        },
    }
    lights = _with_look(known.lights, measures, number)
    least = _least(known, compared.detail_kept if compared is not None else None)
    return Reference(lights, usual, number, previous, least)
