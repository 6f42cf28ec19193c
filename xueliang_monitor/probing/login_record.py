"""What is remembered of one login at one address, over all its channels, and what a channel may try by it. Pure."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from xueliang_monitor.probing.login import (
    MAX_REFUSALS,
    REFUSALS_SECONDS,
    Denial,
    Login,
    LoginHistory,
    LoginOutcome,
    Permission,
    Protocol,
)

OTHERS_FIRST_SECONDS = 60.0
"""How long a channel that refused a login waits for other channels to try it at the same address."""

FRESH_SECONDS = 3600.0
"""How often the use of a login that is accepted all the time is written down again."""


class LoginKey(typing.NamedTuple):
    """A login at an address: the host in one spelling, and the mark of the login by `LoginMarks`."""

    address: str
    mark: str


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """What is remembered of one login at one address, over all channels.

    `refusals` are the last moments at which it was refused over RTSP or ONVIF, and `used_at` is about when it was tried
    last, in seconds since the epoch. `alone` holds the channels that refused it over RTSP while it was good at the
    address and did not accept it since, by camera.
    """

    rtsp: LoginHistory = field(default_factory=LoginHistory)
    onvif: LoginHistory = field(default_factory=LoginHistory)
    refusals: tuple[float, ...] = ()
    used_at: float = 0.0
    alone: Mapping[str, LoginHistory] = field(default_factory=dict)

    def history(self, protocol: Protocol) -> LoginHistory:
        """Return the history over a protocol."""
        return self.rtsp if protocol is Protocol.RTSP else self.onvif

    def of_camera(self, camera: str) -> LoginHistory:
        """Return the history over RTSP as it holds for a camera. Only one that refused the login itself is in doubt."""
        own = self.alone.get(camera)
        if own is not None:
            return own
        return replace(self.rtsp, in_doubt=False) if self.rtsp.in_doubt else self.rtsp

    def refuses_alone(self, camera: str) -> bool:
        """Return whether a camera refused the login, and others at the address accepted it since."""
        return camera in self.alone and self.rtsp.known_good

    def moved(self, change: Callable[[float], float]) -> LoginRecord:
        """Return the same with every moment changed."""
        return LoginRecord(
            self.rtsp.moved(change),
            self.onvif.moved(change),
            tuple(change(moment) for moment in self.refusals),
            change(self.used_at),
            {camera: history.moved(change) for camera, history in self.alone.items()},
        )

    def settled(self) -> LoginRecord:
        """Return the record without doubt: the login is to blame, so that its next acceptance tells nothing more."""
        return replace(self, rtsp=replace(self.rtsp, in_doubt=False), alone={})

    def after(
        self, protocol: Protocol, outcome: LoginOutcome, at: float, *, camera: str, more_refused: int = 0
    ) -> LoginRecord:
        """Return the record after a camera's attempt in a visit that started at `at`.

        `more_refused` counts refused logins of the attempt besides its outcome.
        """
        if outcome is LoginOutcome.ACCEPTED and not more_refused and self._is_as_ever(protocol, camera, at):
            return self
        rules = Login(self.rtsp, self.onvif, self.refusals)
        tried = (outcome, LoginOutcome.OPEN) if protocol is Protocol.RTSP else (LoginOutcome.OPEN, outcome)
        learned = rules.after(*tried, at)
        if outcome is LoginOutcome.REFUSED and protocol is Protocol.RTSP and self.refuses_alone(camera):
            learned = replace(learned, rtsp=self.rtsp)
        refusals = (*self.refusals, *[at] * (outcome.is_refusal + more_refused))[-MAX_REFUSALS - 1 :]
        alone = self.alone if protocol is Protocol.ONVIF else self._alone_after(camera, outcome, at)
        after = LoginRecord(learned.rtsp, learned.onvif, refusals, self.used_at, alone)
        return after if after == self and at - self.used_at < FRESH_SECONDS else replace(after, used_at=at)

    def _is_as_ever(self, protocol: Protocol, camera: str, at: float) -> bool:
        """Return whether a camera that accepts the login over a protocol tells nothing new: nearly every visit."""
        fresh = at - self.used_at < FRESH_SECONDS
        return fresh and self.history(protocol).known_good and camera not in self.alone

    def _alone_after(self, camera: str, outcome: LoginOutcome, at: float) -> Mapping[str, LoginHistory]:
        """Return the channels that refuse the login alone after an attempt over RTSP."""
        if outcome is LoginOutcome.REFUSED:
            if not self.rtsp.was_accepted:
                return {}
            return {**self.alone, camera: self.alone.get(camera, self.rtsp).refused(at)}
        if outcome.is_lock:
            return {}
        return {name: history for name, history in self.alone.items() if name != camera}

    def recent(self, now: float) -> list[float]:
        """Return the refusals that count to the limit."""
        return sorted(moment for moment in self.refusals if 0 <= now - moment < REFUSALS_SECONDS)

    def room(self, protocol: Protocol, now: float) -> int:
        """Return how many attempts may be under way, all of which may be refused.

        A login that is not known to be good is tried over RTSP by one channel at a time.
        """
        if protocol is Protocol.RTSP and not self.rtsp.known_good:
            return 1
        return max(1, MAX_REFUSALS - len(self.recent(now)))

    def ruled(self, camera: str, now: float, permission: Permission, *, accepted: Mapping[str, float]) -> Permission:
        """Return the permission of a camera over RTSP, as what its address says of the login allows.

        `accepted` says when each camera at the address accepted the login last. A channel that refuses alone leaves one
        refusal of the limit to the others. A channel that accepted the login since the first refusal that counts goes
        on at the limit.
        """
        recent, own = self.recent(now), self.alone.get(camera)
        if own is None:
            at_limit = permission.denial is Denial.LIMIT and 0 < len(recent) <= MAX_REFUSALS
            good = self.rtsp.known_good or self.rtsp.in_doubt
            proven = at_limit and good and accepted.get(camera, -math.inf) > recent[0]
            return Permission() if proven else permission
        if not permission.allowed:
            return permission
        if self.rtsp.known_good:
            if len(recent) < MAX_REFUSALS - 1:
                return permission
            return Permission(Denial.LIMIT, recent[1 - MAX_REFUSALS] + REFUSALS_SECONDS - now)
        wait = self.rtsp.held_until + OTHERS_FIRST_SECONDS - now
        others = (at for name, at in accepted.items() if name not in self.alone)
        if wait > 0 and any(now - at < REFUSALS_SECONDS for at in others):
            return Permission(Denial.BACK_OFF, wait)
        return permission
