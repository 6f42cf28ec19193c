"""The lock-out rule: when a camera's login may be tried, and what is remembered of each attempt. Pure.

Cameras lock an address for about half an hour after a few wrong passwords. Three things keep the monitor below that:

- After a refused login the next attempt waits 5 min, then twice as long each time, up to 6 h. A refusal over RTSP
  after an accepted login may be a session limit. It is retried once after 10 s.
- At most 3 refused logins fall into any half hour, over RTSP and ONVIF together. A login that the camera does not
  answer counts as refused, unless it is known to be good.
- A login that the camera refuses over RTSP is not tried over ONVIF. After an answer that logins are locked, no login is
  tried for 31 min.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.probing.login_marks import OF_THIS_PROCESS, UNKNOWN, LoginMarks

RETRY_SECONDS = 10.0
FIRST_BACK_OFF_SECONDS = 300.0
MAX_BACK_OFF_SECONDS = 6 * 3600.0
LOCK_SECONDS = 1860.0
"""Cameras that lock an address do so for half an hour."""

MAX_REFUSALS = 3
REFUSALS_SECONDS = 1800.0
"""No more than `MAX_REFUSALS` refused logins in any half hour, over RTSP and ONVIF together."""


class Protocol(enum.StrEnum):
    """A protocol with a login of its own."""

    RTSP = "rtsp"
    ONVIF = "onvif"


class LoginOutcome(enum.Enum):
    """How the login over one protocol went in one visit.

    `OPEN`: the camera neither accepted nor refused a login. `HELD_BACK`: it asked for a login, and none was sent.
    `LOCKED_UNTRIED`: it said that logins are locked before one was sent. `REVOKED`: it accepted the login, and refused
    it later in the same session.
    """

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    HELD_BACK = "held back"
    LOCKED = "locked"
    LOCKED_UNTRIED = "locked, untried"
    REVOKED = "revoked"

    @property
    def is_refusal(self) -> bool:
        """Whether the camera refused a login that was sent."""
        return self in (LoginOutcome.REFUSED, LoginOutcome.LOCKED)

    @property
    def is_lock(self) -> bool:
        """Whether the camera said that it takes no logins for a while."""
        return self in (LoginOutcome.LOCKED, LoginOutcome.LOCKED_UNTRIED)


class Denial(enum.Enum):
    """Why a login may not be tried now."""

    BACK_OFF = "held back after refused logins"
    LIMIT = "as many logins were refused in the last half hour as are allowed"
    REFUSED_OVER_RTSP = "the same login is refused or held back over RTSP"
    LOCKED = "the camera says that logins are locked"
    UNDER_WAY = "the same login is being tried at the same address"
    UNPROVEN = "the login is tried on other cameras first"


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a login may be tried: if not, `denial` says why, and the next attempt is `wait_seconds` away.

    `spare_logins` is how many more may be sent in the same visit, in another form, after one was refused.
    """

    denial: Denial | None = None
    wait_seconds: float = 0.0
    spare_logins: int = 0

    @property
    def allowed(self) -> bool:
        """Whether a login may be tried."""
        return self.denial is None


