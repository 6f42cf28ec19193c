"""The small copies of one frame, each made once and shared by all that measure it. Runs in worker processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from xueliang_monitor.picture.measures import STRUCTURE_SIZE, THUMB_SIZE
from xueliang_monitor.picture.scaling import gray_of, shrink, working_copy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xueliang_monitor.picture.measures import Gray


MACROBLOCK = 16
"""Side in pixels of a macroblock in H.264."""


@dataclass(frozen=True, eq=False)
class Copies:
    """A frame and its small copies. A copy is made when it is first asked for, and kept. Nobody may change one."""

    frame: NDArray[np.uint8]
    """BGR of shape (height, width, 3), or grey of shape (height, width)."""

    macroblock: int = MACROBLOCK
    """Side of the encoder's macroblocks in pixels of the frame; 0 if scaling left no whole number."""

    @staticmethod
    def of(frame: NDArray[np.uint8] | Copies) -> Copies:
        """Return the copies of a frame; copies are returned as they are."""
        return frame if isinstance(frame, Copies) else Copies(frame)

    @cached_property
    def colour(self) -> Gray:
        """BGR, at most 480 px wide."""
        return working_copy(self.frame)

    @cached_property
    def gray(self) -> Gray:
        """Luma of `colour`."""
        return gray_of(self.colour)

    @cached_property
    def luma(self) -> Gray:
        """Luma of the whole frame, in its own size."""
        if self.colour is self.frame:
            return self.gray
        return gray_of(self.frame) if self.frame.ndim == 3 else self.frame

    @cached_property
    def thumb(self) -> Gray:
        """BGR, shape (54, 96, 3)."""
        thumb = shrink(self.colour, THUMB_SIZE)
        thumb.flags.writeable = False
        return thumb

    @cached_property
    def structure(self) -> Gray:
        """Luma, shape (90, 160)."""
        return shrink(self.gray, STRUCTURE_SIZE)
