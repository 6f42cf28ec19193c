"""What is kept of a look at a camera's picture: its measures and the scores of its checks, packed small. Pure."""

from __future__ import annotations

import json

from xueliang_monitor.fleet.changes import PictureSample
from xueliang_monitor.picture.measures import MEASURES

LEAST_SCORE = 0.05
"""Scores below are kept as none: limits are set far above."""

_PREFIX = "picture_"


def pack(look: PictureSample) -> tuple[str, str]:
    """Return measures, in their usual order and three digits, and scores of two digits as JSON of few bytes."""
    measures = [float(f"{look.measures.get(name, 0.0):.3g}") for name in MEASURES]
    scores = {
        code.removeprefix(_PREFIX): round(score, 2) for code, score in look.scores.items() if score >= LEAST_SCORE
    }
    return json.dumps(measures, separators=(",", ":")), json.dumps(scores, separators=(",", ":"))


def unpack(camera: str, at: float, measures: str, scores: str) -> PictureSample:
    """Return a look as it was packed."""
    return PictureSample(
        camera,
        at,
        dict(zip(MEASURES, json.loads(measures), strict=False)),
        {_PREFIX + code: score for code, score in json.loads(scores).items()},
    )
