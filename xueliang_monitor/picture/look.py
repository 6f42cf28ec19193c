"""One look at one camera: decode, measure, compare, judge, learn. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xueliang_monitor.model import PictureRules
from xueliang_monitor.picture.reference import Reference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xueliang_monitor.picture.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found.

    The size is that of what was measured; `seen` and `ruled_out` leave out what could not be told; `reference` is what
    the camera's past and this picture teach. `scores` are by code, where there is one; `evidence` is a small JPEG of a
    picture with faults, with what decided written under it, empty where none is wanted.
    """

    width: int
    height: int
    measures: Mapping[str, float]
    seen: tuple[Verdict, ...]
    ruled_out: frozenset[str]
    look_again: bool
    reference: Reference
    scores: Mapping[str, float]
    evidence: bytes = b""


@dataclass(frozen=True, slots=True)
class Material:
    """What is looked at: a keyframe and the pictures that follow it, all in one codec.

    `motion_ratio` is the size of the pictures after the keyframe over its own, None where unknown; `hour` is the local
    hour at the camera, None where it is not known; `rules` are the camera's own.
    """

    codec: str
    keyframe: bytes
    following: tuple[bytes, ...] = ()
    motion_ratio: float | None = None
    hour: float | None = None
    rules: PictureRules = field(default_factory=PictureRules)


def look(material: Material, reference: Reference | None) -> Look | None:
    """Look at a keyframe, and at what follows it where that can be decoded; None where the keyframe cannot be."""
    from xueliang_monitor.picture.decode import decode_burst

    frames = decode_burst(material.codec, material.keyframe, material.following)
    return look_at(frames, reference, material.motion_ratio, material.hour, material.rules) if frames else None


def look_at(
    frames: Sequence[NDArray[np.uint8]],
    reference: Reference | None,
    motion_ratio: float | None = None,
    hour: float | None = None,
    rules: PictureRules | None = None,
) -> Look:
    """Look at decoded frames of one burst, in BGR; the first is judged, the others tell how it moves."""
    from xueliang_monitor.picture.comparing import compare
    from xueliang_monitor.picture.drawing import draw
    from xueliang_monitor.picture.judge import judge
    from xueliang_monitor.picture.measuring import measure, measure_motion
    from xueliang_monitor.picture.reference import remember
    from xueliang_monitor.picture.verdict import Sight, View

    measures = measure(frames[0], motion_ratio, measure_motion(frames))
    compared = compare(measures, reference)
    rules = rules or PictureRules(evidence=False)
    verdicts = judge(View(measures, compared.numbers, reference, hour), rules.limits)
    seen = tuple(verdict for verdict in verdicts if verdict.sight is Sight.SEEN)
    suspect = any(verdict.sight is Sight.SUSPECT for verdict in verdicts)
    learned = remember(reference, measures, compared, healthy=not seen and not suspect)
    return Look(
        width=frames[0].shape[1],
        height=frames[0].shape[0],
        measures=measures.exported,
        seen=seen,
        ruled_out=frozenset(verdict.code for verdict in verdicts if verdict.sight is Sight.RULED_OUT),
        look_again=suspect or not learned.learned,
        reference=learned,
        scores={verdict.code: round(verdict.score, 3) for verdict in verdicts if verdict.score is not None},
        evidence=draw(frames[0], seen) if rules.evidence and seen else b"",
    )
