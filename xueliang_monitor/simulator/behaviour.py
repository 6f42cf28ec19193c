"""How a simulated camera behaves: settings that its servers read, and hooks that replace what it sends."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from xueliang_monitor.simulator.day import Light
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import Request

PayloadFilter = Callable[[Codec, list[bytes]], list[bytes]]
"""Takes the RTP payloads of one picture and returns those that are sent."""


@dataclass(frozen=True, slots=True)
class PictureSent:
    """A picture on its way: its codec, its number, and what was sent before it, in packets and keyframes.

    `since_keyframe` is the number of packets since the last keyframe began, 0 for a keyframe itself. `ssrc` is the
    camera's source, `timestamp` that of the picture.
    """

    codec: Codec
    number: int
    keyframe: bool
    packets: int
    since_keyframe: int
    keyframes: int
    ssrc: int
    timestamp: int


PacketFilter = Callable[[PictureSent, list[bytes]], list[bytes]]
"""Takes the RTP packets of one picture and returns those that are sent."""

ControlPackets = Callable[[PictureSent], list[bytes]]
"""Returns the RTCP packets that follow a picture."""

FrameFilter = Callable[[int, bytes], bytes]
"""Takes the number of an interleaved frame and its bytes with header, and returns the bytes that are sent."""

ReplyFilter = Callable[[Request, bytes], bytes]
"""Takes a request and the bytes of its response, and returns those that are sent."""

DescriptionFilter = Callable[[str], str]
"""Takes the SDP and returns the one that is sent."""


class SpentNonce(enum.Enum):
    """What follows a nonce that was used too often: a new one with `stale`, without, or 403 without any."""

    STALE = enum.auto()
    NEW = enum.auto()
    FORBIDDEN = enum.auto()


class HttpReply(NamedTuple):
    """The content type and body of an HTTP response with status 200."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The settings of one camera; the defaults are those of a camera without a fault.

    Connections:
        `listening` is False if the port refuses connections, `accepting` if they get no answer at all (a dead
        switch), `answering` if they are accepted but no request is answered. `tls` is False if a camera that
        should use TLS does not. `hang_up` closes the connection at the first request. `answer_delay` is in seconds.
        `resetting` resets each connection as it is accepted. `closing_after_challenge` closes it after a 401.
    RTSP:
        `refuse` maps a method to the status of its response; `location` and `reason` go with that response.
        `login_kind` replaces the login that the camera offers; it is one of `session.LOGIN_KINDS`.
        `rtsp_reply` returns the bytes that are sent in place of every response. `interleaved` and `udp` are the
        transports that SETUP accepts. `path` is the new path of the stream, `encoding` replaces the codec in the SDP.
        A nonce is good for `nonce_lives` requests, 0 means without limit; `spent_nonce` says what follows.
        `reply_filters` and `description_filters` are applied in order. With `sound`, the SDP has a second track;
        with `needs_sound`, nothing is sent until that one is set up too.
    Media:
        `variant` names the clip, `weather` the light of its scene if it is not that of the hour. `media` and
        `keyframes` are False if none are sent. `loss` and `disorder` are shares of packets in [0, 1]. Every
        `thinning`th picture is sent. `payload_filters` are applied in order. The stream is reset or stalls after that
        many packets. `packet_filters` change the packets of a picture, `frame_filters` the bytes on the connection,
        `control_packets` add RTCP. With `other_port`, packets over UDP come from another port than the announced one.
    ONVIF:
        `onvif_listening` is False if the port is closed. `onvif_reply` is sent in place of every response.
        `clock_offset` is the camera's clock minus the correct time, in seconds. A `dome` looks at `pan`, `tilt` and
        `zoom`, and moves while `moving` is not 0.
    """

    listening: bool = True
    accepting: bool = True
    answering: bool = True
    tls: bool = True
    hang_up: bool = False
    answer_delay: float = 0.0
    resetting: bool = False
    closing_after_challenge: bool = False
    password_changed: bool = False
    nonce_lives: int = 0
    spent_nonce: SpentNonce = SpentNonce.STALE
    refuse: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    location: str = ""
    reason: str = ""
    login_kind: str = ""
    rtsp_reply: Callable[[Request], bytes] | None = None
    reply_filters: tuple[ReplyFilter, ...] = ()
    description_filters: tuple[DescriptionFilter, ...] = ()
    sound: bool = False
    needs_sound: bool = False
    interleaved: bool = True
    udp: bool = True
    path: str = ""
    encoding: str = ""
    variant: str = "live"
    weather: Light | None = None
    media: bool = True
    keyframes: bool = True
    loss: float = 0.0
    disorder: float = 0.0
    thinning: int = 1
    payload_filters: tuple[PayloadFilter, ...] = ()
    packet_filters: tuple[PacketFilter, ...] = ()
    frame_filters: tuple[FrameFilter, ...] = ()
    control_packets: tuple[ControlPackets, ...] = ()
    other_port: bool = False
    reset_after_packets: int | None = None
    stall_after_packets: int | None = None
    onvif_listening: bool = True
    onvif_reply: HttpReply | None = None
    onvif_password_changed: bool = False
    clock_offset: float = 0.0
    dome: bool = False
    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0
    moving: float = 0.0
    restarted: bool = False
    replaced: bool = False
    firmware: str = ""
