"""Picture samples: stored compactly without loss, and shown so that limits can be tuned."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from xueliang_monitor.cli.picture_past import STEPS, course, scores_table
from xueliang_monitor.fleet.changes import PictureSample
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.picture.verdict import OFF
from xueliang_monitor.storage.picture_samples import pack, unpack


def test_a_look_is_packed_small_and_comes_back() -> None:
    measures = {name: 0.123456 * (number + 1) for number, name in enumerate(MEASURES)}
    look = PictureSample("gate", 1000.0, measures, {"picture_dirty": 0.4567, "picture_black": 0.01})
    packed = pack(look)
    assert sum(map(len, packed)) < 90
    back = unpack("gate", 1000.0, *packed)
    assert back.scores == {"picture_dirty": 0.46}
    assert all(abs(back.measures[name] / value - 1) < 0.005 for name, value in measures.items())


def test_the_course_of_a_score_shows_its_peaks_and_its_gaps() -> None:
    shown = course([(0.0, 0.0), (10.0, 1.0), (11.0, 0.2), (100.0, 0.5)], columns=10)
    assert shown[0] == STEPS[0]
    assert shown[1] == STEPS[-1]
    assert shown[2:9] == " " * 7
    assert shown[9] in STEPS[3:5]
    assert course([]) == ""


@pytest.mark.parametrize(("width", "bars"), [(60, 0), (79, 0), (80, 9), (120, 49), (131, 60), (200, 60)])
def test_the_numbers_of_a_history_are_shown_in_full_at_any_width(width: int, bars: int) -> None:
    looks = [PictureSample("gate", 60.0 * number, {}, {"picture_dirty": number / 200}) for number in range(200)]
    text = io.StringIO()
    Console(file=text, width=width).print(scores_table(looks, {"picture_dirty": 0.7, "picture_noisy": OFF}, width))
    told = text.getvalue()
    rows = [line.replace("│", " ").split() for line in told.splitlines()]
    assert ["0.70", "0.50", "0.94", "0.99", "60"] in [row[1:6] for row in rows]
    assert ["0.50", "0.00", "0.00", "0.00"] in [row[1:5] for row in rows]
    assert "off" in [row[1] for row in rows if len(row) > 1]
    assert sum(map(told.count, STEPS)) == bars * len(PICTURE_CHECKS)
    assert "…" not in told
    assert max(map(len, told.splitlines())) <= width
