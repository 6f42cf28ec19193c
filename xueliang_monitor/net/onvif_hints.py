"""What is remembered of a camera's ONVIF service between visits, so that fewer requests are needed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


class LoginKind(enum.Enum):
    """The login that a camera requires; UNKNOWN is resolved by a request without a login."""

    UNKNOWN = "unknown"
    NONE = "none"
    TOKEN = "WS-UsernameToken"  # noqa: S105 - the name of a profile
    DIGEST = "HTTP Digest"


@dataclass(frozen=True, slots=True)
class OnvifHints:
    """The login kind, the paths of the services by namespace, and the camera's clock.

    `clock_offset_seconds` is the camera's clock minus ours, None if the camera does not report its time.
    """

    login: LoginKind = LoginKind.UNKNOWN
    services: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    clock_offset_seconds: float | None = None
