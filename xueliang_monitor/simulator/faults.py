"""What can be wrong with a simulated camera: settings only, one line each to register."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a camera behaves; a fault replaces some of it.

    `listening` is False where the port refuses; `accepting` False where connections are never answered at all;
    `answering` False where they are accepted in silence. Delays are seconds, `loss` a share of packets in [0, 1].
    `path` is where the stream moved; `onvif` what is answered in place of SOAP, or `off`; `clock_offset` is the
    camera's clock over the right time, in seconds.
    """

    listening: bool = True
    accepting: bool = True
    answering: bool = True
    garbage: bool = False
    hang_up: bool = False
    answer_delay: float = 0.0
    password_changed: bool = False
    refuse_describe: int = 0
    refuse_setup: int = 0
    encoding: str = ""
    variant: str = "live"
    media: bool = True
    keyframes: bool = True
    damaged: bool = False
    loss: float = 0.0
    reset_after_packets: int | None = None
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
        known = {field.name for field in fields(Behaviour)}
        settings = {key: value for key, value in asdict(self).items() if key in known}
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
    _plain("not-found", "stream_not_found", refuse_describe=404),
    _plain("server-error", "server_error", refuse_describe=500),
    _plain("session-limit", "session_limit", refuse_setup=453),
    _plain("other-codec", "codec_unsupported", encoding="SVAC"),
    _plain("no-media", "no_media", media=False),
    _plain("no-keyframe", "no_keyframe", keyframes=False),
    _plain("damaged", "decode_failed", damaged=True),
    PacketLoss,
    _plain("frozen", "picture_frozen", variant="frozen"),
    _plain("covered", "picture_covered", variant="covered"),
    _plain("black", "picture_black", variant="black"),
    _plain("blank", "picture_blank", variant="blank"),
    _plain("bright", "picture_too_bright", variant="bright"),
    _plain("blurred", "picture_blurred", variant="blurred"),
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
    allowed = {field.name for field in fields(kind)}
    if unknown := sorted(set(settings) - allowed):
        raise ValueError(f"{name} has no setting {unknown[0]!r}; settings: {', '.join(sorted(allowed)) or 'none'}")
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in settings.values()):
        raise ValueError("a fault's settings are numbers")
    return kind(**settings)
