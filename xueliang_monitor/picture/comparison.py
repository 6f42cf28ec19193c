"""How a frame compares with its camera's past. Values only: the daemon imports this module without numpy.

"Near lights" are the lights of the past whose thumbnails are most like the frame's (see `reference.Light`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from xueliang_monitor.picture.measures import T
from xueliang_monitor.picture.stored_names import by_stored_name, stored_as, stored_names

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Plane


@dataclass(frozen=True, slots=True)
class ColourValues(Generic[T]):
    """One value for each number that compares colours with those of the lights that have colour."""

    cast_log_ratio: T = field(metadata=stored_as("cast"))
    """Distance of the colour from the nearest such light, in natural logarithms of red and blue over green."""

    cast_evenness_ratio: T = field(metadata=stored_as("cast_even"))
    """How evenly the cast covers the view: its 20th percentile over its median."""

    chroma_ratio: T = field(metadata=stored_as("chroma_kept"))
    """Colour over that of those lights."""

    usual_chroma_levels: T = field(metadata=stored_as("chroma_usual"))
    """Colour of those lights: mean range of the three channels."""

    red_log_ratio: T = field(metadata=stored_as("red"))
    """Median of red over green, in natural logarithms."""

    blue_log_ratio: T = field(metadata=stored_as("blue"))
    """Median of blue over green, in natural logarithms."""


@dataclass(frozen=True, slots=True)
class Colours(ColourValues[float]):
    """How a frame's colours compare with those of the lights that have colour; infrared nights have none."""

    grey: bool = False
    """Whether the frame itself has no colour, or hardly any beside those lights."""

    nearest_is_grey: bool = False
    """Whether the light most like the frame has no colour, or as little as a frame that has hardly any."""

    warmth_ratio: float = 0.0
    """How far the cast is that of a low sun or of a lamp: 1 if it is, -1 if it is the opposite."""

    lit_cast_log_ratio: float = 0.0
    """Distance of the colour from the nearest of those lights whose luma is like that of the frame."""

    lit_evenness_ratio: float = 0.0
    """How evenly that cast covers the view."""

    lit_warmth_ratio: float = 0.0
    """How far that cast is the one of a low sun or of a lamp."""

    red_blue_correlation: float = 1.0
    """Best correlation of red over blue by pixel with such a light, in [-1, 1]: negative if the two are exchanged."""

    green_correlation: float = 1.0
    """The same of red and blue over green, which stays if they are exchanged."""

    @property
    def numbers(self) -> Mapping[str, float]:
        """What a healthy look teaches of colour, by stored name; empty if the frame has no colour."""
        return {} if self.grey else by_stored_name(self)


