"""The words of the project as frozen values: faults, targets, readings, reports."""

from __future__ import annotations

import enum
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, TypeVar
from urllib.parse import quote

EMPTY: Mapping[str, float | str] = MappingProxyType({})
NO_NUMBERS: Mapping[str, float] = MappingProxyType({})

_Schema = TypeVar("_Schema")


class Rung(str):
    """The name of one rung of the ladder, as stored and shown.

    The type is open: a probe in `probing/rungs/` declares a rung and may name a new one there. `FLEET` and `MONITOR`
    are not rungs. They are the origin of faults found over many visits, and of errors of the monitor itself.
    """

    __slots__ = ()

    REACH: ClassVar[Rung]
    RTSP: ClassVar[Rung]
    STREAM: ClassVar[Rung]
    PICTURE: ClassVar[Rung]
    ONVIF: ClassVar[Rung]
    FLEET: ClassVar[Rung]
    MONITOR: ClassVar[Rung]

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, handler: Callable[[type[str]], _Schema]) -> _Schema:
        """Have pydantic store and read it as text."""
        return handler(str)


Rung.REACH = Rung("reach")
Rung.RTSP = Rung("rtsp")
Rung.STREAM = Rung("stream")
Rung.PICTURE = Rung("picture")
Rung.ONVIF = Rung("onvif")
Rung.FLEET = Rung("fleet")
Rung.MONITOR = Rung("monitor")


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
    MAINTENANCE = "maintenance"


class Transport(enum.StrEnum):
    """How a camera's media come: in the RTSP connection, by UDP, or first the one and where refused the other."""

    AUTO = "auto"
    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in the two languages that operators read."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A declaration in the catalogue, made beside the code that finds the fault.

    `at_first_sight` says that one sight is enough, as looking again would harm or tell nothing more.
    """

    code: str
    rung: Rung
    severity: Severity
    name: Text
    cause: Text
    advice: Text
    at_first_sight: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One sight of a fault: its code, the step, host and answer in words without secrets, and the rung that saw it."""

    code: str
    detail: str
    rung: Rung = Rung.PICTURE


MAX_TRACE = 2_000


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """An exception of our own in one step of a look; it costs that step.

    `check` is the check's code or the step's name, `kind` the exception's type, `trace` the end of its traceback.
    """

    check: str
    kind: str
    trace: str = field(default="", repr=False)

    @classmethod
    def of(cls, check: str, error: BaseException) -> CheckFailure:
        """Return what an exception was, as text that can go from process to process."""
        trace = "".join(traceback.format_exception(error))
        return cls(check, type(error).__name__, trace[-MAX_TRACE:])


