"""What is measured of one frame: values only, so that the daemon need not load what measures them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Plane = NDArray[np.float32]
    Mask = NDArray[np.bool_]

STRUCTURE_SIZE = (160, 90)
"""Width and height in pixels of the copy on which structure is compared."""

THUMB_SIZE = (96, 54)
"""Width and height in pixels of the copy on which light and colour are compared."""

CELLS = (32, 18)
"""Columns and rows of the cells in which detail is compared."""


STRIPE_BANDS = {"stripes_wide": (4, 12), "stripes_middle": (12, 30), "stripes_narrow": (30, 400)}
"""Waves a picture's height or width, first and last, by the measure's name."""


def pure(stripes: str) -> str:
    """Return the name of the measure of how much the stripes of a band stand out."""
    return f"{stripes}_pure"


MEASURES = (
    "brightness_ratio",
    "sharpness_ratio",
    "white_ratio",
    "uniform_ratio",
    "contrast_levels",
    "noise_levels",
    "detail_levels",
    "chroma_levels",
)
"""Names under which a frame's numbers are shown, exported and kept."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the frames of a burst differ, each from the one before.

    Attributes:
        still: share of cells that changed by less than 0.06 levels, in the pair where fewest did, in [0, 1].
        shift: how far a frame stands beside the one before, as a share of the width (median of the pairs).
        drift: how far all those shifts lead together, over their path, in [0, 1]: a shake comes back.
        shift_response: how sure that is (the response of phase correlation), in [0, 1].
        shift_gain: how much of the change between them that explains, in (-inf, 1].
        roll: how far it rolled on, as a share of the height, in [-0.5, 0.5].
        roll_gain: how much better it correlates when rolled back.
        roll_spread: how uneven that is between the pairs, as a share of the height.
        fine: the most detail that each cell shows in any of the frames after the first, shape (18, 32).
        thumbs: those frames, each as `Measures.thumb`.

    """

    still: float
    shift: float
    drift: float
    shift_response: float
    shift_gain: float
    roll: float
    roll_gain: float
    roll_spread: float
    fine: Plane
    thumbs: tuple[Gray, ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of one frame, on a copy at most 480 px wide.

    `numbers` are by name:
        mean, low, high: luma's mean, 1st and 95th percentile, 0 to 255.
        white: share of pixels with luma of 243 or more.
        chroma: mean distance of red and blue from luma, in levels, on the thumbnail.
        contrast: standard deviation of luma on the thumbnail, in levels.
        uniform: share of the thumbnail within 7 levels of its median colour.
        blur: blur effect (Crete et al. 2007), in [0, 1]; 1 is blurred.
        fine, middle: mean absolute detail of one to two, and of three to six pixels, in levels.
        noise: standard deviation of noise where the picture is smoothest, in levels (Immerkaer 1996).
        impulses: share of pixels 40 levels off the median of their neighbours.
        stripes_wide, stripes_middle, stripes_narrow: strongest even wave of the rows' or columns' means, in levels;
            with _pure: that over the waves beside it.
        lines: by how much single rows or columns are off, in levels; beat: the strongest even wave that slants, in
            levels, and beat_pure: that over the waves near it.
        flat_cells: share of 8x8 cells of one green or mid grey; smeared: share of pixels in patches that repeat a row;
            smeared_rows: share of the picture in rows whose columns are drawn out.
        grid_steps: steps on the full frame's grid of sixteens over those elsewhere.

    Attributes:
        thumb: BGR, shape (54, 96, 3).
        structure: luma, shape (90, 160).
        fine: `fine` by cell, shape (18, 32).
        motion_ratio: size of the pictures after the keyframe over its own; None where unknown.
        motion: how the frames of a burst differ; None without one.

    """

    numbers: Mapping[str, float]
    thumb: Gray
    structure: Gray
    fine: Plane
    motion_ratio: float | None = None
    motion: Motion | None = None

    @property
    def exported(self) -> dict[str, float]:
        """The numbers by the names under which they are shown and exported."""
        numbers = self.numbers
        values = (
            numbers["mean"] / 255,
            1 - numbers["blur"],
            numbers["white"],
            numbers["uniform"],
            numbers["contrast"],
            numbers["noise"],
            numbers["fine"],
            numbers["chroma"],
        )
        return dict(zip(MEASURES, values, strict=True))
