"""Stored names stay as they are: memory files and packed samples of earlier versions must be readable."""

from __future__ import annotations

import pytest

from tests.picture import made
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import Usual

FRAME = [
    "mean",
    "low",
    "high",
    "white",
    "chroma",
    "contrast",
    "uniform",
    "blur",
    "fine",
    "middle",
    "noise",
    "impulses",
    "stripes_wide",
    "stripes_middle",
    "stripes_narrow",
    "lines",
    "stripes_wide_pure",
    "stripes_middle_pure",
    "stripes_narrow_pure",
    "beat",
    "beat_pure",
    "flat_cells",
    "smeared",
    "smeared_rows",
    "grid_steps",
    "cut_off",
    "void",
    "colour_noise",
]
SCENE = [
    "kept",
    "textured",
    "contrast_kept",
    "detail_kept_best",
    "detail_left",
    "lost_apart",
    "detailed",
    "veiled",
    "hidden",
    "soiled",  # in place of "spots" and "still": another measure, so what earlier versions kept of them is not used
    "banding",
    "banding_pure",
    "spread_kept",
    "layout",
    "moved",
    "turned",
    "moved_gain",
    "moved_fit",
]
COLOURS = ["cast", "cast_even", "chroma_kept", "chroma_usual", "red", "blue"]
BETWEEN = ["changed"]
EXPORTED = [
    "brightness_ratio",
    "sharpness_ratio",
    "white_ratio",
    "uniform_ratio",
    "contrast_levels",
    "noise_levels",
    "detail_levels",
    "chroma_levels",
]


def test_a_past_is_stored_under_the_names_and_in_the_order_of_the_first_version() -> None:
    reference = made.reference(24)
    measures = measure(made.MadeCamera().shot(12.0))
    compared = compare(measures, reference)
    assert compared is not None
    assert list(measures.numbers) == FRAME
    assert list(compared.numbers) == [*SCENE, *COLOURS]
    assert list(reference.usual) == [*FRAME, *SCENE, *COLOURS, *BETWEEN]


def test_samples_are_packed_in_the_order_of_the_first_version() -> None:
    assert list(MEASURES) == EXPORTED
    exported = measure(made.MadeCamera().shot(12.0)).exported.by_name()
    assert list(exported) == EXPORTED


def test_usual_values_are_read_by_their_stored_names() -> None:
    usual = Usual.of({"white": (0.2, 0.1, 0.4), "moved_fit": (0.5,)})
    recent = usual.frame.white_ratio
    assert (recent.lowest(1.0), recent.median(1.0), recent.highest(0.0)) == (0.1, 0.2, 0.4)
    assert usual.scene.shift_correlation.values == (0.5,)
    unknown = usual.colours.cast_log_ratio
    assert (unknown.lowest(1.0), unknown.median(2.0), unknown.highest(3.0)) == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("number", range(3))
def test_stripes_are_the_three_bands(number: int) -> None:
    measures = measure(made.MadeCamera().shot(12.0))
    name = ("stripes_wide", "stripes_middle", "stripes_narrow")[number]
    band = measures.stripes[number]
    assert (band.levels, band.prominence) == (measures.numbers[name], measures.numbers[f"{name}_pure"])
