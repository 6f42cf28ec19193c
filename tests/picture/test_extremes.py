"""No check and no step of a look raises, for any measures and any past, and every score is in [0, 1]."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.picture import made
from xueliang_monitor.model import PictureRules
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.comparison import NUMBERS, Colours, Comparison
from xueliang_monitor.picture.judge import judge
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measures import FrameValues, Measures, Motion, TravellingBar
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import KEPT, Reference
from xueliang_monitor.picture.remembering import remember
from xueliang_monitor.picture.verdict import Check, Sight, View, over

SEEN = measure(made.MadeCamera().shot(12.0))
COLOURS = ("cast", "cast_even", "chroma_kept", "chroma_usual")
LEARNED = (*SEEN.numbers, *NUMBERS, *COLOURS)
NUMBER = st.one_of(
    st.sampled_from((0.0, -0.0, 1e-300, 1e-9, 0.1, 0.5, 1.0, 255.0, 1e9, -1.0, 1e308, -1e308)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1),
    st.floats(0, 255),
)
MOTION = st.builds(
    Motion,
    *[NUMBER] * 12,
    cell_detail=st.just(SEEN.cell_detail),
    thumbs=st.just((SEEN.thumb,)),
    lost_rows_ratio=NUMBER,
    offset_levels=NUMBER,
    bar=st.builds(TravellingBar, *[NUMBER] * 3),
)
COLOUR = st.builds(Colours, *[NUMBER] * len(COLOURS), st.booleans(), st.booleans())
COMPARED = st.none() | st.builds(Comparison, *[NUMBER] * len(NUMBERS), st.none() | COLOUR)


@st.composite
def pasts(draw: st.DrawFn) -> Reference | None:
    """Draw a past: none, or usual values that are all equal, all zero or arbitrary, for all, some or no measures."""
    looks = draw(st.sampled_from((0, 1, 5, 11, 12, 300)))
    if not looks:
        return draw(st.none() | st.just(Reference()))
    lights = made.reference().lights[:1]
    values = draw(
        st.sampled_from(
            (st.just([0.0]), NUMBER.map(lambda one: [one] * KEPT), st.lists(NUMBER, min_size=1, max_size=3))
        )
    )
    names = draw(st.sampled_from((LEARNED, LEARNED[::2], ())))
    usual = {name: tuple(draw(values)) for name in names}
    return Reference(tuple(replace(light, looks=1) for light in lights), usual, looks)


@st.composite
def views(draw: st.DrawFn) -> View:
    names = [each.name for each in fields(FrameValues)]
    numbers = {name: draw(NUMBER) for name in names} if draw(st.booleans()) else dict.fromkeys(names, draw(NUMBER))
    measures = replace(SEEN, **numbers, motion=draw(st.none() | MOTION), motion_ratio=draw(st.none() | NUMBER))
    return View(measures, draw(COMPARED), draw(pasts()), draw(st.none() | st.floats(0, 23.99)))


@pytest.mark.parametrize("check", PICTURE_CHECKS, ids=lambda check: check.fault.code)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(view=views())
def test_no_check_raises(check: Check, view: View) -> None:
    judged = check.judge(view)
    assert judged.score is None or 0 <= judged.score <= 1
    assert isinstance(judged.sight(), Sight)


@pytest.mark.parametrize("check", PICTURE_CHECKS, ids=lambda check: check.fault.code)
@pytest.mark.parametrize(
    "reference", [None, Reference(), made.reference(), made.reference(24)], ids=["none", "empty", "young", "grown"]
)
def test_without_a_comparison_every_check_judges_as_without_a_past(check: Check, reference: Reference | None) -> None:
    last = replace(reference, previous=b"") if reference is not None else None
    assert check.judge(View(SEEN, None, last)).sight() is check.judge(View(SEEN)).sight()


@given(NUMBER, NUMBER, NUMBER)
def test_a_score_is_defined_for_every_limit(value: float, limit: float, full: float) -> None:
    assert 0 <= over(value, limit, full) <= 1
    assert over(limit, limit, full) == 0.5
    assert over(value, limit, limit) == (0.5 if value == limit else float(value > limit))


def frames() -> Iterator[tuple[str, made.Frame]]:
    chance = np.random.default_rng(3)
    for height, width in ((1, 1), (2, 2), (1, 40), (40, 1), (3, 17), (16, 16), (17, 301), (359, 641), (8, 1900)):
        shape = height, width, 3
        one = np.zeros(shape, np.uint8)
        one[height // 2, width // 2] = 255
        checked = (np.indices((height, width)).sum(axis=0) % 2 * 255).astype(np.uint8)
        yield from (
            (f"{width}x{height}-{name}", frame)
            for name, frame in (
                ("black", np.zeros(shape, np.uint8)),
                ("white", np.full(shape, 255, np.uint8)),
                ("blue", np.full(shape, (255, 0, 0), np.uint8)),
                ("grey", np.full(shape, 128, np.uint8)),
                ("one", one),
                ("checked", np.repeat(checked[..., None], 3, axis=2)),
                ("noise", chance.integers(0, 255, shape, np.uint8)),
            )
        )


FRAMES = list(frames())


@pytest.mark.parametrize(("name", "frame"), FRAMES, ids=[name for name, _ in FRAMES])
def test_no_step_fails_on_any_frame(name: str, frame: made.Frame) -> None:
    burst = [frame, frame, np.roll(frame, 1, axis=0)]
    for reference, shown in itertools.product((None, made.reference(), made.nights()), ([frame], burst)):
        look = look_at(shown, reference, 0.1, 12.0, rules=PictureRules())
        assert look.failures == ()
        assert all(np.isfinite(value) for value in look.measures.values())


@pytest.mark.parametrize(("name", "frame"), FRAMES[::3], ids=[name for name, _ in FRAMES[::3]])
def test_any_frame_can_be_learned_from_and_compared_with(name: str, frame: made.Frame) -> None:
    known: Reference | None = None
    for other in (frame, 255 - frame, frame, SEEN.thumb, made.MadeCamera().shot(3.0), frame):
        measures: Measures = measure(other)
        compared = compare(measures, known)
        assert (compared is None) == (known is None)
        if compared is not None:
            assert all(np.isfinite(value) for value in compared.numbers.values())
        assert all(verdict.failure is None for verdict in judge(View(measures, compared, known, 12.0)))
        known = remember(known, measures, compared, healthy=True)
    assert known is not None
    assert known.learned