@dataclass(frozen=True, slots=True)
class LoginHistory:
    """What is remembered of the login over one protocol.

    `credentials` is the mark of the login, so that changed credentials are tried at once; None without credentials. It
    is stored, and reveals nothing without the key of `LoginMarks`. `failures` counts refusals in a row; `held_until` is
    in seconds since the epoch. `was_accepted` says that the last login was accepted, `in_doubt` that it was refused
    after an accepted one.
    """

    credentials: str | None = None
    failures: int = 0
    held_until: float = 0.0
    was_accepted: bool = False
    in_doubt: bool = False

    def for_credentials(self, credentials: Credentials | None, marks: LoginMarks = OF_THIS_PROCESS) -> Self:
        """Return this history, or a fresh one if the credentials changed."""
        mark = marks.of(credentials)
        if mark is not None and self.credentials == UNKNOWN:
            return replace(self, credentials=mark)
        return self if mark == self.credentials else type(self)(mark)

    def moved(self, change: Callable[[float], float]) -> Self:
        """Return the same with its moment changed. The hold then ends at most `MAX_BACK_OFF_SECONDS` ahead."""
        if not self.held_until:
            return self
        return replace(self, held_until=change(self.held_until - MAX_BACK_OFF_SECONDS) + MAX_BACK_OFF_SECONDS)

    def may_try(self, now: float) -> bool:
        """Say whether the back-off is over."""
        return now >= self.held_until

    def seconds_left(self, now: float) -> float:
        """Return the seconds until the back-off is over."""
        return max(0.0, self.held_until - now)

    @property
    def known_good(self) -> bool:
        """Whether the login was accepted, and not refused since."""
        return self.was_accepted and not self.failures

    def accepted(self) -> Self:
        """Return the history after an accepted login."""
        if self.was_accepted and not self.failures:
            return self
        return replace(self, failures=0, held_until=0.0, was_accepted=True, in_doubt=False)

    def refused(self, now: float) -> Self:
        """Return the history after a refusal: one early retry after an accepted login, else 5 min doubling to 6 h."""
        if self.was_accepted:
            return replace(self, failures=1, held_until=now + RETRY_SECONDS, was_accepted=False, in_doubt=True)
        wait = min(MAX_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2 ** min(self.failures, 20))
        return replace(self, failures=self.failures + 1, held_until=now + wait, in_doubt=False)

    def locked(self, now: float) -> Self:
        """Return the history after the camera said that logins are locked: none before the lock is over."""
        wait = max(LOCK_SECONDS, self.refused(now).held_until - now)
        return replace(self, failures=self.failures + 1, held_until=now + wait, was_accepted=False, in_doubt=False)

    def after(self, outcome: LoginOutcome, now: float) -> Self:
        """Return the history after one visit."""
        if outcome in (LoginOutcome.ACCEPTED, LoginOutcome.REVOKED):
            return self.accepted()
        if outcome.is_lock:
            return self.locked(now)
        return self.refused(now) if outcome is LoginOutcome.REFUSED else self


def _only_marked(before: LoginHistory, after: LoginHistory) -> bool:
    """Return whether a history is the same but for a mark that it had not."""
    return after is before or before.credentials == UNKNOWN


