"""The faults that a simulated camera can have. A new fault is declared here and listed in `FAULTS`.

A declaration has a name, the catalogue code that the monitor must find, a line of help, its settings, and its changes
of the camera's `Behaviour`. `xueliang simulate faults`, the control endpoint, the end-to-end tests and, with an
`Incident`, the demo are derived from it. Two kinds of faults need more:

- A fault that no field of `Behaviour` can express also needs a new field in `behaviour.py` and the code that obeys it,
  in `session.py`, `player.py`, `transports.py` or `onvif.py`.
- A picture fault also needs what it makes of pictures, in `picture_faults.VARIANTS`, and clips, made by
  `tools/make_clips.py`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar

from xueliang_monitor.simulator import manner_hooks, manner_payloads, soap_messages
from xueliang_monitor.simulator.behaviour import Behaviour, HttpReply
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import Request


@dataclass(frozen=True, slots=True)
class Incident:
    """A part of the demo: what is said, with `{camera}` or `{uplink}` for its name, and how long the fault stays.

    An incident with `{uplink}` is that of a whole line, with every switch on it and every camera behind these.
    """

    text: str
    seconds: float

    @property
    def of_uplink(self) -> bool:
        """Whether all cameras below one node have the fault together."""
        return "{uplink}" in self.text


def _joined(before: Any, change: Any) -> Any:
    """Return the value of a field after a fault: what can hold several things holds those of before and of now."""
    if type(change) is tuple and isinstance(before, tuple):
        return tuple(dict.fromkeys((*before, *change)))
    return MappingProxyType({**before, **change}) if isinstance(change, Mapping) else change


@dataclass(frozen=True, slots=True)
class SimulatedFault:
    """Base class of all faults. The dataclass fields of a subclass are its settings; all of them are numbers."""

    name: ClassVar[str]
    code: ClassVar[str]
    about: ClassVar[str]
    incident: ClassVar[Incident | None] = None
    changes: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        """Check the declaration.

        Raises:
            ValueError: `changes` names a field that `Behaviour` does not have.

        """
        known = {item.name for item in fields(Behaviour)}
        if unknown := sorted(cls.changes.keys() - known):
            raise ValueError(f"fault {cls.name!r}: Behaviour has no field {unknown[0]!r}; see behaviour.py")

    def apply(self, behaviour: Behaviour) -> Behaviour:
        """Return the behaviour with `changes`, and with the settings that have the name of a field of `Behaviour`.

        Filters and refusals join those of the faults before; every other value takes the place of the one before.
        """
        known = {item.name for item in fields(Behaviour)}
        settings = {item.name: getattr(self, item.name) for item in fields(self) if item.name in known}
        changes = {name: _joined(getattr(behaviour, name), value) for name, value in self.changes.items()}
        return replace(behaviour, **changes, **settings)

    @classmethod
    def settings(cls) -> tuple[str, ...]:
        """Return the names of the settings, sorted."""
        return tuple(sorted(item.name for item in fields(cls)))


def _fault(
    name: str, code: str, about: str, *, incident: Incident | None = None, **changes: Any
) -> type[SimulatedFault]:
    """Declare a fault without settings; `changes` are new values of fields of `Behaviour`.

    Raises:
        ValueError: `Behaviour` has no such field.

    """
    members = {"name": name, "code": code, "about": about, "incident": incident, "changes": changes, "__slots__": ()}
    return type(f"Fault_{name}", (SimulatedFault,), members)


@dataclass(frozen=True, slots=True)
class Slow(SimulatedFault):
    """Every response is late."""

    name: ClassVar[str] = "slow"
    code: ClassVar[str] = "rtsp_timeout"
    about: ClassVar[str] = "Every RTSP response is late."
    answer_delay: float = 6.0


@dataclass(frozen=True, slots=True)
class Reset(SimulatedFault):
    """The connection is reset while it plays."""

    name: ClassVar[str] = "reset"
    code: ClassVar[str] = "stream_interrupted"
    about: ClassVar[str] = "The connection is reset while the stream plays."
    reset_after_packets: int = 3


@dataclass(frozen=True, slots=True)
class Stall(SimulatedFault):
    """The stream stops; the connection stays open."""

    name: ClassVar[str] = "stall"
    code: ClassVar[str] = "stream_interrupted"
    about: ClassVar[str] = "The stream stops while the connection stays open."
    stall_after_packets: int = 3


@dataclass(frozen=True, slots=True)
class LowFrameRate(SimulatedFault):
    """Only some pictures are sent, each at its own time."""

    name: ClassVar[str] = "low-frame-rate"
    code: ClassVar[str] = "low_frame_rate"
    about: ClassVar[str] = "Only one of several pictures is sent."
    thinning: int = 4


_FILLER_HEADERS = {Codec.H264: b"\x0c", Codec.H265: b"\x4c\x01"}
"""Headers of filler NAL units (H.264, 7.3.2.7; H.265, 7.3.2.8)."""

_FILLER_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Bitrate(SimulatedFault):
    """Each picture carries about `padding` bytes of filler, which a decoder ignores."""

    name: ClassVar[str] = "bitrate"
    code: ClassVar[str] = "bitrate_out_of_range"
    about: ClassVar[str] = "Each picture carries filler data."
    padding: int = 60_000

    def apply(self, behaviour: Behaviour) -> Behaviour:
        """Append filler to the payloads of each picture."""
        return replace(behaviour, payload_filters=(*behaviour.payload_filters, self._pad))

    def _pad(self, codec: Codec, payloads: list[bytes]) -> list[bytes]:
        count = self.padding // _FILLER_BYTES
        if codec is not Codec.MJPEG:
            return payloads + [_FILLER_HEADERS[codec] + b"\xff" * (_FILLER_BYTES - 2) + b"\x80"] * count
        offset = sum(len(payload) - 8 for payload in payloads) - (4 + 128)  # the first one's quantization tables
        head = payloads[0][4:8]
        return payloads + [
            (offset + number * _FILLER_BYTES).to_bytes(4, "big") + head + bytes(_FILLER_BYTES)
            for number in range(count)
        ]


@dataclass(frozen=True, slots=True)
class Damaged(SimulatedFault):
    """The payload headers are valid, the picture data is not."""

    name: ClassVar[str] = "damaged"
    code: ClassVar[str] = "decode_failed"
    about: ClassVar[str] = "The picture data cannot be decoded."

    def apply(self, behaviour: Behaviour) -> Behaviour:
        """Overwrite the picture data of each payload."""
        return replace(behaviour, payload_filters=(self._overwrite, *behaviour.payload_filters))

    @staticmethod
    def _overwrite(codec: Codec, payloads: list[bytes]) -> list[bytes]:
        kept = {Codec.H264: 2, Codec.H265: 3, Codec.MJPEG: 4}[codec]
        return [
            payload[:kept] + bytes((value * 7 + 13) & 0xFF for value in range(len(payload) - kept))
            for payload in payloads
        ]


@dataclass(frozen=True, slots=True)
class PacketLoss(SimulatedFault):
    """Packets are dropped."""

    name: ClassVar[str] = "packet-loss"
    code: ClassVar[str] = "packet_loss"
    about: ClassVar[str] = "A share of the packets is dropped."
    loss: float = 0.2


@dataclass(frozen=True, slots=True)
class ClockDrift(SimulatedFault):
    """The camera's clock is wrong."""

    name: ClassVar[str] = "clock-drift"
    code: ClassVar[str] = "clock_drift"
    about: ClassVar[str] = "The camera's clock is wrong."
    clock_offset: float = 90.0


