"""How a camera is spoken with over ONVIF: what is worth remembering from conversation to conversation."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


class LoginKind(enum.Enum):
    """How a camera wants to be logged in to; what is unknown is found out without a login attempt."""

    UNKNOWN = "unknown"
    NONE = "none"
    TOKEN = "WS-UsernameToken"  # noqa: S105 - the name of a profile
    DIGEST = "HTTP Digest"


@dataclass(frozen=True, slots=True)
class OnvifHints:
    """What is remembered of a camera from conversation to conversation.

    `services` are paths by namespace; `clock_offset_seconds` is the camera's clock over ours, None where not told.
    """

    login: LoginKind = LoginKind.UNKNOWN
    services: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    clock_offset_seconds: float | None = None
