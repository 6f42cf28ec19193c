"""One look: a camera's picture is decoded, measured, compared with its past, judged and learned from.

Runs in a worker process. The modules that need numpy are imported when a look begins, so that the daemon can import
the values here without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from xueliang_monitor.model import CheckFailure, PictureRules
from xueliang_monitor.picture.reference import Reference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xueliang_monitor.picture.copies import Copies
    from xueliang_monitor.picture.verdict import Verdict

Result = TypeVar("Result")


class LookError(Exception):
    """A picture could not be measured because of an exception in this program; nothing is known about the picture."""

    def __init__(self, failure: CheckFailure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return f"the picture could not be measured ({self.failure.kind})"


@dataclass(frozen=True, slots=True)
class Look:
    """The result of one look."""

    width: int
    """Width in pixels of the decoded picture."""

    height: int
    """Height in pixels of the decoded picture."""

    measures: Mapping[str, float]
    """The exported measures by their public names (`measures.MEASURES`)."""

    seen: tuple[Verdict, ...]
    """The faults that were seen."""

    ruled_out: frozenset[str]
    """The codes of the faults that were ruled out; codes in neither could not be told."""

    look_again: bool
    """Whether an early second look is needed."""

    reference: Reference
    """The camera's past after this look."""

    scores: Mapping[str, float]
    """The score of each check that has one, by code, rounded to three digits."""

    evidence: bytes = b""
    """A small JPEG of a picture with faults; empty if none is wanted."""

    failures: tuple[CheckFailure, ...] = ()
    """Exceptions in this program. Each cost one check or one step of the look."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a look examines: a keyframe and the pictures that follow it, all in one codec."""

    codec: str
    """Name of the codec, a value of `wire.media.Codec`."""

    keyframe: bytes
    """The keyframe's access unit."""

    following: tuple[bytes, ...] = ()
    """The access units after it."""

    motion_ratio: float | None = None
    """Size of the pictures after the keyframe over its own; None if unknown."""

    hour: float | None = None
    """Local hour at the camera, in [0, 24); None if unknown."""

    sun_degrees: float | None = None
    """Height of the sun over the horizon at the camera; None if unknown."""

    rules: PictureRules = field(default_factory=PictureRules)
    """How this camera's picture is judged."""


def look(material: Material, reference: Reference | None) -> Look | None:
    """Look at a keyframe and the pictures after it that can be decoded; None if the keyframe cannot be decoded.

    Raises:
        LookError: the picture could not be measured.

    """
    from xueliang_monitor.picture.copies import Copies
    from xueliang_monitor.picture.decode import decode_burst, macroblock_side

    frames = decode_burst(material.codec, material.keyframe, material.following)
    if not frames:
        return None
    side = macroblock_side(material.codec, material.keyframe, frames[0].shape[1])
    return look_at(
        [Copies(frame, side) for frame in frames],
        reference,
        material.motion_ratio,
        material.hour,
        sun_degrees=material.sun_degrees,
        rules=material.rules,
    )


class _Steps:
    """The steps of one look. A step that fails costs its own result; the failure is kept."""

    def __init__(self) -> None:
        self.failures: list[CheckFailure] = []

    def take(self, name: str, step: Callable[[], Result], without: Result) -> Result:
        """Return the result of a step, `without` where it fails."""
        try:
            return step()
        except MemoryError:
            raise  # it concerns the whole process, which is restarted
        except Exception as error:  # noqa: BLE001 - the other steps and checks can still tell something
            self.failures.append(CheckFailure.of(name, error))
            return without


def look_at(
    frames: Sequence[NDArray[np.uint8] | Copies],
    reference: Reference | None,
    motion_ratio: float | None = None,
    hour: float | None = None,
    *,
    sun_degrees: float | None = None,
    rules: PictureRules | None = None,
) -> Look:
    """Look at decoded frames of one burst, in BGR, or their copies. The first is judged; the others show how it moves.

    A failure to measure motion, to compare or to draw evidence leaves a look that tells less. If the past cannot be
    updated, it stays as it was. Without `rules` no evidence is drawn.

    Raises:
        LookError: the picture could not be measured.

    """
    from xueliang_monitor.picture.checks.moved import MOVED
    from xueliang_monitor.picture.comparing import compare
    from xueliang_monitor.picture.copies import Copies
    from xueliang_monitor.picture.drawing import draw
    from xueliang_monitor.picture.judge import judge
    from xueliang_monitor.picture.measuring import measure
    from xueliang_monitor.picture.measuring_motion import measure_motion
    from xueliang_monitor.picture.remembering import remember
    from xueliang_monitor.picture.verdict import Sight, View
    from xueliang_monitor.picture.view_change import held

    steps, copies = _Steps(), [Copies.of(frame) for frame in frames]
    motion = steps.take("motion", lambda: measure_motion(copies), None)
    measures = steps.take("measure", lambda: measure(copies[0], motion_ratio, motion), None)
    if measures is None:
        raise LookError(steps.failures[-1])
    compared = steps.take("compare", lambda: compare(measures, reference), None)
    rules = rules or PictureRules(evidence=False)
    view = View(measures, compared, reference, hour, sun_degrees)
    verdicts = judge(view, rules.limits)
    verdicts, moved_looks = held(verdicts, compared, reference, limits=rules.limits)
    seen = tuple(verdict for verdict in verdicts if verdict.sight is Sight.SEEN)
    suspect = any(verdict.sight is Sight.SUSPECT for verdict in verdicts)
    healthy = not seen and not suspect and not moved_looks and not view.unproven
    doubtful = all(verdict.code == MOVED.fault.code for verdict in seen)
    learned = steps.take(
        "remember",
        lambda: remember(reference, measures, compared, healthy=healthy, hour=hour, doubtful=doubtful),
        reference or Reference(),
    )
    faulty = bool(seen) or (learned.faulty and not healthy)
    if (learned.moved_looks, learned.faulty) != (moved_looks, faulty):
        learned = replace(learned, moved_looks=moved_looks, faulty=faulty)
    evidence = steps.take("evidence", lambda: draw(copies[0].frame, seen), b"") if rules.evidence and seen else b""
    return Look(
        width=copies[0].frame.shape[1],
        height=copies[0].frame.shape[0],
        measures=measures.exported.by_name(),
        seen=seen,
        ruled_out=frozenset(verdict.code for verdict in verdicts if verdict.sight is Sight.RULED_OUT),
        look_again=suspect or not learned.learned,
        reference=learned,
        scores={verdict.code: round(verdict.score, 3) for verdict in verdicts if verdict.score is not None},
        evidence=evidence,
        failures=(*steps.failures, *(verdict.failure for verdict in verdicts if verdict.failure is not None)),
    )
