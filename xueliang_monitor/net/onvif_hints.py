"""What is remembered of a camera's ONVIF service between visits, so that fewer requests are needed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xueliang_monitor.wire.service_address import ServiceAddress

SAME_CLOCK_SECONDS = 3.0
"""Clocks that are less apart are the same for a token: cameras accept at least 5 s."""

_HALF_HOUR_SECONDS = 1800.0
_ZONE_MISTAKE_SECONDS = 90.0
"""How far a clock that is a time zone off may be beside it."""


class LoginKind(enum.Enum):
    """The login that a camera requires; UNKNOWN is resolved by a request without a login."""

    UNKNOWN = "unknown"
    NONE = "none"
    TOKEN = "WS-UsernameToken"  # noqa: S105 - the name of a profile
    DIGEST = "HTTP Digest"
    BOTH = "HTTP Digest and WS-UsernameToken"


class ClockKind(enum.Enum):
    """How a camera tells its clock (GetSystemDateAndTime).

    LOCAL_AS_UTC: it tells its local time as UTC, which contradicts its time zone. UNTOLD: it does not answer, answers
    with a fault, or tells no date. REFUSED: it refuses to tell the time, with or without a login.
    """

    UNKNOWN = "unknown"
    TOLD = "told"
    LOCAL_AS_UTC = "local time as UTC"
    UNTOLD = "untold"
    REFUSED = "refused"


class TokenClock(enum.Enum):
    """The clock that the Created of a WS-UsernameToken is taken from, as the camera accepted it."""

    UNKNOWN = "unknown"
    CAMERA = "camera"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class OnvifHints:
    """What is remembered of a camera's ONVIF service.

    Attributes:
        login: the kind of login that it requires.
        services: the addresses of its services by namespace.
        clock_offset_seconds: its clock minus ours; None unless `clock` is TOLD or LOCAL_AS_UTC. In the latter case it
            is the offset of its local time with the time zone taken out.
        clock: how it tells its clock.
        told_offset_seconds: the UTC that it tells, or the date of its HTTP responses, minus our clock, whatever is
            wrong with it; None if it tells neither. It is for tokens only.
        token_clock: the clock by which it accepted a WS-UsernameToken.
        clock_needs_login: whether it tells its clock after a login only.
        silent_services: the namespaces of media services that did not answer when they were last asked for profiles.
        media2_profiles: the tokens of profiles whose stream Media2 has to be asked for.
        nonce_is_good_once: whether a nonce of HTTP Digest is refused when it is used again.
        speaks_soap_11: whether it takes SOAP 1.1 only.
        places: where services were found that are not at the port that was reached.

    """

    login: LoginKind = LoginKind.UNKNOWN
    services: Mapping[str, ServiceAddress] = field(default_factory=lambda: MappingProxyType({}))
    clock_offset_seconds: float | None = None
    clock: ClockKind = ClockKind.UNKNOWN
    told_offset_seconds: float | None = None
    token_clock: TokenClock = TokenClock.UNKNOWN
    clock_needs_login: bool = False
    media2_profiles: frozenset[str] = frozenset()
    silent_services: frozenset[str] = frozenset()
    nonce_is_good_once: bool = False
    speaks_soap_11: bool = False
    places: Mapping[ServiceAddress, ServiceAddress] = field(default_factory=lambda: MappingProxyType({}))

    def token_offsets(self) -> tuple[float, ...]:
        """Return the offsets from our clock that a token may be signed by, the likely one first; at most two.

        A camera judges a token by its own clock, which is mostly the one that it tells. If it tells its local time as
        UTC, or is off by whole half hours as if it did, the true UTC is likely.
        """
        ours = self.clock_offset_seconds or 0.0 if self.clock is ClockKind.LOCAL_AS_UTC else 0.0
        told = self.told_offset_seconds
        if told is None or self.token_clock is TokenClock.OURS:
            return (ours,)
        if abs(told - ours) <= SAME_CLOCK_SECONDS or self.token_clock is TokenClock.CAMERA:
            return (told,)
        return (ours, told) if self.clock is ClockKind.LOCAL_AS_UTC or _is_zone_mistake(told) else (told, ours)

    def with_token_refused(self) -> OnvifHints:
        """Return the hints after the login was refused."""
        return replace(self, token_clock=TokenClock.UNKNOWN)

    def with_token_accepted(self, offset: float) -> OnvifHints:
        """Return the hints after a token was accepted that was signed by one of `token_offsets`."""
        by_camera = offset == self.told_offset_seconds
        return replace(self, token_clock=TokenClock.CAMERA if by_camera else TokenClock.OURS)


def _is_zone_mistake(offset: float) -> bool:
    halves = round(offset / _HALF_HOUR_SECONDS)
    return 0 < abs(halves) <= 28 and abs(offset - halves * _HALF_HOUR_SECONDS) <= _ZONE_MISTAKE_SECONDS
