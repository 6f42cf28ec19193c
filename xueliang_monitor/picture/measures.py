"""What is measured of one frame, and of a burst. Values only: the daemon imports this module without numpy.

"Levels" are steps of an 8-bit channel, 0 to 255. A "ratio" is a share in [0, 1] unless its docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from xueliang_monitor.picture.stored_names import by_stored_name, stored_as

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Plane = NDArray[np.float32]
    Mask = NDArray[np.bool_]

T = TypeVar("T")

STRUCTURE_SIZE = (160, 90)
"""Width and height in pixels of the luma copy on which structure is compared."""

THUMB_SIZE = (96, 54)
"""Width and height in pixels of the thumbnail on which light and colour are compared."""

NOISE = "noise"
"""The stored name of `FrameValues.noise_levels`."""

CELLS = (32, 18)
"""Columns and rows of the cells in which detail is compared."""


class StripeBand(NamedTuple, Generic[T]):
    """The strongest even wave in one band of frequencies."""

    levels: T
    """Amplitude in levels."""

    prominence: T
    """Amplitude over the median of the neighbouring frequencies."""


class Damage(NamedTuple, Generic[T]):
    """What a decoder shows of missing data, as `FrameValues` describes each number."""

    flat_cells_ratio: T
    smeared_ratio: T
    smeared_rows_ratio: T
    grid_steps_ratio: T
    cut_off_ratio: T
    void_cells_ratio: T


@dataclass(frozen=True, slots=True)
class FrameValues(Generic[T]):
    """One value for each number measured of a frame: a float for a frame, its recent values for a camera's past.

    The numbers are taken on a copy at most 480 px wide. The order of the fields is the order in memory files.
    """

    luma_mean_levels: T = field(metadata=stored_as("mean"))
    """Mean of luma."""

    luma_low_levels: T = field(metadata=stored_as("low"))
    """1st percentile of luma."""

    luma_high_levels: T = field(metadata=stored_as("high"))
    """95th percentile of luma."""

    white_ratio: T = field(metadata=stored_as("white"))
    """Share of pixels with luma of 243 or more."""

    chroma_levels: T = field(metadata=stored_as("chroma"))
    """Mean distance of red and blue from luma on the thumbnail."""

    contrast_levels: T = field(metadata=stored_as("contrast"))
    """Standard deviation of luma on the thumbnail."""

    uniform_ratio: T = field(metadata=stored_as("uniform"))
    """Share of the thumbnail within 7 levels of its median colour."""

    blur_ratio: T = field(metadata=stored_as("blur"))
    """Blur effect (Crete et al. 2007); 1 is blurred."""

    fine_detail_levels: T = field(metadata=stored_as("fine"))
    """Mean absolute detail of one to two pixels."""

    middle_detail_levels: T = field(metadata=stored_as("middle"))
    """Mean absolute detail of three to six pixels."""

    noise_levels: T = field(metadata=stored_as(NOISE))
    """Standard deviation of noise where the picture is smoothest (Immerkaer 1996)."""

    impulses_ratio: T = field(metadata=stored_as("impulses"))
    """Share of pixels that differ by more than 40 levels from the median of their neighbours."""

    wide_stripes_levels: T = field(metadata=stored_as("stripes_wide"))
    """Amplitude of the strongest even wave of the row or column means, 4 to 12 periods a picture."""

    middle_stripes_levels: T = field(metadata=stored_as("stripes_middle"))
    """The same, 12 to 30 periods."""

    narrow_stripes_levels: T = field(metadata=stored_as("stripes_narrow"))
    """The same, more than 30 periods."""

    line_offset_levels: T = field(metadata=stored_as("lines"))
    """Mean offset of single rows or columns from their neighbours."""

    wide_stripes_prominence: T = field(metadata=stored_as("stripes_wide_pure"))
    """The wide wave over the median of the waves beside it."""

    middle_stripes_prominence: T = field(metadata=stored_as("stripes_middle_pure"))
    """The middle wave over the median of the waves beside it."""

    narrow_stripes_prominence: T = field(metadata=stored_as("stripes_narrow_pure"))
    """The narrow wave over the median of the waves beside it."""

    slanting_stripes_levels: T = field(metadata=stored_as("beat"))
    """Amplitude of the strongest even wave that slants."""

    slanting_stripes_prominence: T = field(metadata=stored_as("beat_pure"))
    """The slanting wave over the mean of the waves near it."""

    flat_cells_ratio: T = field(metadata=stored_as("flat_cells"))
    """Share of 8x8 px cells of a single green or middle grey."""

    smeared_ratio: T = field(metadata=stored_as("smeared"))
    """Share of pixels within patches that repeat one row."""

    smeared_rows_ratio: T = field(metadata=stored_as("smeared_rows"))
    """Share of the picture in block rows whose columns are drawn out to the right edge."""

    grid_steps_ratio: T = field(metadata=stored_as("grid_steps"))
    """Excess of the steps on the full frame's 16 px grid over the steps elsewhere; may be negative or above 1."""

    cut_off_ratio: T = field(metadata=stored_as("cut_off"))
    """Share of the height, up from the lower edge, in rows that repeat one row or one colour without any grain."""

    void_cells_ratio: T = field(metadata=stored_as("void"))
    """Share of 8x8 px cells of the pure green that a decoder shows where neither luma nor chroma arrived."""

    colour_noise_levels: T = field(metadata=stored_as("colour_noise"))
    """Standard deviation of noise of two pixels in half of red less blue, where that is smoothest."""

    @property
    def damage(self) -> Damage[T]:
        """What a decoder shows of missing data."""
        return Damage(
            self.flat_cells_ratio,
            self.smeared_ratio,
            self.smeared_rows_ratio,
            self.grid_steps_ratio,
            self.cut_off_ratio,
            self.void_cells_ratio,
        )

    @property
    def slanting_stripes(self) -> StripeBand[T]:
        """The slanting stripes."""
        return StripeBand(self.slanting_stripes_levels, self.slanting_stripes_prominence)

    @property
    def stripes(self) -> tuple[StripeBand[T], StripeBand[T], StripeBand[T]]:
        """The wide, middle and narrow stripes along rows or columns."""
        return (
            StripeBand(self.wide_stripes_levels, self.wide_stripes_prominence),
            StripeBand(self.middle_stripes_levels, self.middle_stripes_prominence),
            StripeBand(self.narrow_stripes_levels, self.narrow_stripes_prominence),
        )


