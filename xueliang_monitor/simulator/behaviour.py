"""How a simulated camera behaves: settings that its servers read, and hooks that replace what it sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.messages import Request

PayloadFilter = Callable[[Codec, list[bytes]], list[bytes]]
"""Takes the RTP payloads of one picture and returns those that are sent."""


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
    RTSP:
        `refuse` maps a method to the status of its response; `location` and `reason` go with that response.
        `login_kind` replaces the login that the camera offers; it is one of `session.LOGIN_KINDS`.
        `rtsp_reply` returns the bytes that are sent in place of every response. `interleaved` and `udp` are the
        transports that SETUP accepts. `path` is the new path of the stream, `encoding` replaces the codec in the SDP.
    Media:
        `variant` names the clip. `media` and `keyframes` are False if none are sent. `loss` and `disorder` are
        shares of packets in [0, 1]. Every `thinning`th picture is sent. `payload_filters` are applied in order.
        The stream is reset or stalls after that many packets.
    ONVIF:
        `onvif_listening` is False if the port is closed. `onvif_reply` is sent in place of every response.
        `clock_offset` is the camera's clock minus the correct time, in seconds.
    """

    listening: bool = True
    accepting: bool = True
    answering: bool = True
    tls: bool = True
    hang_up: bool = False
    answer_delay: float = 0.0
    password_changed: bool = False
    refuse: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    location: str = ""
    reason: str = ""
    login_kind: str = ""
    rtsp_reply: Callable[[Request], bytes] | None = None
    interleaved: bool = True
    udp: bool = True
    path: str = ""
    encoding: str = ""
    variant: str = "live"
    media: bool = True
    keyframes: bool = True
    loss: float = 0.0
    disorder: float = 0.0
    thinning: int = 1
    payload_filters: tuple[PayloadFilter, ...] = ()
    reset_after_packets: int | None = None
    stall_after_packets: int | None = None
    onvif_listening: bool = True
    onvif_reply: HttpReply | None = None
    onvif_password_changed: bool = False
    clock_offset: float = 0.0
    restarted: bool = False
    replaced: bool = False
    firmware: str = ""
