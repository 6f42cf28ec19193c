"""A camera's own past: what its picture is like when nothing is wrong. Compact, so that thousands fit in memory."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xueliang_monitor.picture.measures import BLOCKS, STRUCTURE_SIZE, Measures

if TYPE_CHECKING:
    from xueliang_monitor.picture.measures import Gray, Plane

KEPT = 12
ENOUGH = 3
_STEP = 8.0


@dataclass(frozen=True, slots=True)
class Reference:
    """What healthy visits taught, and the last picture seen.

    Planes are kept as bytes so that a process which only hands a reference on needs no array library.

    Attributes:
        blurs, details, whites: those measures of the last 12 healthy visits.
        gradients, luma: running medians of the block measures, 9x16 float32.
        previous: luma of the last picture, 90x160 uint8, whatever its verdict.

    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

    blurs: tuple[float, ...] = ()
    details: tuple[float, ...] = ()
    whites: tuple[float, ...] = ()
    gradients: bytes = b""
    luma: bytes = b""
    previous: bytes = b""

    @property
    def learned(self) -> bool:
        """Whether enough healthy pictures were seen to judge against."""
        return len(self.blurs) >= ENOUGH

    @property
    def blur_limit(self) -> float:
        """The worst blur effect among healthy visits."""
        return max(self.blurs)

    @property
    def detail_median(self) -> float:
        """The median detail of healthy visits."""
        return statistics.median(self.details)

    @property
    def white_limit(self) -> float:
        """The largest overexposed share among healthy visits."""
        return max(self.whites)

    def block_gradients(self) -> Plane:
        """Return the median gradient of each block, shape (9, 16)."""
        import numpy as np

        return np.frombuffer(self.gradients, np.float32).reshape(BLOCKS[1], BLOCKS[0])

    def block_luma(self) -> Plane:
        """Return the median luma of each block, shape (9, 16)."""
        import numpy as np

        return np.frombuffer(self.luma, np.float32).reshape(BLOCKS[1], BLOCKS[0])

    def previous_structure(self) -> Gray | None:
        """Return the luma of the last picture, shape (90, 160), None at first."""
        import numpy as np

        if not self.previous:
            return None
        return np.frombuffer(self.previous, np.uint8).reshape(STRUCTURE_SIZE[1], STRUCTURE_SIZE[0])


def _towards(kept: bytes, new: Plane) -> bytes:
    """Step from the running median towards the new value, by a bounded step, so that passers-by vanish."""
    import numpy as np

    if not kept:
        return new.tobytes()
    old = np.frombuffer(kept, np.float32).reshape(new.shape)
    stepped: Plane = (old + np.clip((new - old) * 0.5, -_STEP, _STEP)).astype(np.float32)
    return stepped.tobytes()


def remember(reference: Reference | None, measures: Measures, *, healthy: bool) -> Reference:
    """Return the reference after one more picture; only a healthy one teaches."""
    known = reference or Reference()
    previous = measures.structure.tobytes()
    if not healthy:
        return Reference(known.blurs, known.details, known.whites, known.gradients, known.luma, previous)
    return Reference(
        (*known.blurs, measures.blur)[-KEPT:],
        (*known.details, measures.detail)[-KEPT:],
        (*known.whites, measures.white)[-KEPT:],
        _towards(known.gradients, measures.gradients),
        _towards(known.luma, measures.luma),
        previous,
    )
