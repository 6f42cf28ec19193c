from __future__ import annotations

from xueliang_monitor.model import Credentials
from xueliang_monitor.probing.login import LoginHistory

WRONG = Credentials("viewer", "wrong")


def attempts(login: LoginHistory, seconds: int) -> list[float]:
    tried = []
    for now in range(0, seconds, 15):
        if login.may_try(now):
            tried.append(float(now))
            login = login.refused(now)
    return tried


def test_a_wrong_password_is_tried_at_most_three_times_in_any_half_hour() -> None:
    for login in (LoginHistory().for_credentials(WRONG), LoginHistory().for_credentials(WRONG).accepted()):
        tried = attempts(login, 86_400)
        assert len(tried) >= 5
        for start in tried:
            assert sum(start <= moment < start + 1800 for moment in tried) <= 3


def test_changed_credentials_are_tried_at_once() -> None:
    held = LoginHistory().for_credentials(WRONG).refused(0.0)
    assert not held.for_credentials(WRONG).may_try(1.0)
    assert held.for_credentials(Credentials("viewer", "right")).may_try(1.0)


def test_a_good_login_ends_the_back_off() -> None:
    assert LoginHistory().for_credentials(WRONG).refused(0.0).accepted().may_try(0.0)
