"""A dusk that no look showed, or that a restart forgot, is a first light again: it is no dirt."""

from __future__ import annotations

import pytest

from tests.scenes import grain
from xueliang_monitor.picture.hours import QUARTERS, UNKNOWN, known_around, seen_with
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.reference import SETTLED_LOOKS, Reference
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.day import light_at

STEP = 0.25


def day_of(start: float, until: float, number: int, known: Reference | None = None) -> tuple[list[str], Reference]:
    """Return the faults seen from one hour to another, at most a day later, and what was learned."""
    faults: list[str] = []
    for count in range(round((until - start) / STEP)):
        hour = (start + count * STEP) % 24
        pictures = clips.frames("street", light_at(hour, number))
        burst = [grain(pictures[(count * 3 + each) % len(pictures)], 1.3, 5 * count + each) for each in range(2)]
        look = look_at(burst if count % 3 == 0 else burst[:1], known, None, hour)
        faults, known = [*faults, *(verdict.code for verdict in look.seen)], look.reference
    assert known is not None
    return faults, known


def test_a_camera_first_seen_after_dusk_does_not_know_the_dusk() -> None:
    faults, known = day_of(19.45, 24 + 19.4, 9)
    assert faults == []
    assert known.known_around(12.0)


def test_a_restart_that_drops_the_dusk_forgets_its_hour() -> None:
    faults, known = day_of(14.0, 24 + 16.0, 14)
    settled = known.settled()
    assert settled is not None
    assert len(settled.lights) < len(known.lights)
    assert all(light.looks >= SETTLED_LOOKS for light in settled.lights)
    assert known.known_around(18.5)
    assert not settled.known_around(18.5)
    assert settled.known_around(12.0)
    after, _ = day_of(16.0, 20.0, 14, settled)
    assert (faults, after) == ([], [])


@pytest.mark.parametrize(("missing", "known"), [((), True), ((73, 74, 75), True), ((73, 74, 75, 76), False)])
def test_an_hour_without_looks_is_not_known(missing: tuple[int, ...], known: bool) -> None:
    seen = b""
    for quarter in range(QUARTERS):
        if quarter not in missing:
            seen = seen_with(seen, quarter / 4)
    shown = {"noise_anchor": bytes(len(UNKNOWN))}
    assert known_around(shown, "noise", 18.6, [seen]) is known
    assert known_around(shown, "noise", 12.0, [seen])
    assert known_around(shown, "noise", 18.6, [seen_with(b"", 12.0)]), "looks are too few to tell"
    assert not known_around({}, "noise", 12.0, [seen])
