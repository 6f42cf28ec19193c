"""What can be wrong with a simulated camera: settings only, one line each to register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a camera behaves; a fault replaces some of it.

    `listening` is False where the port refuses; `accepting` False where connections are never answered at all;
    `answering` False where they are accepted in silence. Delays are seconds, `loss` and `disorder` shares of packets in
    [0, 1]; of a stream's pictures each `thinning`th is sent, with `padding` bytes more. `refuse` maps a method to a
    status; `location` is where a redirection leads; `reason` is said with a refusal. `path` is where the stream moved;
    `onvif` what is answered in place of SOAP, or `off`; `clock_offset` is the camera's clock over the right time.
    """

    listening: bool = True
    accepting: bool = True
    answering: bool = True
    tls: bool = True
    interleaved: bool = True
    udp: bool = True
    garbage: bool = False
    web_server: bool = False
    hang_up: bool = False
    answer_delay: float = 0.0
    password_changed: bool = False
    logins_refused: int = 0
    refuse: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    location: str = ""
    reason: str = ""
    encoding: str = ""
    variant: str = "live"
    media: bool = True
    keyframes: bool = True
    damaged: bool = False
    loss: float = 0.0
    disorder: float = 0.0
    thinning: int = 1
    padding: int = 0
    reset_after_packets: int | None = None
    stall_after_packets: int | None = None
    path: str = ""
    onvif: str = ""
    onvif_password_changed: bool = False
    clock_offset: float = 0.0
    restarted: bool = False
    replaced: bool = False
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class SimulatedFault:
    """Base of all: its name, the code the monitor must find, and the change it makes."""

    name: ClassVar[str]
    code: ClassVar[str]
    changes: ClassVar[dict[str, Any]] = {}

    def apply(self, behaviour: Behaviour) -> Behaviour:
        """Return the behaviour with this fault; settings of the same names go in with the changes."""
        known = {item.name for item in fields(Behaviour)}
        settings = {item.name: getattr(self, item.name) for item in fields(self) if item.name in known}
        return replace(behaviour, **self.changes, **settings)


def _plain(name: str, code: str, **changes: Any) -> type[SimulatedFault]:
    return type(f"Fault_{name}", (SimulatedFault,), {"name": name, "code": code, "changes": changes, "__slots__": ()})


@dataclass(frozen=True, slots=True)
class Slow(SimulatedFault):
    """Every answer is late."""

    name: ClassVar[str] = "slow"
    code: ClassVar[str] = "rtsp_timeout"
    answer_delay: float = 6.0


@dataclass(frozen=True, slots=True)
class Reset(SimulatedFault):
    """The connection is reset while it plays."""

    name: ClassVar[str] = "reset"
    code: ClassVar[str] = "stream_interrupted"
    reset_after_packets: int = 3


@dataclass(frozen=True, slots=True)
class Stall(SimulatedFault):
    """The stream falls silent while the connection stays."""

    name: ClassVar[str] = "stall"
    code: ClassVar[str] = "stream_interrupted"
    stall_after_packets: int = 3


@dataclass(frozen=True, slots=True)
class LowFrameRate(SimulatedFault):
    """Only some pictures are sent, at their own time."""

    name: ClassVar[str] = "low-frame-rate"
    code: ClassVar[str] = "low_frame_rate"
    thinning: int = 4


@dataclass(frozen=True, slots=True)
class Bitrate(SimulatedFault):
    """Each picture carries filler."""

    name: ClassVar[str] = "bitrate"
    code: ClassVar[str] = "bitrate_out_of_range"
    padding: int = 60_000


@dataclass(frozen=True, slots=True)
class PacketLoss(SimulatedFault):
    """Packets are dropped."""

    name: ClassVar[str] = "packet-loss"
    code: ClassVar[str] = "packet_loss"
    loss: float = 0.2


@dataclass(frozen=True, slots=True)
class ClockDrift(SimulatedFault):
    """The camera's clock is off."""

    name: ClassVar[str] = "clock-drift"
    code: ClassVar[str] = "clock_drift"
    clock_offset: float = 90.0


