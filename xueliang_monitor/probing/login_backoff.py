"""When a camera's login may be tried again, so that a wrong password never locks the camera. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from xueliang_monitor.model import Credentials

RETRY_SECONDS = 10.0
FIRST_BACK_OFF_SECONDS = 300.0
MAX_BACK_OFF_SECONDS = 6 * 3600.0
LOCK_SECONDS = 1860.0
"""Cameras that lock an address do so for half an hour."""

MAX_REFUSALS = 3
REFUSALS_SECONDS = 1800.0
"""So many refused logins in any half hour, over RTSP and ONVIF together, and no more."""


def may_be_refused(refusals: tuple[float, ...], now: float) -> bool:
    """Say whether a login may be tried that could be refused; `refusals` are the last moments at which one was."""
    return sum(0 <= now - moment < REFUSALS_SECONDS for moment in refusals) < MAX_REFUSALS


@dataclass(frozen=True, slots=True)
class Login:
    """The history of one camera's login.

    `credentials` is a fingerprint, so that changed ones are tried at once; None where there are none. It is kept on
    disk, and too short to tell anybody a password. `was_accepted` says that the last login was, `in_doubt` that it
    was refused after those that were accepted.
    """

    credentials: str | None = None
    failures: int = 0
    held_until: float = 0.0
    was_accepted: bool = False
    in_doubt: bool = False

    def for_credentials(self, credentials: Credentials | None) -> Self:
        """Return this history, or a fresh one where the credentials changed."""
        fingerprint = None
        if credentials is not None:
            text = f"{credentials.username}\0{credentials.password}".encode()
            fingerprint = hashlib.blake2b(text, digest_size=2).hexdigest()
        return self if fingerprint == self.credentials else type(self)(fingerprint)

    def moved(self, change: Callable[[float], float]) -> Self:
        """Return the same with its moment changed: the end of a hold lies as far ahead as a hold may last, at most."""
        if not self.held_until:
            return self
        return replace(self, held_until=change(self.held_until - MAX_BACK_OFF_SECONDS) + MAX_BACK_OFF_SECONDS)

    def may_try(self, now: float) -> bool:
        """Say whether a login may be tried."""
        return now >= self.held_until

    def seconds_left(self, now: float) -> float:
        """Seconds until the next try."""
        return max(0.0, self.held_until - now)

    def accepted(self) -> Self:
        """Return the history after a good login."""
        if self.was_accepted and not self.failures:
            return self
        return replace(self, failures=0, held_until=0.0, was_accepted=True, in_doubt=False)

    def refused(self, now: float) -> Self:
        """Return the history after a refusal: one early retry after good sessions, else 5 min doubling to 6 h."""
        if self.was_accepted:
            return replace(self, failures=1, held_until=now + RETRY_SECONDS, was_accepted=False, in_doubt=True)
        wait = min(MAX_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2 ** min(self.failures, 20))
        return replace(self, failures=self.failures + 1, held_until=now + wait, in_doubt=False)

    def locked(self, now: float) -> Self:
        """Return the history after the camera said that it takes no login: none before the lock is over."""
        wait = max(LOCK_SECONDS, self.refused(now).held_until - now)
        return replace(self, failures=self.failures + 1, held_until=now + wait, was_accepted=False, in_doubt=False)
