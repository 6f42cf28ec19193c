"""What is measured of one frame: values only, so that the daemon need not load what measures them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Plane = NDArray[np.float32]

STRUCTURE_SIZE = (160, 90)
"""Width and height in pixels of the copy on which structure is compared."""

BLOCKS = (16, 9)
"""Columns and rows of the blocks into which that copy is cut."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of one frame.

    Attributes:
        mean: mean luma, 0 to 255, on a 320x180 copy.
        high: 95th percentile of luma, 0 to 255.
        white: share of pixels of luma 245 or more, in [0, 1].
        uniform: share of a 96x54 colour copy within 7 levels of its median colour in each channel, in [0, 1].
        saturation: spread between the channels of that median colour, 0 to 255.
        blur: blur effect of Crete et al. (2007) on a 640 px wide copy, in [0, 1]; 1 is blurred.
        detail: mean squared Sobel gradient (Tenengrad) on that copy, in squared levels.
        gradients: mean gradient magnitude of each block of a 320x180 copy smoothed by a 5x5 box, shape (9, 16), in
            levels a pixel.
        luma: mean luma of each block, shape (9, 16).
        structure: luma, shape (90, 160).
        motion_ratio: size of the pictures after the keyframe over its own; None where unknown.

    """

    mean: float
    high: float
    white: float
    uniform: float
    saturation: float
    blur: float
    detail: float
    gradients: Plane
    luma: Plane
    structure: Gray
    motion_ratio: float | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """The plain numbers, by the names under which they are exported."""
        return {
            "brightness_ratio": self.mean / 255,
            "sharpness_ratio": 1 - self.blur,
            "detail": self.detail,
            "white_ratio": self.white,
            "uniform_ratio": self.uniform,
        }
