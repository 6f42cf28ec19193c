"""One look at one keyframe: decode, measure, judge, learn. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xueliang_monitor.picture.reference import Reference

if TYPE_CHECKING:
    from xueliang_monitor.picture.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found.

    The size is that of what was measured; `seen` and `ruled_out` leave out what could not be told; `reference` is what
    the camera's past and this picture teach.
    """

    width: int
    height: int
    measures: Mapping[str, float]
    seen: tuple[Verdict, ...]
    ruled_out: frozenset[str]
    look_again: bool
    reference: Reference


def look(data: bytes, codec: str, reference: Reference | None, motion_ratio: float | None) -> Look | None:
    """Look at an access unit; None where it cannot be decoded."""
    from xueliang_monitor.picture.decode import decode
    from xueliang_monitor.picture.judge import judge
    from xueliang_monitor.picture.measuring import measure
    from xueliang_monitor.picture.reference import remember
    from xueliang_monitor.picture.verdict import Sight

    frame = decode(data, codec)
    if frame is None:
        return None
    measures = measure(frame, motion_ratio)
    verdicts = judge(measures, reference)
    seen = tuple(verdict for verdict in verdicts if verdict.sight is Sight.SEEN)
    suspect = any(verdict.sight is Sight.SUSPECT for verdict in verdicts)
    learned = remember(reference, measures, healthy=not seen and not suspect)
    return Look(
        width=frame.shape[1],
        height=frame.shape[0],
        measures=measures.numbers,
        seen=seen,
        ruled_out=frozenset(verdict.code for verdict in verdicts if verdict.sight is Sight.RULED_OUT),
        look_again=suspect or not learned.learned,
        reference=learned,
    )
