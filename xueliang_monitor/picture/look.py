"""One look at one camera: decode, measure, compare, judge, learn. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from xueliang_monitor.model import CheckFailure, PictureRules
from xueliang_monitor.picture.reference import Reference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xueliang_monitor.picture.verdict import Verdict

Result = TypeVar("Result")


class LookError(Exception):
    """A picture could not be measured, by an error of our own, so that nothing can be told of it."""

    def __init__(self, failure: CheckFailure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return f"the picture could not be measured ({self.failure.kind})"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found.

    The size is that of what was measured; `seen` and `ruled_out` leave out what could not be told; `reference` is what
    the camera's past and this picture teach. `scores` are by code, where there is one; `evidence` is a small JPEG of a
    picture with faults, with what decided written under it, empty where none is wanted. `failures` are exceptions of
    our own: each cost a step of the look, or a check, and no more.
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
    failures: tuple[CheckFailure, ...] = ()


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
    """Look at a keyframe, and at what follows it where that can be decoded; None where the keyframe cannot be.

    Raises:
        LookError: the picture could not be measured.

    """
    from xueliang_monitor.picture.decode import decode_burst

    frames = decode_burst(material.codec, material.keyframe, material.following)
    return look_at(frames, reference, material.motion_ratio, material.hour, material.rules) if frames else None


class _Steps:
    """The steps of one look: one that fails costs what it would have given, and is told."""

    def __init__(self) -> None:
        self.failures: list[CheckFailure] = []

    def take(self, name: str, step: Callable[[], Result], without: Result) -> Result:
        """Return what a step gives, `without` where it fails."""
        try:
            return step()
        except MemoryError:
            raise  # of the whole process, which is tried anew
        except Exception as error:  # noqa: BLE001 - whatever is wrong in one step, the others still tell
            self.failures.append(CheckFailure.of(name, error))
            return without


def look_at(
    frames: Sequence[NDArray[np.uint8]],
    reference: Reference | None,
    motion_ratio: float | None = None,
    hour: float | None = None,
    rules: PictureRules | None = None,
) -> Look:
    """Look at decoded frames of one burst, in BGR; the first is judged, the others tell how it moves.

    Without its motion, its comparison or its evidence a look tells less; where the past cannot be updated it stays.

    Raises:
        LookError: the picture could not be measured.

    """
    from xueliang_monitor.picture.comparing import compare
    from xueliang_monitor.picture.drawing import draw
    from xueliang_monitor.picture.judge import judge
    from xueliang_monitor.picture.measuring import measure, measure_motion
    from xueliang_monitor.picture.reference import remember
    from xueliang_monitor.picture.verdict import Sight, View

    steps = _Steps()
    motion = steps.take("motion", lambda: measure_motion(frames), None)
    measures = steps.take("measure", lambda: measure(frames[0], motion_ratio, motion), None)
    if measures is None:
        raise LookError(steps.failures[-1])
    compared = steps.take("compare", lambda: compare(measures, reference), None)
    rules = rules or PictureRules(evidence=False)
    verdicts = judge(View(measures, compared, reference, hour), rules.limits)
    seen = tuple(verdict for verdict in verdicts if verdict.sight is Sight.SEEN)
    suspect = any(verdict.sight is Sight.SUSPECT for verdict in verdicts)
    healthy = not seen and not suspect
    learned = steps.take(
        "remember", lambda: remember(reference, measures, compared, healthy=healthy), reference or Reference()
    )
    evidence = steps.take("evidence", lambda: draw(frames[0], seen), b"") if rules.evidence and seen else b""
    return Look(
        width=frames[0].shape[1],
        height=frames[0].shape[0],
        measures=measures.exported,
        seen=seen,
        ruled_out=frozenset(verdict.code for verdict in verdicts if verdict.sight is Sight.RULED_OUT),
        look_again=suspect or not learned.learned,
        reference=learned,
        scores={verdict.code: round(verdict.score, 3) for verdict in verdicts if verdict.score is not None},
        evidence=evidence,
        failures=(*steps.failures, *(verdict.failure for verdict in verdicts if verdict.failure is not None)),
    )
