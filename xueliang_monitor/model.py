"""The words of the project as frozen values: faults, targets, readings, reports."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

EMPTY: Mapping[str, float | str] = MappingProxyType({})


class Rung(enum.StrEnum):
    """One step of the ladder; `MONITOR` stands for our own errors."""

    REACH = "reach"
    RTSP = "rtsp"
    STREAM = "stream"
    PICTURE = "picture"
    MONITOR = "monitor"


class Severity(enum.StrEnum):
    """What a fault costs: no video, or worse video."""

    CRITICAL = "critical"
    WARNING = "warning"


class State(enum.StrEnum):
    """What people are shown of a camera."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in the two languages that operators read."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A declaration in the catalogue, made beside the code that finds the fault."""

    code: str
    rung: Rung
    severity: Severity
    name: Text
    cause: Text
    advice: Text


@dataclass(frozen=True, slots=True)
class Finding:
    """One sight of a fault: its code, and the step, host and answer in words without secrets."""

    code: str
    detail: str


class FaultSeen(Exception):
    """Raised by a probe for the fault that stops its climb."""

    def __init__(self, fault: Fault, detail: str, readings: Mapping[str, float | str] = EMPTY) -> None:
        super().__init__(f"{fault.code}: {detail}")
        self.fault = fault
        self.detail = detail
        self.readings = readings


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login; its representation never shows the password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """What a visit needs to know of a camera."""

    id: str
    host: str
    port: int = 554
    path: str = "/"
    credentials: Credentials | None = None

    @property
    def url(self) -> str:
        """The RTSP address without user information."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = self.path if self.path.startswith("/") else f"/{self.path}"
        return f"rtsp://{host}:{self.port}{path}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that each rung may take."""

    reach: float = 2.0
    rtsp: float = 3.0
    stream: float = 12.0
    picture: float = 10.0

    def within(self, seconds: float, picture: float) -> Timeouts:
        """Return the same, cut to what is left: `seconds` in all, of which `picture` are kept for the last rung."""
        left = max(0.5, seconds - picture)
        return Timeouts(
            min(self.reach, left), min(self.rtsp, left), min(self.stream, left), min(self.picture, max(0.5, seconds))
        )


@dataclass(frozen=True, slots=True)
class RungResult:
    """How one rung of a visit went."""

    rung: Rung
    ok: bool
    seconds: float
    fault: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The immutable result of a visit: facts only, judged elsewhere.

    What is neither in `seen` nor in `ruled_out` could not be told. `look_again` asks for an early second look at
    the picture. `online` is None where the visit could not tell.
    """

    camera: str
    at: float
    rungs: tuple[RungResult, ...]
    seen: tuple[Finding, ...] = ()
    ruled_out: frozenset[str] = frozenset()
    look_again: bool = False
    readings: Mapping[str, float | str] = field(default_factory=lambda: EMPTY)
    online: bool | None = None
    keyframe_at: float | None = None