@dataclass(frozen=True, slots=True)
class Login:
    """All that is remembered of one camera's logins; `before` and `after` are the lock-out rule.

    `refusals` are the last moments at which a login was refused, over RTSP or ONVIF, in seconds since the epoch.
    `offered_digest` says that the camera offered Digest over RTSP, whatever its credentials were; see `LoginRules`.
    """

    rtsp: LoginHistory = field(default_factory=LoginHistory)
    onvif: LoginHistory = field(default_factory=LoginHistory)
    refusals: tuple[float, ...] = ()
    offered_digest: bool = False

    def for_target(self, target: Target, marks: LoginMarks = OF_THIS_PROCESS) -> Login:
        """Return this, forgetting what belongs to credentials that the camera no longer has."""
        rtsp = self.rtsp.for_credentials(target.credentials, marks)
        onvif = self.onvif.for_credentials(target.onvif.credentials if target.onvif else None, marks)
        if rtsp is self.rtsp and onvif is self.onvif:
            return self
        same = _only_marked(self.rtsp, rtsp) and _only_marked(self.onvif, onvif)
        return Login(rtsp, onvif, self.refusals if same else (), self.offered_digest)

    def guarded_by(self, other: Login) -> Login:
        """Return the same, with Digest offered if it was in either."""
        if self.offered_digest or not other.offered_digest:
            return self
        return replace(self, offered_digest=True)

    def moved(self, change: Callable[[float], float]) -> Login:
        """Return the same with every moment changed."""
        refusals = tuple(change(moment) for moment in self.refusals)
        return replace(self, rtsp=self.rtsp.moved(change), onvif=self.onvif.moved(change), refusals=refusals)

    def before(self, protocol: Protocol, now: float) -> Permission:
        """Say whether a login may be tried at the start of a visit."""
        history = self.rtsp if protocol is Protocol.RTSP else self.onvif
        if not history.may_try(now):
            return Permission(Denial.BACK_OFF, history.seconds_left(now))
        return self._within_limit(self.refusals, now)

    def before_onvif(self, now: float, rtsp: LoginOutcome, permitted: Permission) -> Permission:
        """Say whether a login may be tried over ONVIF after RTSP in the same visit.

        `rtsp` is how the login over RTSP went, and `permitted` whether one was allowed there. Failures add up, so that
        the same credentials are not tried over both protocols if RTSP refuses them.
        """
        if rtsp.is_lock:
            return Permission(Denial.LOCKED, LOCK_SECONDS)
        refused = rtsp in (LoginOutcome.REFUSED, LoginOutcome.HELD_BACK, LoginOutcome.REVOKED)
        if self.rtsp.credentials == self.onvif.credentials and (refused or not permitted.allowed):
            return Permission(Denial.REFUSED_OVER_RTSP, max(permitted.wait_seconds, RETRY_SECONDS))
        if not self.onvif.may_try(now):
            return Permission(Denial.BACK_OFF, self.onvif.seconds_left(now))
        return self._within_limit((*self.refusals, now) if refused else self.refusals, now)

    @staticmethod
    def _within_limit(refusals: tuple[float, ...], now: float) -> Permission:
        recent = sorted(moment for moment in refusals if 0 <= now - moment < REFUSALS_SECONDS)
        if len(recent) < MAX_REFUSALS:
            return Permission(spare_logins=MAX_REFUSALS - 1 - len(recent))
        return Permission(Denial.LIMIT, recent[-MAX_REFUSALS] + REFUSALS_SECONDS - now)

    def after(
        self,
        rtsp: LoginOutcome,
        onvif: LoginOutcome,
        now: float,
        *,
        offered_digest: bool = False,
        more_refused: int = 0,
    ) -> Login:
        """Return what is remembered after a visit that started at `now`; `offered_digest` is of that visit.

        `more_refused` counts refused logins besides the outcomes.

        Over ONVIF there is no early retry, as only RTSP has session limits.
        """
        device = self.onvif.after(onvif, now)
        if onvif is LoginOutcome.ACCEPTED:
            device = replace(device, was_accepted=False)
        refused = rtsp.is_refusal + onvif.is_refusal + more_refused
        refusals = (*self.refusals, *[now] * refused)[-MAX_REFUSALS:]
        return Login(self.rtsp.after(rtsp, now), device, refusals, self.offered_digest or offered_digest)

    def why_withheld(self, rtsp: LoginOutcome, now: float, permitted: Permission | None = None) -> str | None:
        """Say why a refusal over RTSP is not judged yet, in words for people; None if it is judged.

        `permitted` says why no login was sent, if that was decided later than this was known.
        """
        if rtsp is LoginOutcome.REFUSED and self.rtsp.was_accepted:
            return "after good sessions: tried once more before it is judged"
        if rtsp is LoginOutcome.HELD_BACK and self.rtsp.credentials is not None:
            if permitted is not None and permitted.denial in (Denial.UNDER_WAY, Denial.UNPROVEN):
                return f"not tried now: {permitted.denial.value}"
            left = permitted.wait_seconds if permitted is not None else self.rtsp.seconds_left(now)
            return f"held back for {left:.0f} s more, so that the camera does not lock the monitor out"
        return None

    def was_session_limit(self, rtsp: LoginOutcome) -> bool:
        """Say whether the last refusal was a session limit, as the same login is accepted again."""
        return self.rtsp.in_doubt and rtsp in (LoginOutcome.ACCEPTED, LoginOutcome.REVOKED)
