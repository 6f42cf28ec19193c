"""Draws the small copy of a faulty picture that is kept as evidence, with the deciding measures under it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xueliang_monitor.picture.verdict import Verdict

WIDTH = 320
"""Width of the copy in pixels: enough to see the fault, too little to recognise a face."""

MAX_LINES = 8
"""Lines of text under the picture."""

_LINE_PIXELS, _LETTERS, _SCALE = 14, 52, 0.36
"""Height of a line, letters that fit into the width, and size of the font."""

_JPEG_QUALITY = 70
"""JPEG quality of the copy. Chosen by hand."""


def draw(frame: NDArray[np.uint8], seen: Sequence[Verdict]) -> bytes:
    """Return a JPEG, 320 px wide, of a BGR frame with the faults and their reasons under it."""
    height = max(8, min(2 * WIDTH, round(frame.shape[0] * WIDTH / frame.shape[1])))
    small = cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA)
    if small.ndim == 2:
        small = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    lines = [line for verdict in seen for line in textwrap.wrap(f"{verdict.code}: {verdict.detail}", _LETTERS)]
    lines = lines[:MAX_LINES]
    label = np.zeros((_LINE_PIXELS * len(lines) + 6, WIDTH, 3), np.uint8)
    for number, line in enumerate(lines):
        place = (4, _LINE_PIXELS * (number + 1))
        cv2.putText(label, line, place, cv2.FONT_HERSHEY_SIMPLEX, _SCALE, (235, 235, 235), 1, cv2.LINE_AA)
    drawn = np.vstack([small, label])
    return bytes(cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