@dataclass(frozen=True, slots=True)
class ExportedMeasures:
    """The numbers of a frame that are exported as metrics and kept in the history, under their public names.

    The history packs them in the order of the fields: append new ones, never reorder.
    """

    brightness_ratio: float
    """Mean luma over 255."""

    sharpness_ratio: float
    """1 minus the blur effect."""

    white_ratio: float
    """Share of overexposed pixels."""

    uniform_ratio: float
    """Share of the picture in its median colour."""

    contrast_levels: float
    """Standard deviation of luma."""

    noise_levels: float
    """Standard deviation of noise."""

    detail_levels: float
    """Mean absolute detail of one to two pixels."""

    chroma_levels: float
    """Mean distance of red and blue from luma."""

    def by_name(self) -> dict[str, float]:
        """Return the numbers by their public names."""
        return {name: getattr(self, name) for name in MEASURES}


MEASURES = tuple(each.name for each in fields(ExportedMeasures))
"""The public names of a frame's numbers, in the order in which the history packs them."""


class TravellingBar(NamedTuple):
    """A broad bar that travels down or up the picture within a burst, as mains hum shows."""

    levels: float = 0.0
    """Amplitude of the change from picture to picture."""

    fit_ratio: float = 0.0
    """Share of that change of the row means that one bar at an even pace explains."""

    evenness_ratio: float = 0.0
    """How well the change fits the bar in the second weakest of six parts across, at most 1; 0 for a faint bar."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the frames of a burst differ, each from the one before."""

    still_ratio: float
    """Share of cells that changed by at most 0.06 levels, in the pair of frames where the fewest did."""

    repeats_ratio: float
    """The same in the median pair: an encoder refreshes the whole of a still picture from time to time."""

    change_levels: float
    """The largest change of a frame from the first one, apart from a clock (`planes.change_between`)."""

    shift_ratio: float
    """Median way of the pixels by shift and turn from frame to frame, as a share of the width (root mean square)."""

    drift_ratio: float
    """Length of the sum of these motions over the length of their path: 1 is steady motion, a shake is near 0."""

    shift_response: float
    """Response of the phase correlation, in [0, 1]; higher is more certain."""

    shift_gain: float
    """Share of the change between the frames that the shift explains, in (-inf, 1]."""

    roll_ratio: float
    """Vertical roll from frame to frame as a share of the height, in [-0.5, 0.5]."""

    roll_gain: float
    """Increase of the correlation when the roll is undone."""

    roll_spread_ratio: float
    """Range of the roll over the pairs, as a share of the height."""

    roll_wrap_correlation: float
    """Correlation of the rows that rolled in at one edge with those that left at the other, in [-1, 1]."""

    slip_ratio: float
    """The largest roll between two frames as a share of the height, if all go one way and wrap around; else 0."""

    cell_detail: Plane
    """The most detail in levels that each cell shows in any frame after the first, shape (18, 32)."""

    thumbs: tuple[Gray, ...]
    """Thumbnails of the frames after the first, each as `Measures.thumb`."""

    damages: tuple[Damage[float], ...] = ()
    """Damage of those frames after the first that differ much from the one before."""

    lost_rows_ratio: float = 0.0
    """The largest share of the height in rows that are smooth in one frame and show something in another."""

    offset_levels: float = 0.0
    """The largest jump, between rows, of how the light or a colour of the whole width changes from frame to frame."""

    bar: TravellingBar = field(default_factory=TravellingBar)
    """The bar that explains best how the frames differ."""


@dataclass(frozen=True, slots=True)
class Measures(FrameValues[float]):
    """All that is measured of one frame: its numbers and the small copies on which it is compared."""

    thumb: Gray
    """BGR, shape (54, 96, 3)."""

    structure: Gray
    """Luma, shape (90, 160)."""

    cell_detail: Plane
    """Fine detail by cell in levels, shape (18, 32)."""

    motion_ratio: float | None = None
    """Size in bytes of the pictures after the keyframe over the size of the keyframe; None if unknown."""

    motion: Motion | None = None
    """How the frames of a burst differ; None without a burst."""

    @property
    def numbers(self) -> Mapping[str, float]:
        """The numbers by the names under which a camera's past stores them."""
        return by_stored_name(self)

    @property
    def exported(self) -> ExportedMeasures:
        """The numbers that are exported and kept in the history."""
        return ExportedMeasures(
            brightness_ratio=self.luma_mean_levels / 255,
            sharpness_ratio=1 - self.blur_ratio,
            white_ratio=self.white_ratio,
            uniform_ratio=self.uniform_ratio,
            contrast_levels=self.contrast_levels,
            noise_levels=self.noise_levels,
            detail_levels=self.fine_detail_levels,
            chroma_levels=self.chroma_levels,
        )