def _random_bytes(request: Request) -> bytes:
    return random.Random(request.url).randbytes(200).replace(b"$", b"%")


def _http_error(_request: Request) -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\nServer: web\r\nContent-Length: 0\r\n\r\n"


_SOAP = "application/soap+xml"
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>login</title></head><body><form>user</form></body></html>"
_ENTITY_EXPANSION = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><x>&c;</x></s:Body></s:Envelope>'
)


def _onvif(name: str, code: str, about: str, reply: HttpReply) -> type[SimulatedFault]:
    """Declare a fault that replaces every ONVIF response."""
    return _fault(name, code, about, onvif_reply=reply)


OTHER_VIEW = "moved"
"""The variant of a clip that shows another view."""


def _picture(
    name: str, code: str, about: str, variant: str = "", *, incident: Incident | None = None
) -> type[SimulatedFault]:
    """Declare a fault that is visible in the picture; `variant` names its clip if the names differ."""
    return _fault(name, code, about, incident=incident, variant=variant or name)


FAULTS: tuple[type[SimulatedFault], ...] = (
    _fault("refuse", "connection_refused", "The RTSP port refuses connections.", listening=False),
    _fault(
        "black-hole",
        "connect_timeout",
        "Connections get no answer, as behind a dead switch.",
        incident=Incident("{uplink} fails, and the {cameras} cameras behind it", 40),
        accepting=False,
    ),
    _fault("silent", "rtsp_timeout", "Connections are accepted, requests get no response.", answering=False),
    Slow,
    Reset,
    _fault("reset-on-accept", "connection_closed", "Each connection is reset as it is accepted.", resetting=True),
    _fault("hang-up", "connection_closed", "The connection is closed at the first request.", hang_up=True),
    _fault("garbage", "rtsp_malformed", "Random bytes are sent in place of RTSP.", rtsp_reply=_random_bytes),
    _fault(
        "wrong-password",
        "auth_failed",
        "The camera's password was changed.",
        incident=Incident("the password of {camera} is changed (logins are then held back up to 10 min)", 45),
        password_changed=True,
    ),
    _fault("tls-off", "tls_failed", "A camera that should use TLS does not.", tls=False),
    _fault("web-server", "rtsp_malformed", "A web server answers on the RTSP port.", rtsp_reply=_http_error),
    _fault(
        "locked",
        "auth_locked",
        "DESCRIBE gets 403 with a reason that says that the account is locked.",
        refuse={"DESCRIBE": 403},
        reason="Forbidden: account is locked",
    ),
    _fault("basic-only", "auth_insecure", "The camera offers only the login by Basic.", login_kind="basic"),
    _fault("forbidden", "auth_failed", "DESCRIBE gets 403.", refuse={"DESCRIBE": 403}, reason="Forbidden"),
    _fault("not-found", "stream_not_found", "DESCRIBE gets 404.", refuse={"DESCRIBE": 404}),
    _fault(
        "moved",
        "stream_not_found",
        "DESCRIBE gets 302, a redirection to another host.",
        refuse={"DESCRIBE": 302},
        location="rtsp://other.invalid:554/live",
    ),
    _fault("server-error", "server_error", "DESCRIBE gets 500.", refuse={"DESCRIBE": 500}),
    _fault("busy", "server_error", "DESCRIBE gets 503.", refuse={"DESCRIBE": 503}),
    _fault("no-transport", "server_error", "SETUP gets 461 for TCP and for UDP.", interleaved=False, udp=False),
    _fault("session-limit", "session_limit", "SETUP gets 453.", refuse={"SETUP": 453}),
    _fault("session-lost", "stream_interrupted", "PLAY gets 454.", refuse={"PLAY": 454}),
    _fault("other-codec", "codec_unsupported", "The SDP names a codec that is not supported (SVAC).", encoding="SVAC"),
    _fault("no-media", "no_media", "The stream starts but sends no packets.", media=False),
    _fault("no-keyframe", "no_keyframe", "The stream sends no keyframes.", keyframes=False),
    _fault(
        "set-missing",
        "decode_failed",
        "The picture parameter set is neither in the SDP nor in the stream.",
        payload_filters=(manner_payloads.without_picture_set,),
        description_filters=(manner_hooks.without_sets,),
    ),
    _fault(
        "foreign-bytes",
        "foreign_bytes",
        "Bytes that belong to no packet follow each frame.",
        frame_filters=(manner_hooks.many_stray_bytes,),
    ),
    Damaged,
    Stall,
    PacketLoss,
    LowFrameRate,
    Bitrate,
    _picture("small", "resolution_changed", "The resolution is smaller than before."),
    _picture(
        "frozen",
        "picture_frozen",
        "The picture is frozen.",
        incident=Incident("the picture of {camera} freezes", 75),
    ),
    _picture(
        "covered",
        "picture_covered",
        "The lens is covered.",
        incident=Incident("somebody covers the lens of {camera}", 60),
    ),
    _picture("black", "picture_black", "The picture is black."),
    _picture("blank", "picture_blank", "The picture has a single colour."),
    _picture("bright", "picture_too_bright", "The picture is overexposed."),
    _picture("blurred", "picture_blurred", "The picture is out of focus."),
    _picture("dark", "picture_too_dark", "The picture is too dark."),
    _picture("noisy", "picture_noisy", "The picture is noisy."),
    _picture("striped", "picture_striped", "The picture has stripes."),
    _picture("colour-cast", "picture_colour_cast", "The picture has a colour cast.", "cast"),
    _picture("colourless", "picture_colourless", "The picture is grey by day.", "grey"),
    _picture("foggy", "picture_low_contrast", "The picture has little contrast."),
    _picture("dirty", "picture_dirty", "The lens is dirty."),
    _picture("turned", "picture_moved", "The camera points in another direction.", OTHER_VIEW),
    _picture("picture-damaged", "picture_corrupted", "Blocks of the picture are damaged.", "damaged"),
    _picture("rolling", "picture_rolling", "The picture rolls."),
    _picture("shaking", "picture_shaking", "The camera shakes."),
    _fault("moved-path", "stream_not_found", "The stream has another path.", path="/live/moved"),
    ClockDrift,
    _fault("restarted", "device_rebooted", "The camera restarts once, when the fault is set.", restarted=True),
    _fault("replaced", "device_replaced", "The device has another serial number.", replaced=True),
    _fault("firmware", "firmware_changed", "The device has another firmware version.", firmware="1.5.0"),
    _fault("onvif-off", "onvif_unreachable", "The ONVIF port is closed.", onvif_listening=False),
    _fault(
        "onvif-password",
        "onvif_auth_failed",
        "The ONVIF password was changed, the RTSP password was not.",
        onvif_password_changed=True,
    ),
    _onvif("onvif-garbage", "onvif_malformed", "ONVIF sends random bytes.", HttpReply(_SOAP, b"\x00\x17garbage" * 40)),
    _onvif(
        "onvif-bomb",
        "onvif_malformed",
        "ONVIF sends XML with nested entities (entity expansion attack).",
        HttpReply(_SOAP, _ENTITY_EXPANSION),
    ),
    _onvif(
        "onvif-fault",
        "onvif_fault",
        "ONVIF answers every request with a SOAP fault.",
        HttpReply(_SOAP, soap_messages.fault("Receiver", "Action", "Action Failed")),
    ),
    _onvif("onvif-web-page", "onvif_web_page", "ONVIF sends a login page.", HttpReply("text/html", _LOGIN_PAGE)),
    _onvif("onvif-empty", "onvif_empty", "ONVIF sends empty responses.", HttpReply(_SOAP, b"")),
)

BY_NAME: Mapping[str, type[SimulatedFault]] = MappingProxyType({fault.name: fault for fault in FAULTS})


def build(name: str, settings: dict[str, Any], faults: Sequence[type[SimulatedFault]] = FAULTS) -> SimulatedFault:
    """Make the fault, or the manner, of that name with settings.

    Raises:
        ValueError: there is no such fault or setting, or a setting is not a number.

    """
    kind = next((fault for fault in faults if fault.name == name), None)
    if kind is None:
        raise ValueError(f"unknown fault {name!r}; faults: {', '.join(fault.name for fault in faults)}")
    if unknown := sorted(set(settings) - set(kind.settings())):
        raise ValueError(f"{name} has no setting {unknown[0]!r}; settings: {', '.join(kind.settings()) or 'none'}")
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in settings.values()):
        raise ValueError("the settings of a fault must be numbers")
    return kind(**settings)
