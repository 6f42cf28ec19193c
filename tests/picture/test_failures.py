"""A failing check or step costs only its own result. It is counted by name and logged once."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.picture import made
from tests.simulated_time import camera, visited
from tests.watched import Watched
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import MAX_TRACE, CheckFailure, PictureRules, Rung, State
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.look import LookError, look_at
from xueliang_monitor.picture.verdict import Check, Judged, View

NOON = time.mktime((2026, 6, 1, 12, 0, 0, 0, 0, -1))
CODES = [check.fault.code for check in PICTURE_CHECKS]


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("of our own " + "x" * 5000)


def starved(_view: View) -> Judged:
    raise MemoryError


def with_check(code: str, judge: Callable[[View], Judged]) -> tuple[Check, ...]:
    return tuple(replace(each, judge=judge) if each.fault.code == code else each for each in PICTURE_CHECKS)


@pytest.mark.parametrize("code", CODES)
def test_a_failing_check_costs_only_that_check(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = made.MadeCamera().shot(12.0)
    whole = look_at([frame], made.reference(24), 0.1, 12.0)
    monkeypatch.setattr("xueliang_monitor.picture.judge.PICTURE_CHECKS", with_check(code, broken))
    look = look_at([frame], made.reference(24), 0.1, 12.0)
    assert look.seen == ()
    assert look.ruled_out == whole.ruled_out - {code}
    assert look.reference.looks == whole.reference.looks, "the look still teaches"
    (failure,) = look.failures
    assert (failure.check, failure.kind) == (code, "ZeroDivisionError")
    assert len(failure.trace) == MAX_TRACE
    assert pickle.loads(pickle.dumps(look)).failures == look.failures  # a look is returned by a worker process


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("motion", "measuring_motion.measure_motion"),
        ("compare", "comparing.compare"),
        ("remember", "remembering.remember"),
        ("evidence", "drawing.draw"),
    ],
)
def test_a_failing_step_costs_only_its_result(step: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"xueliang_monitor.picture.{place}", broken)
    known = made.reference(24)
    black = made.MadeCamera().shot(12.0) * 0
    look = look_at([black, black], known, 0.1, 12.0, rules=PictureRules())
    assert [verdict.code for verdict in look.seen] == ["picture_black"]
    assert [(each.check, each.kind) for each in look.failures] == [(step, "ZeroDivisionError")]
    assert look.reference.lights == known.lights
    assert bool(look.evidence) == (step != "evidence")


def test_a_picture_that_cannot_be_measured_is_a_look_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.picture.measuring.measure", broken)
    with pytest.raises(LookError, match="could not be measured") as caught:
        look_at([made.MadeCamera().shot(12.0)], None)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.failure.check, str(again)) == ("measure", str(caught.value))


def test_a_memory_error_ends_the_whole_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.picture.judge.PICTURE_CHECKS", with_check(CODES[-1], starved))
    with pytest.raises(MemoryError):
        look_at([made.MadeCamera().shot(12.0)], None)


def test_failures_are_counted_by_check_and_each_kind_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet(ManualClock(0.0), Policy(), (camera("gate"), camera("yard")))
    failures = [CheckFailure("picture_dirty", kind, f"Traceback of {kind}") for kind in ("ValueError", "KeyError")]
    with caplog.at_level(logging.ERROR):
        for number in range(50):
            made_of = visited("gate" if number % 2 else "yard", float(number), None, Rung.PICTURE)
            fleet.apply(replace(made_of, failures=tuple(failures)), fleet.entry("gate").memory, 0.0)
    text, _ = render(fleet.snapshot(), "text/plain")
    assert 'xueliang_picture_check_errors_total{check="picture_dirty"} 100.0' in text.decode()
    assert [record.message.count("Traceback of") for record in caplog.records] == [1, 1]


async def test_a_failing_check_leaves_the_camera_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a visit and the fleet. The look runs in this process: a worker process would not see the patch."""

    async def here(_: object, material: Any, reference: Any, *, seconds: float) -> Any:
        from xueliang_monitor.picture.look import look

        return look(material, reference)

    monkeypatch.setattr("xueliang_monitor.picture.judge.PICTURE_CHECKS", with_check("picture_colourless", broken))
    monkeypatch.setattr("xueliang_monitor.picture.worker.Workers.look_in_turn", here)
    scene = made.MadeCamera()
    watched = Watched(tmp_path, lambda _: scene.shot(12.0), NOON, monkeypatch, 60.0)
    for _ in range(8):
        assert (await watched.look()).seen == ()
    assert set(watched.states) == {State.UP}
    assert watched.fleet.snapshot().monitor.visits.failures.counts == {"picture_colourless": 8}
    assert watched.reference is not None
    assert watched.reference.learned
    monkeypatch.setattr("xueliang_monitor.picture.measuring.measure", broken)
    for _ in range(2):
        assert [finding.code for finding in (await watched.look()).seen] == ["check_failed"]
    assert watched.fleet.snapshot().monitor.visits.failures.counts == {"picture_colourless": 8, "measure": 2}
    watched.close()
