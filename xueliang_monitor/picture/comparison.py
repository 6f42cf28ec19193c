"""How a frame compares with its camera's past: values only, so that the daemon need not load what compares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Plane


@dataclass(frozen=True, slots=True)
class Colours:
    """How a frame's colours compare with those of the lights that have some; infrared nights have none.

    Attributes:
        cast: distance of the colour from the nearest of those lights, in natural logarithms of ratios.
        cast_even: how much of it nearly all of the view shows (20th percentile over the median).
        chroma_kept: colour over that of those lights; `chroma_usual` is theirs, in levels.
        grey: whether the frame itself has no colour.
        like_grey: whether the light that is most like it has none.

    """

    cast: float
    cast_even: float
    chroma_kept: float
    chroma_usual: float
    grey: bool = False
    like_grey: bool = False

    @property
    def numbers(self) -> Mapping[str, float]:
        """What a healthy look teaches of colour, by name: nothing where the frame has none."""
        if self.grey:
            return {}
        return {
            "cast": self.cast,
            "cast_even": self.cast_even,
            "chroma_kept": self.chroma_kept,
            "chroma_usual": self.chroma_usual,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a frame compares with the lights that its camera is known in.

    Attributes:
        kept: best correlation of gradients with a light, in [-1, 1].
        textured: share of blocks with structure of their own.
        contrast_kept: contrast over the lights' own.
        detail_kept_best: detail over the lights' own, where most was kept (80th percentile of cells).
        detail_left: the textured cells' detail over their usual detail.
        lost_apart: share of the detail in cells that lost most of it, outside that third of the view where it is most.
        detailed: share of cells with detail to lose.
        veiled: share of the view in the largest region that shows nothing of the scene: its pattern is gone, or it is
            smooth and of a colour that the scene never had there.
        hidden: share of the view in the largest region of a foreign colour in which nothing fits, whatever it shows.
        spots: share of the view in small patches that look otherwise than ever, outside that third where they are most.
        still: share of the view in which nothing moves, as far as is known.
        banding, banding_pure: the strongest even wave of rows or columns that no near light shows, as a share of the
            light, and how far it stands out from those beside it.
        spread_kept: distance of luma's 92nd percentile from its 8th over the lights' own.
        layout: best correlation of light and dark with a near light, in [-1, 1].
        moved, turned, moved_gain, moved_fit: shift as a share of the width, turn in degrees, by how much the gradients
            correlate better so, and how well.
        colours: how the colours compare; None where no light with colour is known.
        detail_kept: how much of its usual detail each cell keeps, shape (18, 32); None where that is not known.

    """

    kept: float
    textured: float
    contrast_kept: float
    detail_kept_best: float
    detail_left: float
    lost_apart: float
    detailed: float
    veiled: float
    hidden: float
    spots: float
    still: float
    banding: float
    banding_pure: float
    spread_kept: float
    layout: float
    moved: float
    turned: float
    moved_gain: float
    moved_fit: float
    colours: Colours | None = None
    detail_kept: Plane | None = field(default=None, compare=False)

    @property
    def numbers(self) -> Mapping[str, float]:
        """What a healthy look teaches, by name."""
        plain = {name: float(getattr(self, name)) for name in NUMBERS}
        return plain if self.colours is None else {**plain, **self.colours.numbers}


NUMBERS = tuple(each.name for each in fields(Comparison) if each.name not in ("colours", "detail_kept"))
"""The names of what is compared in every frame; of `colours` there may be nothing to say."""
