"""The lock-out rule, over RTSP and ONVIF together."""

from __future__ import annotations

import random

import pytest

from xueliang_monitor.model import Credentials, OnvifTarget, Target
from xueliang_monitor.probing.login import (
    LOCK_SECONDS,
    MAX_REFUSALS,
    REFUSALS_SECONDS,
    Denial,
    Login,
    LoginHistory,
    LoginOutcome,
    Permission,
    Protocol,
)

WRONG, RIGHT = Credentials("viewer", "wrong"), Credentials("viewer", "right")


def login(rtsp: Credentials | None = WRONG, onvif: Credentials | None = WRONG) -> Login:
    return Login().for_target(Target("cam", "h", credentials=rtsp, onvif=OnvifTarget(credentials=onvif)))


def attempts(history: LoginHistory, seconds: int) -> list[float]:
    tried = []
    for now in range(0, seconds, 15):
        if history.may_try(now):
            tried.append(float(now))
            history = history.refused(now)
    return tried


def test_a_wrong_password_is_tried_at_most_three_times_in_any_half_hour() -> None:
    for history in (LoginHistory().for_credentials(WRONG), LoginHistory().for_credentials(WRONG).accepted()):
        tried = attempts(history, 86_400)
        assert len(tried) >= 5
        for start in tried:
            assert sum(start <= moment < start + 1800 for moment in tried) <= 3


def test_changed_credentials_are_tried_at_once() -> None:
    held = LoginHistory().for_credentials(WRONG).refused(0.0)
    assert not held.for_credentials(WRONG).may_try(1.0)
    assert held.for_credentials(RIGHT).may_try(1.0)


def test_a_good_login_ends_the_back_off() -> None:
    assert LoginHistory().for_credentials(WRONG).refused(0.0).accepted().may_try(0.0)


@pytest.mark.parametrize("onvif", [WRONG, RIGHT], ids=["same", "another"])
def test_no_half_hour_has_more_refusals_than_allowed_over_both_protocols(onvif: Credentials) -> None:
    """A camera that accepts or refuses at random, visited every 15 s for a day."""
    known, chance, refused = login(onvif=onvif), random.Random(4), []
    for now in range(0, 86_400, 15):
        permission = known.before(Protocol.RTSP, now)
        rtsp = chance.choice([LoginOutcome.ACCEPTED, LoginOutcome.REFUSED, LoginOutcome.LOCKED])
        rtsp = rtsp if permission.allowed else LoginOutcome.HELD_BACK
        device = LoginOutcome.REFUSED if known.before_onvif(now, rtsp, permission).allowed else LoginOutcome.OPEN
        known = known.after(rtsp, device, now)
        refused += [now] * (rtsp.is_refusal + device.is_refusal)
    assert len(refused) >= 5
    for start in refused:
        assert sum(start <= moment < start + REFUSALS_SECONDS for moment in refused) <= MAX_REFUSALS


def test_a_denial_says_why_and_for_how_long() -> None:
    refused = login().after(LoginOutcome.REFUSED, LoginOutcome.OPEN, 1000.0)
    assert refused.before(Protocol.RTSP, 1100.0) == Permission(Denial.BACK_OFF, 200.0)
    locked = login().after(LoginOutcome.LOCKED, LoginOutcome.OPEN, 1000.0)
    assert locked.before(Protocol.RTSP, 1000.0) == Permission(Denial.BACK_OFF, LOCK_SECONDS)
    limited = Login(refusals=(1000.0, 1100.0, 1200.0))
    assert limited.before(Protocol.ONVIF, 1300.0) == Permission(Denial.LIMIT, 1500.0)
    assert limited.before(Protocol.ONVIF, 2800.0).allowed


def test_a_login_that_rtsp_refuses_is_not_tried_over_onvif() -> None:
    for outcome in (LoginOutcome.REFUSED, LoginOutcome.HELD_BACK, LoginOutcome.REVOKED):
        assert login().before_onvif(0.0, outcome, Permission()).denial is Denial.REFUSED_OVER_RTSP
        assert login(onvif=RIGHT).before_onvif(0.0, outcome, Permission()).allowed
    assert login(onvif=RIGHT).before_onvif(0.0, LoginOutcome.LOCKED, Permission()).denial is Denial.LOCKED


def test_a_refusal_after_a_good_session_may_be_a_session_limit() -> None:
    good = login().after(LoginOutcome.ACCEPTED, LoginOutcome.OPEN, 0.0)
    assert good.why_withheld(LoginOutcome.REFUSED, 15.0) is not None
    doubted = good.after(LoginOutcome.REFUSED, LoginOutcome.OPEN, 15.0)
    assert doubted.before(Protocol.RTSP, 30.0).allowed
    assert doubted.was_session_limit(LoginOutcome.ACCEPTED)
    assert doubted.why_withheld(LoginOutcome.REFUSED, 30.0) is None
