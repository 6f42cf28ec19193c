"""A camera's own past: how its picture looks when nothing is wrong, in each kind of light it was seen in.

Values only, at most 64 KB a camera: the daemon imports this module without numpy. `planes` packs and unpacks the
planes; `remembering` adds a look.
"""

from __future__ import annotations

import math
import statistics
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from xueliang_monitor.picture.comparison import ChangeValues, ColourValues, ComparisonValues
from xueliang_monitor.picture.hours import SEEN_BYTES, STORED_BYTES, known_around
from xueliang_monitor.picture.measures import CELLS, NOISE, STRUCTURE_SIZE, FrameValues
from xueliang_monitor.picture.stored_names import stored_names

MAX_LIGHTS = 8
"""Lights kept for a camera. Day, dusk and night take three to six; the seasons more."""

LIGHTS_BYTES = 37_000
"""Bytes that the lights may take together, so that a past stored as JSON takes at most 64 KB. Six lights of a view with
much detail, eight of others."""

ENOUGH = 5
"""Healthy looks after which a camera is judged against its past. Chosen by hand."""

KEPT = 24
"""Values kept of each number."""

LIGHT_SIZE = (48, 27)
"""Width and height in pixels of a light's thumbnail."""

SETTLED_LOOKS = 24
"""Looks after which no single frame or passer-by remains in a light.

The median moves at most 12 levels a look: 19 steps from white to near black, then the rest halves with each look.
"""

CERTAIN_LOOKS = 2
"""Looks in a row that find a view moved, from which it must be proven that it is back (`view_change`)."""

_PNG_COLOUR, _PNG_GREY = 2, 0
"""Colour types in the header of a PNG."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = struct.Struct(">8x8xIIxB")
"""Signature, length and type of the first chunk, width, height, bit depth, colour type."""


@dataclass(frozen=True, slots=True)
class Light:
    """The camera's view in one kind of light, as running medians over its looks, without passers-by.

    Planes are kept as bytes: a process that only passes a reference on needs no array library.

    Attributes:
        thumb: BGR, 48x27, in steps of six levels, as PNG.
        structure: luma, 160x90, in steps of six levels, as PNG.
        fine: detail by cell, 18x32 bytes, in sixteenths of a level.
        looks: how many looks it was learned from.
        number: the number of the look it was last learned from.
        seen: the quarters of an hour in which it was seen, a bit each (`hours`); empty if unknown.

    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

    thumb: bytes
    structure: bytes
    fine: bytes
    looks: int = 1
    number: int = 0
    seen: bytes = b""

    def __post_init__(self) -> None:
        """Check that the light is complete.

        Raises:
            ValueError: a plane or the quarters have another shape, or the light was learned from no look.

        """
        planes = _png_shape(self.thumb), _png_shape(self.structure), len(self.fine)
        if planes != ((*LIGHT_SIZE, _PNG_COLOUR), (*STRUCTURE_SIZE, _PNG_GREY), CELLS[0] * CELLS[1]):
            raise ValueError(f"the planes of a light have the wrong shape: {planes}")
        if len(self.seen) not in (0, SEEN_BYTES):
            raise ValueError(f"the quarters in which a light was seen must be {SEEN_BYTES} bytes, not {len(self.seen)}")
        if self.looks < 1:
            raise ValueError(f"a light needs at least one look, not {self.looks}")

    @property
    def size(self) -> int:
        """The bytes of its planes."""
        return len(self.thumb) + len(self.structure) + len(self.fine)


NOTHING: Mapping[str, tuple[float, ...]] = MappingProxyType({})
"""Values of no number."""