@dataclass(frozen=True, slots=True)
class ComparisonValues(Generic[T]):
    """One value for each number that compares a frame with its camera's past.

    The order of the fields is the order in memory files.
    """

    edge_correlation: T = field(metadata=stored_as("kept"))
    """Best correlation of gradients with a near light, in [-1, 1]."""

    textured_ratio: T = field(metadata=stored_as("textured"))
    """Share of blocks that usually have a pattern of their own."""

    contrast_ratio: T = field(metadata=stored_as("contrast_kept"))
    """Contrast over that of the near lights."""

    best_detail_ratio: T = field(metadata=stored_as("detail_kept_best"))
    """Detail over its usual value where most of it is kept (80th percentile of the textured cells)."""

    remaining_detail_ratio: T = field(metadata=stored_as("detail_left"))
    """Detail of all textured cells over its usual value."""

    scattered_loss_ratio: T = field(metadata=stored_as("lost_apart"))
    """Share of the detail in cells that lost most of theirs, without the third of the view that lost the most."""

    detailed_ratio: T = field(metadata=stored_as("detailed"))
    """Share of cells with detail to lose."""

    veiled_ratio: T = field(metadata=stored_as("veiled"))
    """Share of the view in the largest region that shows nothing of the scene.

    Its pattern is gone, or it is smooth and of a colour that the scene never had there.
    """

    hidden_ratio: T = field(metadata=stored_as("hidden"))
    """Share of the view in the largest region of a foreign colour in which no pattern fits the past."""

    spots_ratio: T = field(metadata=stored_as("soiled"))
    """Share of the view in soft patches that never looked so, without the third of the view that has the most."""

    banding_ratio: T = field(metadata=stored_as("banding"))
    """Amplitude of the strongest even wave of rows or columns that no near light shows, as a share of the light."""

    banding_prominence: T = field(metadata=stored_as("banding_pure"))
    """That wave over the median of the waves beside it."""

    luma_spread_ratio: T = field(metadata=stored_as("spread_kept"))
    """Distance of luma's 92nd percentile from its 8th, over that of the near lights."""

    layout_correlation: T = field(metadata=stored_as("layout"))
    """Best correlation of light and dark areas with a near light, in [-1, 1]."""

    shift_ratio: T = field(metadata=stored_as("moved"))
    """Shift of the view as a share of its width."""

    turn_degrees: T = field(metadata=stored_as("turned"))
    """Turn of the view about its centre."""

    shift_gain: T = field(metadata=stored_as("moved_gain"))
    """Increase of the gradients' correlation when shift and turn are undone."""

    shift_correlation: T = field(metadata=stored_as("moved_fit"))
    """Correlation of the gradients when shift and turn are undone, in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class ChangeValues(Generic[T]):
    """One value for each number that compares a frame with the look before it."""

    change_levels: T = field(metadata=stored_as("changed"))
    """Change since the look before, in the block that changed twelfth most (`planes.change_between`).

    Learned where both looks are healthy: it tells how little a live view may change.
    """


@dataclass(frozen=True, slots=True)
class Haze:
    """What a frame lost in the way of fog. Not learned: a foggy morning must not become usual."""

    gone_ratio: float = 0.0
    """Share of the blocks with a pattern in which nothing is left of it."""

    seen_ratio: float = 0.0
    """Share of the blocks with a pattern in which it is found again."""

    contrast_ratio: float = 1.0
    """Contrast of the patterns that are found again, over the usual one."""

    lighter_log_ratio: float = 0.0
    """How much lighter than usual the empty blocks are beside the others, in natural logarithms."""

    colour_log_ratio: float = 0.0
    """Distance of the empty blocks from grey, in natural logarithms of red and blue over green."""


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """Where the sharp pattern of a view is from. Looked for only where the edges of the past are not found again."""

    own_ratio: float = 0.0
    """Share of the blocks with a sharp pattern that the past shows there."""

    foreign_ratio: float = 0.0
    """Share of the blocks with a sharp pattern that the past does not show there."""


@dataclass(frozen=True, slots=True)
class Comparison(ComparisonValues[float]):
    """How a frame compares with the lights in which its camera is known."""

    colours: Colours | None = None
    """How the colours compare; None if no light with colour is known."""

    banding_evenness_ratio: float = 0.0
    """How evenly the strongest band crosses the view, at most 1; 0 for a faint one."""

    columns_correlation: float = 0.0
    """How alike columns that the past does not show are in each third of the height, in [-1, 1]."""

    haze: Haze = field(default_factory=Haze)
    """What is lost in the way of fog."""

    pattern: OwnPattern = field(default_factory=OwnPattern)
    """Where the sharp pattern of the view is from."""

    cell_detail_ratio: Plane | None = field(default=None, compare=False)
    """Share of its usual detail that each cell keeps, shape (18, 32); None if unknown."""

    faint_detail_ratio: float = 1.0
    """Share of the usual detail that cells with hardly any keep (65th percentile); 1 without such cells."""

    light_distance_levels: float = 0.0
    """How much the light of the frame differs from the most similar one of the past, in levels (`planes.distance`)."""

    scene_light_log_ratio: float = math.inf
    """How unevenly the cells that still show the scene are lit, against the near light that fits best.

    75th percentile of the distance in natural logarithms, after a change of exposure is undone; infinite without such
    cells.
    """

    dimming_log_ratio: float = 0.0
    """By how much the whole view is evenly darker than a known light, in natural logarithms; 0 if it is not."""

    strong_detail_ratio: float | None = None
    """Share of the usual detail that is kept where the view has the most of it and is not hidden (75th percentile).

    0 if nothing of it is left; None if the scene is not surely there.
    """

    crisp_ratio: float = 0.0
    """Sharpest detail where no pattern fits the past, over the sharpest usual detail (90th percentiles).

    What is just before the lens is out of focus; another view is not.
    """

    last_correlation: float | None = None
    """Correlation of gradients with the last picture, in [-1, 1]; None if there is none or it was not healthy."""

    doubt_levels: float = math.inf
    """How much the light of the frame differs from the one in doubt, in levels; infinite if none is in doubt."""

    @property
    def numbers(self) -> Mapping[str, float]:
        """What a healthy look teaches, by stored name."""
        plain = by_stored_name(self)
        return plain if self.colours is None else {**plain, **self.colours.numbers}


NUMBERS = tuple(stored for _, stored in stored_names(ComparisonValues))
"""The stored names of what is compared in every frame, without those of colour."""
