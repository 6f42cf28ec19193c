"""Judges the stored pictures of a manifest and scores the result.

Users can test the checks on their own cameras with it.

A manifest is JSON. `cameras` maps ids to a `baseline` of healthy frames in time order; `cases` have frames `dt` seconds
apart. File names are relative to the manifest; `hour` is the local hour or null. Only scoring reads the labels.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xueliang_monitor.picture.reference import Reference

MAX_FRAMES = 16
"""Frames of a case that are judged."""


class ManifestError(Exception):
    """A manifest or a file of predictions cannot be used; the message names it and the reason."""


class _Lenient(BaseModel):
    """A model that ignores unknown keys: other programs may add their own to a manifest."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class FrameEntry(_Lenient):
    """One picture: its file, its time in seconds, the local hour at the camera."""

    file: str
    t: float = Field(default=0.0, allow_inf_nan=False)
    hour: float | None = Field(default=None, allow_inf_nan=False)

    @field_validator("file")
    @classmethod
    def _is_a_name(cls, file: str) -> str:
        if "\0" in file:
            raise PydanticCustomError("file_name", "a file name cannot hold a null character")
        return file


class CameraEntry(_Lenient):
    """One camera and its healthy frames in time order."""

    baseline: list[FrameEntry] = Field(max_length=10_000)


class Label(_Lenient):
    """What a case shows: the code of a fault or None, its severity, and the kind of a healthy case."""

    fault: str | None = None
    severity: str = ""
    kind: str = ""


class CaseEntry(_Lenient):
    """Pictures of one camera that are judged without other cases."""

    case_id: str
    camera: str
    frames: list[FrameEntry] = Field(min_length=1)
    label: Label | None = None


class Manifest(_Lenient):
    """The whole manifest."""

    cameras: dict[str, CameraEntry]
    cases: list[CaseEntry]