class FaultSeen(Exception):
    """Raised by a probe for the fault at which it fails; `failures` are errors of our own that led to it."""

    def __init__(
        self,
        fault: Fault,
        detail: str,
        readings: Mapping[str, float | str] = EMPTY,
        *,
        failures: tuple[CheckFailure, ...] = (),
    ) -> None:
        super().__init__(f"{fault.code}: {detail}")
        self.fault = fault
        self.detail = detail
        self.readings = readings
        self.failures = failures


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login; its representation never shows the password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a camera says it is (ONVIF Core, 8.2.2)."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """What a video encoder is set to; None and 0 where it does not say.

    The size is in pixels; `codec` is h264, h265, mjpeg or another name in lower case.
    """

    codec: str = ""
    width: int = 0
    height: int = 0
    frame_rate_hertz: float | None = None
    bits_per_second: float | None = None
    keyframe_interval_seconds: float | None = None

    def __str__(self) -> str:
        parts = [self.codec.upper() or "?", f"{self.width}x{self.height}" if self.width else "?"]
        if self.frame_rate_hertz:
            parts.append(f"{self.frame_rate_hertz:g}/s")
        if self.bits_per_second:
            parts.append(f"{self.bits_per_second / 1000:g} kbit/s")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class OnvifTarget:
    """Where a camera speaks ONVIF, and as whom to ask it.

    `profile` is the token of the profile under watch; `request_keyframe` allows SetSynchronizationPoint;
    `keyframe_interval_seconds` is what the profile was set to when the camera was registered.
    """

    port: int = 80
    path: str = "/onvif/device_service"
    secure: bool = False
    credentials: Credentials | None = None
    profile: str = ""
    request_keyframe: bool = True
    keyframe_interval_seconds: float | None = None


PATH_USERNAME, PATH_PASSWORD = "{username}", "{password}"
"""What stands in a path for the login, of which some cameras (XiongMai) want it in the path of the stream."""

_PASSWORD_IN_PATH = re.compile(r"((?:password|passwd|pass|pwd)=)(?!\{password\})[^&_/?#]+", re.IGNORECASE)


def spellings(credentials: Credentials) -> tuple[str, ...]:
    """Return password and user name as they may stand in text: plain, and quoted for an address. The longest first."""
    plain = (credentials.password, credentials.username)
    found = {form for text in plain for form in (text, quote(text, safe="")) if text}
    return tuple(sorted(found, key=len, reverse=True))


def redact_path(path: str) -> str:
    """Return a path as people may see it: a password in it masked."""
    return _PASSWORD_IN_PATH.sub(r"\1***", path)


@dataclass(frozen=True, slots=True)
class PictureRules:
    """How a camera's picture is judged.

    `limits` are the scores in (0, 1] from which a fault is seen, by code, where they are not the usual 0.5; above 1 it
    is never seen. `burst` is how many pictures after the keyframe are looked at; `evidence` whether a small copy of a
    faulty picture may be kept.
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    burst: int = 3
    evidence: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """What a visit needs to know of a camera.

    `secure` asks for RTSP over TLS; `tls` is `verify`, `insecure` or the path of a file of certificates; `identity` is
    who the camera was when it was registered; `clock_drift_seconds` is how far its clock may be off.
    `listen_seconds` is how long it is listened to at least when readings are due; `expected` is what the stream was set
    to when the camera was registered, and `bits_per_second_range` what its bitrate must stay in. `view_since` is when
    its view was last changed on purpose.
    """

    id: str
    host: str
    port: int = 554
    path: str = "/"
    credentials: Credentials | None = None
    onvif: OnvifTarget | None = None
    tls: str = "verify"
    identity: Identity | None = None
    clock_drift_seconds: float = 5.0
    secure: bool = False
    transport: Transport = Transport.AUTO
    listen_seconds: float = 2.0
    expected: StreamParameters | None = None
    bits_per_second_range: tuple[float, float] | None = None
    view_since: str = ""
    picture: PictureRules = field(default_factory=PictureRules)

    @property
    def url(self) -> str:
        """The RTSP address as people may see it: without user information, a password in its path masked."""
        return self._url(redact_path(self.path))

    @property
    def request_url(self) -> str:
        """The RTSP address as the camera is asked by it, with the login where its path wants it. Never to be shown."""
        path = self.path
        if self.credentials is not None:
            path = path.replace(PATH_USERNAME, quote(self.credentials.username, safe=""))
            path = path.replace(PATH_PASSWORD, quote(self.credentials.password, safe=""))
        return self._url(path)

    def _url(self, path: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            f"{'rtsps' if self.secure else 'rtsp'}://{host}:{self.port}{path if path.startswith('/') else f'/{path}'}"
        )


@dataclass(frozen=True, slots=True, init=False)
class Timeouts:
    """How many seconds a rung may take, by the rung's name; a rung without an entry keeps its declared timeout."""

    seconds: Mapping[str, float]

    def __init__(self, **seconds: float) -> None:
        object.__setattr__(self, "seconds", MappingProxyType(seconds))

    def of(self, rung: Rung, declared: float) -> float:
        """Return the timeout of a rung in seconds."""
        return self.seconds.get(rung, declared)

    def but(self, **seconds: float) -> Timeouts:
        """Return the same with other timeouts for some rungs."""
        return Timeouts(**{**self.seconds, **seconds})


@dataclass(frozen=True, slots=True)
class RungResult:
    """How one rung of a visit went."""

    rung: Rung
    ok: bool
    seconds: float
    fault: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VisitResult:
    """The immutable result of a visit: facts only, judged elsewhere.

    What is neither in `seen` nor in `ruled_out` could not be told. `look_again` asks for an early second look at
    the picture. `online` is None where the visit could not tell. `scores` are what the picture checks gave, by
    code, and `evidence` is a small JPEG of a faulty picture, to be kept or dropped at once; `failures` are exceptions
    of our own in looking at the picture. `shortages` names what the monitor itself lacked.
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
    scores: Mapping[str, float] = field(default_factory=lambda: NO_NUMBERS)
    evidence: bytes = field(default=b"", repr=False)
    failures: tuple[CheckFailure, ...] = ()
    shortages: tuple[str, ...] = ()

    def shifted(self, seconds: float) -> VisitResult:
        """Return the same after our clock was set by so many seconds while the visit was under way."""
        keyframe_at = None if self.keyframe_at is None else self.keyframe_at + seconds
        readings = dict(self.readings)
        if isinstance(offset := readings.get("clock_offset_seconds"), float):
            readings["clock_offset_seconds"] = offset - seconds
        return replace(self, at=self.at + seconds, keyframe_at=keyframe_at, readings=readings)
