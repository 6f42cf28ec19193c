"""Checks judged on real footage: healthy stays healthy, what is done to it is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from xueliang_monitor.picture.judge import judge
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Reference, remember
from xueliang_monitor.picture.verdict import Sight

CLIPS = ("street", "cardet", "bottles", "worker", "parking", "highway", "tfl1", "tfl3", "tfl5", "riverdk")
Frame = Any


def frames(path: Path, count: int) -> list[Frame]:
    if path.is_dir():
        return [cv2.imread(str(file)) for file in sorted(path.iterdir())[:count]]
    capture = cv2.VideoCapture(str(path))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    step = max(1, total // count)
    found = []
    for number in range(total):
        good, frame = capture.read()
        if good and number % step == 0:
            found.append(frame)
    return found[:count]


def seen(frame: Frame, reference: Reference | None) -> list[str]:
    return [verdict.code for verdict in judge(measure(frame, 0.1), reference) if verdict.sight is Sight.SEEN]


def learn(pictures: list[Frame]) -> Reference:
    reference = None
    for picture in pictures:
        reference = remember(reference, measure(picture, 0.1), healthy=True)
    assert reference is not None
    return reference


@pytest.mark.parametrize("name", [*CLIPS, "lta4703", "lta2701"])
def test_no_healthy_picture_is_called_faulty(footage: Path, name: str) -> None:
    path = footage / (name if (footage / name).is_dir() else f"{name}.mp4")
    pictures = frames(path, 10)
    assert [seen(picture, None) for picture in pictures] == [[]] * len(pictures)
    if not path.is_dir():  # the stills go from day to night, which the full set of checks will tell apart
        reference = learn(pictures[::2])
        assert [seen(picture, reference) for picture in pictures[1::2]] == [[]] * len(pictures[1::2])


def cover(frame: Frame, share: float) -> Frame:
    covered = frame.copy()
    width = int(frame.shape[1] * share)
    patch = np.full((frame.shape[0], width, 3), 45, np.uint8)
    covered[:, :width] = patch
    return covered


@pytest.mark.parametrize("name", ["street", "bottles", "highway", "tfl1"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda frame: np.full_like(frame, 3), "picture_black"),
        (lambda frame: np.full_like(frame, (200, 60, 20)), "picture_blank"),
        (lambda frame: np.clip(frame.astype(np.int16) + 215, 0, 255).astype(np.uint8), "picture_too_bright"),
        (lambda frame: cover(frame, 0.6), "picture_covered"),
        (lambda frame: cv2.GaussianBlur(frame, (0, 0), frame.shape[1] / 90), "picture_blurred"),
    ],
    ids=["black", "blank", "bright", "covered", "blurred"],
)
def test_what_is_done_to_a_picture_is_found(footage: Path, name: str, change: Any, code: str) -> None:
    pictures = frames(footage / f"{name}.mp4", 8)
    assert seen(change(pictures[-1]), learn(pictures[:-1])) == [code]


def test_only_the_same_picture_of_a_still_stream_is_frozen(footage: Path) -> None:
    one, other = frames(footage / "street.mp4", 2)
    reference = remember(None, measure(one, 0.1), healthy=True)

    def frozen(frame: Frame, motion: float | None) -> Sight:
        return next(
            verdict.sight for verdict in judge(measure(frame, motion), reference) if verdict.code == "picture_frozen"
        )

    assert frozen(one, 0.001) is Sight.SEEN
    assert frozen(one, 0.1) is Sight.RULED_OUT  # a looped replay
    assert frozen(one, None) is Sight.UNKNOWN
    assert frozen(other, None) is Sight.RULED_OUT
    assert frozen(other, 0.001) is Sight.SUSPECT


def test_a_reference_is_compact(footage: Path) -> None:
    import pickle

    reference = learn(frames(footage / "street.mp4", 20))
    assert len(pickle.dumps(reference)) < 64 * 1024
