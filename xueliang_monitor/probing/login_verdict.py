"""What refused logins of one visit mean: for its report, and for when the next may be tried. Pure."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.model import Finding, Rung, VisitResult
from xueliang_monitor.probing.login_backoff import MAX_REFUSALS, RETRY_SECONDS, Login
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED, AUTH_LOCKED, SESSION_LIMIT

_LOGIN_FAULTS = frozenset({AUTH_FAILED.code, AUTH_LOCKED.code})


def latest(
    before: tuple[float, ...], visited: VisitResult, device_login: tuple[bool, bool], *, tried: bool
) -> tuple[float, ...]:
    """Return the last moments at which a login was refused, with those of this visit.

    `device_login` says whether one was tried over ONVIF, and accepted; `tried` whether RTSP refused one.
    """
    refused = tried and any(result.fault in _LOGIN_FAULTS for result in visited.rungs)
    device_tried, device_accepted = device_login
    return (*before, *[visited.at] * (refused + (device_tried and not device_accepted)))[-MAX_REFUSALS:]


def after_device(login: Login, device_login: tuple[bool, bool], now: float) -> Login:
    """Count a refused login over ONVIF; there is no early retry, as session limits are RTSP's."""
    tried, accepted = device_login
    if accepted:
        return replace(login.accepted(), was_accepted=False)
    return login.refused(now) if tried else login


def judge_login(visited: VisitResult, login: Login, *, tried: bool, accepted: bool) -> tuple[VisitResult, Login]:
    """Count a refused login, and hold judgement where none was tried or a first refusal may be a session limit."""
    if accepted:
        return _with_limit(visited, login), login.accepted()
    codes = {finding.code for finding in visited.seen}
    if AUTH_LOCKED.code in codes:
        return visited, login.locked(visited.at)
    if AUTH_FAILED.code not in codes:
        return visited, login
    if tried or login.credentials is None:
        after = login.refused(visited.at) if tried else login
        if not (tried and login.was_accepted):
            return visited, after
        note = "after good sessions: tried once more before it is judged"
    else:
        after = login
        note = f"held back for {login.seconds_left(visited.at):.0f} s more, so that the camera is not locked"
    withheld = replace(
        visited,
        seen=tuple(finding for finding in visited.seen if finding.code != AUTH_FAILED.code),
        ruled_out=visited.ruled_out - {AUTH_FAILED.code},
        online=None,
        rungs=tuple(
            replace(result, detail=f"{result.detail} ({note})") if result.fault == AUTH_FAILED.code else result
            for result in visited.rungs
        ),
    )
    return withheld, after


def _with_limit(visited: VisitResult, login: Login) -> VisitResult:
    """Add the session limit that a refusal after good sessions was, as the same login is accepted again."""
    if not login.in_doubt:
        return visited
    detail = f"a login was refused, and {RETRY_SECONDS:.0f} s or more later the same one was accepted"
    return replace(
        visited,
        seen=(*visited.seen, Finding(SESSION_LIMIT.code, detail, Rung.RTSP)),
        ruled_out=visited.ruled_out - {SESSION_LIMIT.code},
    )