def load(file: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ManifestError: the file cannot be read or is no manifest, or two of its cases have the same id.

    """
    try:
        raw = file.read_bytes()
        manifest = Manifest.model_validate_json(raw)
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ManifestError(f"{file}: {_place(raw, first['loc'])}: {first['msg'].lower()}") from error
    case, count = next(iter(Counter(case.case_id for case in manifest.cases).most_common(1)), ("", 0))
    if count > 1:
        raise ManifestError(f"{file}: case {case} is there {count} times; give each case an id of its own")
    return manifest


def _place(raw: bytes, keys: Sequence[int | str]) -> str:
    """Return where in a manifest a value is: its keys, and the id of its case if it is in one that has an id."""
    place = ".".join(map(str, keys))
    with contextlib.suppress(ValueError, RecursionError, LookupError, TypeError):
        if keys[0] == "cases":
            return f"case {json.loads(raw)['cases'][keys[1]]['case_id']}: {place}"
    return place


UNREADABLE = "decode_failed"
"""The code given to a case without any readable picture."""


def _picture(folder: Path, entry: FrameEntry) -> NDArray[np.uint8] | None:
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    try:
        raw = (folder / entry.file).read_bytes()
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR) if raw else None
    except (OSError, cv2.error):
        picture = None
    return None if picture is None else np.asarray(picture, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """The fault codes found in one case, or the exception in this program that kept it from being judged."""

    case: str
    codes: tuple[str, ...] = ()
    failure: str = ""


def _learn(folder: Path, camera: CameraEntry) -> tuple[Reference | None, str]:
    """Return what a baseline teaches, and the reason if an exception in this program prevented it."""
    from xueliang_monitor.picture.learning import learn
    from xueliang_monitor.picture.measuring import measure

    pictures = ((_picture(folder, entry), entry.hour) for entry in camera.baseline)
    try:
        looks = [(measure(picture), hour) for picture, hour in pictures if picture is not None]
        return learn([measures for measures, _ in looks], [hour for _, hour in looks]), ""
    except Exception as error:  # noqa: BLE001 - only the cases of this camera are lost
        return None, f"the camera's baseline could not be learned ({type(error).__name__})"


def _judge(folder: Path, case: CaseEntry, learned: tuple[Reference | None, str]) -> JudgedCase:
    from xueliang_monitor.picture import PICTURE_CHECKS
    from xueliang_monitor.picture.look import look_at

    reference, failure = learned
    if failure:
        return JudgedCase(case.case_id, failure=failure)
    read = (_picture(folder, entry) for entry in case.frames[:MAX_FRAMES])
    frames = [picture for picture in read if picture is not None]
    if not frames:
        return JudgedCase(case.case_id, (UNREADABLE,))
    try:
        looks = [look_at(frames, reference, hour=case.frames[0].hour)]
        if looks[0].seen and len(frames) > 1:
            looks.append(look_at(frames[::-1], reference, hour=case.frames[-1].hour))
    except Exception as error:  # noqa: BLE001 - only this case is lost
        return JudgedCase(case.case_id, failure=f"{type(error).__name__}: {error}")
    failures = dict.fromkeys(f"{each.check} failed ({each.kind})" for look in looks for each in look.failures)
    if failures:
        return JudgedCase(case.case_id, failure=", ".join(failures))
    # The daemon looks again before it reports a fault: what the last picture rules out was only passing by.
    stays = {check.fault.code for check in PICTURE_CHECKS if not check.intermittent}
    gone = looks[-1].ruled_out & stays
    return JudgedCase(case.case_id, tuple(each.code for each in looks[0].seen if each.code not in gone))


def judge(file: Path, manifest: Manifest, workers: int | None = None) -> Iterator[JudgedCase]:
    """Judge every case on all cores and yield the results in the manifest's order.

    Raises:
        ManifestError: a case names a camera that the manifest does not have.

    """
    folder = file.parent
    unknown = next((case for case in manifest.cases if case.camera not in manifest.cameras), None)
    if unknown is not None:
        raise ManifestError(f"{file}: case {unknown.case_id} names camera {unknown.camera}, which has no baseline")
    wanted = [name for name in manifest.cameras if any(case.camera == name for case in manifest.cases)]
    # Spawned, not forked: a progress bar has threads, and a fork would copy their locks as they are.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        left = deque(manifest.cases)
        try:
            learning = pool.map(_learn, [folder] * len(wanted), map(manifest.cameras.get, wanted))
            learned = dict(zip(wanted, learning, strict=True))
            references = [learned[case.camera] for case in left]
            for judgement in pool.map(_judge, [folder] * len(left), manifest.cases, references, chunksize=4):
                left.popleft()
                yield judgement
        except BrokenProcessPool:
            yield from (JudgedCase(case.case_id, failure="the worker process died") for case in left)


@dataclass(frozen=True, slots=True)
class FaultScore:
    """How well one fault is found: `shown` and `found` cases by severity, and `false` ones that do not show it."""

    code: str
    found: Mapping[str, int]
    shown: Mapping[str, int]
    false: int

    @property
    def precision(self) -> float:
        """Share of the cases with this code that show the fault; 1 without any such case."""
        right = sum(self.found.values())
        return right / (right + self.false) if right + self.false else 1.0

    @property
    def recall(self) -> float:
        """Share of the cases that show the fault in which it was found."""
        shown = sum(self.shown.values())
        return sum(self.found.values()) / shown if shown else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """How well a corpus was judged. Recall is by severity; false alarms are shares of healthy cases, by kind."""

    faults: tuple[FaultScore, ...]
    recall: Mapping[str, float]
    false_alarms: Mapping[str, float]

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the faults."""
        return sum(fault.f1 for fault in self.faults) / len(self.faults) if self.faults else 0.0


def score(manifest: Manifest, predictions: Mapping[str, Sequence[str]]) -> Score:
    """Compare predictions with the manifest's labels, without the cases that lack either."""
    known = [
        (case.label, set(predictions[case.case_id]))
        for case in manifest.cases
        if case.label and case.case_id in predictions
    ]
    codes = sorted({label.fault for label, _ in known if label.fault} | {code for _, found in known for code in found})
    faults = []
    for code in codes:
        shown = Counter(label.severity for label, _ in known if label.fault == code)
        found = Counter(label.severity for label, predicted in known if label.fault == code and code in predicted)
        wrong = sum(code in predicted for label, predicted in known if label.fault != code)
        if shown:
            faults.append(FaultScore(code, found, shown, wrong))
    recall: dict[str, float] = {}
    for severity in dict.fromkeys(label.severity for label, _ in known if label.fault):
        hits = [label.fault in predicted for label, predicted in known if label.fault and label.severity == severity]
        recall[severity] = sum(hits) / len(hits)
    alarms: dict[str, float] = {}
    for kind in dict.fromkeys(label.kind or "healthy" for label, _ in known if not label.fault):
        raised = [
            bool(predicted) for label, predicted in known if not label.fault and (label.kind or "healthy") == kind
        ]
        alarms[kind] = sum(raised) / len(raised)
    return Score(tuple(faults), recall, alarms)


def read_predictions(file: Path) -> dict[str, list[str]]:
    """Read predictions, which map case ids to lists of fault codes.

    Raises:
        ManifestError: the file cannot be read or holds no predictions.

    """
    try:
        read: Any = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ManifestError(f"{file}: cannot be read: {type(error).__name__}") from error
    if not isinstance(read, dict) or not all(isinstance(codes, list) for codes in read.values()):
        raise ManifestError(f"{file}: predictions must be a JSON object that maps case ids to lists of codes")
    return {str(case): [str(code) for code in codes] for case, codes in read.items()}
