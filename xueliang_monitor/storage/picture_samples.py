"""The stored form of a picture sample: compact JSON of its measures and scores. Pure."""

from __future__ import annotations

import json

from xueliang_monitor.fleet.changes import PictureSample
from xueliang_monitor.picture.measures import MEASURES

LEAST_SCORE = 0.05
"""Lower scores are not stored; limits are far above."""

_PREFIX = "picture_"


def pack(look: PictureSample) -> tuple[str, str]:
    """Return the measures, in a fixed order with three digits, and the scores with two digits, as compact JSON."""
    measures = [float(f"{look.measures.get(name, 0.0):.3g}") for name in MEASURES]
    scores = {
        code.removeprefix(_PREFIX): round(score, 2) for code, score in look.scores.items() if score >= LEAST_SCORE
    }
    return json.dumps(measures, separators=(",", ":")), json.dumps(scores, separators=(",", ":"))


def unpack(camera: str, at: float, measures: str, scores: str) -> PictureSample:
    """Return the sample from its packed form."""
    return PictureSample(
        camera,
        at,
        dict(zip(MEASURES, json.loads(measures), strict=False)),
        {_PREFIX + code: score for code, score in json.loads(scores).items()},
    )