FAULTS: tuple[type[SimulatedFault], ...] = (
    _plain("refuse", "connection_refused", listening=False),
    _plain("black-hole", "connect_timeout", accepting=False),
    _plain("silent", "rtsp_timeout", answering=False),
    Slow,
    Reset,
    _plain("hang-up", "connection_closed", hang_up=True),
    _plain("garbage", "rtsp_malformed", garbage=True),
    _plain("wrong-password", "auth_failed", password_changed=True),
    _plain("tls-off", "tls_failed", tls=False),
    _plain("web-server", "rtsp_malformed", web_server=True),
    _plain("locked", "auth_locked", refuse={"DESCRIBE": 403}, reason="Forbidden: account is locked"),
    _plain("forbidden", "auth_failed", refuse={"DESCRIBE": 403}, reason="Forbidden"),
    _plain("not-found", "stream_not_found", refuse={"DESCRIBE": 404}),
    _plain("moved", "stream_not_found", refuse={"DESCRIBE": 302}, location="rtsp://other.invalid:554/live"),
    _plain("server-error", "server_error", refuse={"DESCRIBE": 500}),
    _plain("busy", "server_error", refuse={"DESCRIBE": 503}),
    _plain("no-transport", "server_error", interleaved=False, udp=False),
    _plain("session-limit", "session_limit", refuse={"SETUP": 453}),
    _plain("session-lost", "stream_interrupted", refuse={"PLAY": 454}),
    _plain("other-codec", "codec_unsupported", encoding="SVAC"),
    _plain("no-media", "no_media", media=False),
    _plain("no-keyframe", "no_keyframe", keyframes=False),
    _plain("damaged", "decode_failed", damaged=True),
    Stall,
    PacketLoss,
    LowFrameRate,
    Bitrate,
    _plain("small", "resolution_changed", variant="small"),
    _plain("frozen", "picture_frozen", variant="frozen"),
    _plain("covered", "picture_covered", variant="covered"),
    _plain("black", "picture_black", variant="black"),
    _plain("blank", "picture_blank", variant="blank"),
    _plain("bright", "picture_too_bright", variant="bright"),
    _plain("blurred", "picture_blurred", variant="blurred"),
    _plain("dark", "picture_too_dark", variant="dark"),
    _plain("noisy", "picture_noisy", variant="noisy"),
    _plain("striped", "picture_striped", variant="striped"),
    _plain("colour-cast", "picture_colour_cast", variant="cast"),
    _plain("colourless", "picture_colourless", variant="grey"),
    _plain("foggy", "picture_low_contrast", variant="foggy"),
    _plain("dirty", "picture_dirty", variant="dirty"),
    _plain("turned", "picture_moved", variant="moved"),
    _plain("picture-damaged", "picture_corrupted", variant="damaged"),
    _plain("rolling", "picture_rolling", variant="rolling"),
    _plain("shaking", "picture_shaking", variant="shaking"),
    _plain("moved-path", "stream_not_found", path="/live/moved"),
    ClockDrift,
    _plain("restarted", "device_rebooted", restarted=True),
    _plain("replaced", "device_replaced", replaced=True),
    _plain("firmware", "firmware_changed", firmware="1.5.0"),
    _plain("onvif-off", "onvif_unreachable", onvif="off"),
    _plain("onvif-password", "onvif_auth_failed", onvif_password_changed=True),
    _plain("onvif-garbage", "onvif_malformed", onvif="garbage"),
    _plain("onvif-bomb", "onvif_malformed", onvif="bomb"),
    _plain("onvif-fault", "onvif_fault", onvif="fault"),
    _plain("onvif-web-page", "onvif_web_page", onvif="web-page"),
    _plain("onvif-empty", "onvif_empty", onvif="empty"),
)

BY_NAME = {fault.name: fault for fault in FAULTS}


def build(name: str, settings: dict[str, Any]) -> SimulatedFault:
    """Make a fault from its name and settings.

    Raises:
        ValueError: there is no such fault, or no such setting.

    """
    kind = BY_NAME.get(name)
    if kind is None:
        raise ValueError(f"no fault is called {name!r}; faults: {', '.join(BY_NAME)}")
    allowed = {item.name for item in fields(kind)}
    if unknown := sorted(set(settings) - allowed):
        raise ValueError(f"{name} has no setting {unknown[0]!r}; settings: {', '.join(sorted(allowed)) or 'none'}")
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in settings.values()):
        raise ValueError("a fault's settings are numbers")
    return kind(**settings)
