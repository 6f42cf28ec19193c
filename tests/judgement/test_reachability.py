"""What a visit says about its host, whatever it says about the camera."""

from __future__ import annotations

import pytest

from xueliang_monitor.judgement.reachability import Answer, after, answer_of
from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult

REACHED = RungResult(Rung.REACH, True, 0.01)


def visit(code: str | None, *, online: bool | None, told: bool = True) -> VisitResult:
    rungs = (REACHED, RungResult(Rung.RTSP, code is None, 0.1, code))
    seen = (Finding(code, "", Rung.RTSP),) if code and told else ()
    return VisitResult("a", 0.0, rungs, seen, online=online)


@pytest.mark.parametrize("code", [None, "auth_failed", "session_limit", "stream_not_found"])
def test_any_rtsp_answer_is_one_of_the_host(code: str | None) -> None:
    assert answer_of(visit(code, online=code is None)) is Answer.SERVED


def test_a_login_that_is_held_back_is_answered_too() -> None:
    hung = after(after(None, Answer.UNSERVED, 0.0), Answer.UNSERVED, 15.0)
    answered = answer_of(visit("auth_failed", online=None, told=False))
    assert answered is Answer.SERVED
    member = after(hung, answered, 30.0)
    assert member is not None
    assert member.unserved_at is None


def test_a_visit_without_rtsp_says_only_that_the_network_reaches_the_host() -> None:
    assert answer_of(VisitResult("a", 0.0, (REACHED,))) is Answer.REACHED
    assert answer_of(visit("check_failed", online=None)) is Answer.REACHED
    assert answer_of(visit("rtsp_timeout", online=False)) is Answer.UNSERVED
