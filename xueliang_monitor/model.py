"""The vocabulary of the project as frozen values: faults, targets, visit results."""

from __future__ import annotations

import enum
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, TypeVar
from urllib.parse import quote, unquote

from xueliang_monitor.readings import NO_READINGS, Readings

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
    """The effect of a fault: no video, or degraded video."""

    CRITICAL = "critical"
    WARNING = "warning"


class State(enum.StrEnum):
    """The state of a camera that people see."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


class Transport(enum.StrEnum):
    """How media is transported: within the RTSP connection, over UDP, or automatically: TCP, then UDP if refused."""

    AUTO = "auto"
    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Text:
    """A text in the two languages of the operators."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a fault was seen, where its usual cause would not be true: a key, the cause, and what to do."""

    key: str
    cause: Text
    advice: Text


@dataclass(frozen=True, slots=True)
class Fault:
    """The declaration of a fault, made beside the code that detects it.

    `at_first_sight` says that one visit confirms the fault, because another attempt could do harm or adds nothing.
    `changed_fact` says that a fact differs that only a person changes, such as the firmware. The fault lasts until the
    fact is as before, or until a person accepts the change.
    """

    code: str
    rung: Rung
    severity: Severity
    name: Text
    cause: Text
    advice: Text
    at_first_sight: bool = False
    changed_fact: bool = False
    reasons: tuple[Reason, ...] = ()

    def explained(self, reason: str) -> Reason:
        """Return the cause and the advice for a reason; those of the fault itself if it declares no such reason."""
        usual = Reason("", self.cause, self.advice)
        return next((each for each in self.reasons if each.key == reason), usual)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault seen by one visit: its code, a detail with step, host and answer but no secrets, and the rung.

    `reason` is the key of one of the fault's reasons, empty for the usual one.
    """

    code: str
    detail: str
    rung: Rung = Rung.PICTURE
    reason: str = ""


MAX_TRACE = 2_000
"""How many characters of a traceback are kept."""


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """An exception of the monitor in one step of judging a picture; only that step is skipped.

    `check` is the check's code or the step's name, `kind` the exception's type, `trace` the end of its traceback.
    """

    check: str
    kind: str
    trace: str = field(default="", repr=False)

    @classmethod
    def of(cls, check: str, error: BaseException) -> CheckFailure:
        """Return the failure for an exception, as text that can be passed between processes."""
        trace = "".join(traceback.format_exception(error))
        return cls(check, type(error).__name__, trace[-MAX_TRACE:])


class FaultSeen(Exception):
    """Raised by a probe that fails with a fault; `failures` are errors of the monitor that led to it."""

    def __init__(
        self,
        fault: Fault,
        detail: str,
        readings: Readings = NO_READINGS,
        *,
        failures: tuple[CheckFailure, ...] = (),
        reason: str = "",
    ) -> None:
        super().__init__(f"{fault.code}: {detail}")
        self.fault = fault
        self.reason = reason
        self.detail = detail
        self.readings = readings
        self.failures = failures


class AuthPolicy(enum.StrEnum):
    """How a password may be sent: by Digest, by Basic too, or automatically: by Basic only where TLS protects it."""

    AUTO = "auto"
    DIGEST = "digest"
    BASIC = "basic"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login; its representation never shows the password. `auth` is how it may be sent if the camera does not say."""

    username: str
    password: str = field(repr=False)
    auth: AuthPolicy = AuthPolicy.AUTO


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity that a camera reports (ONVIF Core, section 8.2.2)."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """The settings of a video encoder; None or 0 if unknown.

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
    """The ONVIF endpoint of a camera, and the login for it.

    `profile` is the token of the watched profile. `request_keyframe` allows SetSynchronizationPoint.
    `keyframe_interval_seconds` is the setting of the profile when the camera was registered.
    """

    port: int = 80
    path: str = "/onvif/device_service"
    secure: bool = False
    credentials: Credentials | None = None
    profile: str = ""
    request_keyframe: bool = True
    keyframe_interval_seconds: float | None = None


PATH_USERNAME, PATH_PASSWORD = "{username}", "{password}"
"""Placeholders for the login in a stream path; some cameras (XiongMai) require the login there."""

_PASSWORD_IN_PATH = re.compile(r"((?:password|passwd|pass|pwd)=)(?!\{password\})([^&_/?#]+)", re.IGNORECASE)


def passwords_in(path: str) -> tuple[str, ...]:
    """Return the passwords that are written in a path, as they are and without URL quoting."""
    found = [match[2] for match in _PASSWORD_IN_PATH.finditer(path)]
    return tuple(dict.fromkeys(form for password in found for form in (password, unquote(password))))


def path_with_login(path: str, login: Credentials) -> str:
    """Return a path with the login in place of the placeholders. Never show it."""
    path = path.replace(PATH_USERNAME, quote(login.username, safe=""))
    return path.replace(PATH_PASSWORD, quote(login.password, safe=""))


def path_without_passwords(path: str) -> str:
    """Return a path with a placeholder for every password that is written in it."""
    return _PASSWORD_IN_PATH.sub(rf"\1{PATH_PASSWORD}", path)


def redact_path(path: str) -> str:
    """Return a path with any password in it masked."""
    return _PASSWORD_IN_PATH.sub(r"\1***", path)


