"""A camera that was turned stays turned until its known view is seen again, whatever looks cannot tell meanwhile."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from tests.picture import made
from xueliang_monitor.model import PictureRules
from xueliang_monitor.picture.comparing import compare
from xueliang_monitor.picture.look import Look, look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.picture.reference import CERTAIN_LOOKS, Reference
from xueliang_monitor.picture.verdict import OFF, Sight, Verdict
from xueliang_monitor.picture.view_change import held

MOVED = "picture_moved"
RULES = PictureRules({MOVED: 0.98}, evidence=False)
"""A limit at which fog makes a turned view look almost right."""


def turned(frame: made.Frame) -> made.Frame:
    return np.roll(frame, 90, axis=1)


def foggy(frame: made.Frame) -> made.Frame:
    soft = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 4)
    return np.clip(soft * 0.6 + 68, 0, 255).astype(np.uint8)


class Looks:
    """Looks at made pictures, each with what the one before taught."""

    def __init__(self, reference: Reference) -> None:
        self.camera = made.MadeCamera()
        self.reference = reference

    def look(self, change: object = None) -> Look:
        frame = self.camera.shot(12.0)
        found = look_at((change(frame) if callable(change) else frame,), self.reference, hour=12.0, rules=RULES)
        self.reference = found.reference
        return found


def test_fog_neither_rules_out_a_turned_camera_nor_makes_its_view_normal() -> None:
    looks = Looks(made.reference(30))
    for _ in range(CERTAIN_LOOKS):
        assert [verdict.code for verdict in looks.look(turned).seen] == [MOVED]
    fog = [looks.look(lambda frame: foggy(turned(frame))) for _ in range(20)]
    assert any(MOVED not in {verdict.code for verdict in found.seen} for found in fog), "fog hides it"
    assert not any(MOVED in found.ruled_out for found in fog)
    assert looks.reference.looks == 30
    assert [verdict.code for verdict in looks.look(turned).seen] == [MOVED]
    assert MOVED in looks.look().ruled_out, "the view is back"
    assert looks.reference.looks == 31


def verdict(sight: Sight) -> tuple[Verdict, ...]:
    return (Verdict("picture_black", Sight.RULED_OUT), Verdict(MOVED, sight))


def test_only_two_sights_in_a_row_need_a_proof() -> None:
    known, camera = made.reference(30), made.MadeCamera()
    away, right = (compare(measure(frame), known) for frame in (turned(camera.shot(12.0)), camera.shot(12.0)))
    once, twice = (replace(known, moved_looks=number) for number in (1, 2))
    assert held(verdict(Sight.SEEN), away, known, limits={}) == (verdict(Sight.SEEN), 1)
    assert held(verdict(Sight.SEEN), away, twice, limits={}) == (verdict(Sight.SEEN), 2)
    assert held(verdict(Sight.UNKNOWN), away, once, limits={}) == (verdict(Sight.UNKNOWN), 1)
    assert held(verdict(Sight.RULED_OUT), away, once, limits={}) == (verdict(Sight.RULED_OUT), 0)
    assert held(verdict(Sight.RULED_OUT), away, twice, limits={}) == (verdict(Sight.UNKNOWN), 2)
    assert held(verdict(Sight.RULED_OUT), None, twice, limits={}) == (verdict(Sight.UNKNOWN), 2)
    assert held(verdict(Sight.RULED_OUT), right, twice, limits={}) == (verdict(Sight.RULED_OUT), 0)
    assert held(verdict(Sight.RULED_OUT), away, twice, limits={MOVED: OFF}) == (verdict(Sight.RULED_OUT), 0)


def test_a_restart_keeps_what_was_found_of_the_view() -> None:
    settled = replace(made.reference(80), moved_looks=2).settled()
    assert settled is not None
    assert settled.moved_looks == 2


def test_a_restart_before_the_view_is_settled_neither_clears_a_turned_camera_nor_learns_its_view() -> None:
    looks = Looks(made.reference(12))
    for _ in range(CERTAIN_LOOKS):
        assert [verdict.code for verdict in looks.look(turned).seen] == [MOVED]
    settled = looks.reference.settled()
    assert settled is not None
    assert settled.lights == ()
    looks.reference = settled
    again = [looks.look(turned) for _ in range(8)]
    assert not any(MOVED in found.ruled_out for found in again)
    assert looks.reference.looks == 0


def test_a_restart_before_the_view_is_settled_begins_anew_where_nothing_was_moved() -> None:
    assert replace(made.reference(12), moved_looks=1).settled() is None