@dataclass(frozen=True, slots=True)
class RecentValues:
    """The values of one number on healthy looks of about the last day, and at this hour on the last days."""

    values: tuple[float, ...] = ()

    def highest(self, default: float) -> float:
        """Return the largest value, `default` without any."""
        return max(self.values, default=default)

    def lowest(self, default: float) -> float:
        """Return the smallest value, `default` without any."""
        return min(self.values, default=default)

    def median(self, default: float) -> float:
        """Return the median, `default` without any value."""
        return statistics.median(self.values or (default,))


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a camera: the values of each number on healthy looks, recent or at the same hour."""

    frame: FrameValues[RecentValues]
    scene: ComparisonValues[RecentValues]
    colours: ColourValues[RecentValues]
    between: ChangeValues[RecentValues]

    @classmethod
    def of(cls, stored: Mapping[str, tuple[float, ...]], at_hour: Mapping[str, tuple[float, ...]] = NOTHING) -> Usual:
        """Return the values from their stored form, `Reference.usual`, with those `at_hour` (`hours.usual_at`)."""

        def recent(
            kind: type[FrameValues[float] | ComparisonValues[float] | ColourValues[float] | ChangeValues[float]],
        ) -> dict[str, RecentValues]:
            return {
                name: RecentValues((*stored.get(key, ()), *at_hour.get(key, ()))) for name, key in stored_names(kind)
            }

        return cls(
            FrameValues(**recent(FrameValues)),
            ComparisonValues(**recent(ComparisonValues)),
            ColourValues(**recent(ColourValues)),
            ChangeValues(**recent(ChangeValues)),
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """What healthy looks taught, and the last picture. A reference that has learned always has lights to compare with.

    Attributes:
        lights: the view in each kind of light.
        usual: values of each measure and comparison on healthy looks of about the last day, by stored name.
        looks: how many looks taught.
        previous: luma of the last picture, healthy or not, 90x160 uint8; empty before the first.
        least: the smallest share of its usual detail that each cell keeps on healthy looks, 18x32 uint8 in 1/128;
            empty before the first comparison.
        moved_looks: how many looks found the view moved since it was last right, at most two.
        hours: the range of each number at each hour of the day over the last days, by stored name (`hours`).
        previous_healthy: whether the last picture was healthy, so that the next one may be compared with it.
        doubtful: the view in a first light, as of the first night, in which a cover cannot be told. It joins the lights
            when the view is next seen clear in a known one. None if there is no doubt.
        faulty: whether a fault was seen since the last healthy look.

    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

    lights: tuple[Light, ...] = ()
    usual: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    looks: int = 0
    previous: bytes = b""
    least: bytes = b""
    moved_looks: int = 0
    hours: Mapping[str, bytes] = field(default_factory=dict)
    previous_healthy: bool = False
    doubtful: Light | None = None
    faulty: bool = False

    def __post_init__(self) -> None:
        """Check that the reference is complete.

        Raises:
            ValueError: looks without lights or the reverse, usual values without looks, or impossible values.

        """
        if len(self.lights) > MAX_LIGHTS or self.looks < max((light.looks for light in self.lights), default=0):
            raise ValueError(f"{self.looks} looks cannot have taught {len(self.lights)} lights")
        if bool(self.looks) != bool(self.lights) or (not self.looks and (self.usual or self.least or self.hours)):
            raise ValueError(
                f"the reference is incomplete: {self.looks} looks, {len(self.lights)} lights,"
                f" {len(self.usual)} measures"
            )
        if not all(0 < len(values) <= KEPT and all(map(math.isfinite, values)) for values in self.usual.values()):
            raise ValueError(f"usual values must be 1 to {KEPT} finite numbers for each measure")
        if any(len(ranges) != STORED_BYTES for ranges in self.hours.values()):
            raise ValueError(f"the ranges by hour of a number must be {STORED_BYTES} bytes")
        sizes = len(self.previous), len(self.least)
        if sizes[0] not in (0, STRUCTURE_SIZE[0] * STRUCTURE_SIZE[1]) or sizes[1] not in (0, CELLS[0] * CELLS[1]):
            raise ValueError(f"the planes of the reference have the wrong size: {sizes} bytes")

    @property
    def learned(self) -> bool:
        """Whether enough healthy pictures were seen to judge against them."""
        return self.looks >= ENOUGH

    def known_around(self, hour: float) -> bool:
        """Return whether the camera's view is known before, at and after a local hour."""
        return known_around(self.hours, NOISE, hour, [light.seen for light in self.lights])

    def settled(self) -> Reference | None:
        """Return what may be saved on disk: lights that are medians of many looks, never a single picture.

        None if no light is settled yet: usual values without a light would be an incomplete past. The quarters of an
        hour in which only a dropped light was seen are forgotten with it. That the view was found moved is kept even
        then: the view of the next look must not become usual.
        """
        lights = tuple(light for light in self.lights if light.looks >= SETTLED_LOOKS)
        if lights:
            return replace(self, lights=lights, previous=b"", previous_healthy=False, doubtful=None)
        return Reference(moved_looks=self.moved_looks) if self.moved_looks >= CERTAIN_LOOKS else None


def _png_shape(png: bytes) -> tuple[int, int, int] | None:
    """Return width, height and colour type of a PNG whose chunks are whole; None of anything else."""
    if not png.startswith(_PNG_SIGNATURE) or len(png) < _PNG_HEADER.size:
        return None
    place = len(_PNG_SIGNATURE)
    while place + 12 <= len(png):
        end = place + 8 + int.from_bytes(png[place : place + 4], "big")
        if zlib.crc32(png[place + 4 : end]).to_bytes(4, "big") != png[end : end + 4]:
            return None
        place = end + 4
    width, height, colour = _PNG_HEADER.unpack_from(png)
    return (width, height, colour) if place == len(png) and png[-8:-4] == b"IEND" else None