@dataclass(frozen=True, slots=True)
class PictureRules:
    """How a camera's picture is judged.

    `limits` are the scores in (0, 1] at which a fault is seen, by code; the default is 0.5, and a limit above 1
    disables the check. `burst` is the number of pictures after the keyframe to examine. `evidence` allows a small copy
    of a faulty picture to be kept.
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    burst: int = 3
    evidence: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """What a visit needs to know about a camera.

    Attributes:
        id: the camera's id.
        host: its host name or address.
        port: its RTSP port.
        path: the path of the stream, perhaps with placeholders for the login.
        credentials: its login.
        onvif: its ONVIF endpoint; None without ONVIF.
        tls: `verify`, `insecure`, `legacy`, or the path of a certificate file.
        identity: its identity when it was registered.
        clock_drift_seconds: the tolerated offset of its clock.
        secure: whether it uses RTSP over TLS.
        transport: how media is transported.
        listen_seconds: how long the stream is received at least when readings are due.
        waits_for_packets: whether a stream of few packets is received until its loss can be judged.
        expected: the encoder settings when it was registered.
        bits_per_second_range: the accepted bitrates, lowest and highest.
        view_since: when its view was last changed on purpose.
        accepted_at: when a change of the device or its stream was last accepted in its file.
        picture: how its picture is judged.
        auth: how its password may be sent; None if its credentials decide.
        ptz_away_seconds: how long a dome may be away from its usual positions; None if that is not judged.
        position: latitude and longitude in degrees of WGS 84; None if they are not known.

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
    waits_for_packets: bool = True
    expected: StreamParameters | None = None
    bits_per_second_range: tuple[float, float] | None = None
    view_since: str = ""
    accepted_at: str = ""
    picture: PictureRules = field(default_factory=PictureRules)
    auth: AuthPolicy | None = None
    ptz_away_seconds: float | None = 1800.0
    position: tuple[float, float] | None = None

    @property
    def url(self) -> str:
        """The RTSP URL for people: without login, and with any password in its path masked."""
        return self._url(redact_path(self.path))

    @property
    def login_in_path(self) -> bool:
        """Whether the path of requests contains the login."""
        return self.credentials is not None and (PATH_USERNAME in self.path or PATH_PASSWORD in self.path)

    @property
    def request_url(self) -> str:
        """The RTSP URL for requests, with the login if the path has placeholders. Never show it."""
        if self.credentials is None or not self.login_in_path:
            return self._url(self.path)
        return self._url(path_with_login(self.path, self.credentials))

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
        """Return a copy with other timeouts for some rungs."""
        return Timeouts(**{**self.seconds, **seconds})


@dataclass(frozen=True, slots=True)
class RungResult:
    """The result of one rung of a visit.

    `at` is when that visit began, in seconds since the epoch; None as long as it is under way.
    """

    rung: Rung
    ok: bool
    seconds: float
    fault: str | None = None
    detail: str = ""
    at: float | None = None

    def of_visit(self, at: float) -> RungResult:
        """Return the same for a visit that began at `at`."""
        return RungResult(self.rung, self.ok, self.seconds, self.fault, self.detail, at)

    def moved(self, change: Callable[[float], float]) -> RungResult:
        """Return the same with its moment changed."""
        return self if self.at is None else replace(self, at=change(self.at))


@dataclass(frozen=True, slots=True)
class VisitResult:
    """The immutable result of a visit: facts only; `judgement` judges them.

    A fault that is neither in `seen` nor in `ruled_out` is undecided.

    Attributes:
        camera: the camera's id.
        at: the time of the visit in seconds since the epoch.
        rungs: the results of the rungs that were tried.
        seen: the faults seen.
        ruled_out: the codes of faults ruled out.
        look_again: whether the picture should be examined again soon.
        learning: whether the camera's usual view is not known yet.
        readings: the readings taken, by name.
        online: whether the camera answered RTSP; None if undecided.
        keyframe_at: when a keyframe was received.
        scores: the scores of the picture checks, by fault code.
        evidence: a small JPEG of a faulty picture, to be stored or dropped at once.
        failures: exceptions of the monitor in examining the picture.
        shortages: the resources that the monitor lacked.

    """

    camera: str
    at: float
    rungs: tuple[RungResult, ...]
    seen: tuple[Finding, ...] = ()
    ruled_out: frozenset[str] = frozenset()
    look_again: bool = False
    learning: bool = False
    readings: Readings = NO_READINGS
    online: bool | None = None
    keyframe_at: float | None = None
    scores: Mapping[str, float] = field(default_factory=lambda: NO_NUMBERS)
    evidence: bytes = field(default=b"", repr=False)
    failures: tuple[CheckFailure, ...] = ()
    shortages: tuple[str, ...] = ()

    def shifted(self, seconds: float) -> VisitResult:
        """Return a copy for a monitor clock that was set by `seconds` during the visit."""
        keyframe_at = None if self.keyframe_at is None else self.keyframe_at + seconds
        readings, offset = self.readings, self.readings.clock_offset_seconds
        if offset is not None:
            readings = replace(readings, clock_offset_seconds=offset - seconds)
        return replace(self, at=self.at + seconds, keyframe_at=keyframe_at, readings=readings)
