"""What visits measure, and what cameras report about themselves, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any

_NO_MEASURES: Mapping[str, float] = MappingProxyType({})
NO_NAMES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Readings:
    """What visits measured, and what the camera reported about itself; None if nothing is known.

    The names of the fields are those in JSON and on the page. Frame rates are frames per second.
    """

    connect_seconds: float | None = None
    """Time to open the TCP connection."""

    server: str | None = None
    """The RTSP server's name, as the camera reports it."""

    login_offered: str | None = None
    """The logins that the camera offers over RTSP, such as Digest (SHA-256, MD5), Basic."""

    codec: str | None = None
    """h264, h265 or mjpeg."""

    keyframe_bytes: float | None = None
    """Size of the last keyframe."""

    profile: str | None = None
    """The codec's profile, such as High."""

    packet_loss_ratio: float | None = None
    """Share of RTP packets lost."""

    reordered_packets: float | None = None
    """RTP packets that arrived out of order."""

    jitter_seconds: float | None = None
    """Interarrival jitter of video packets (RFC 3550)."""

    frame_rate_hertz: float | None = None
    """Frame rate by RTP timestamps."""

    arrival_rate_hertz: float | None = None
    """Frame rate by arrival."""

    bits_per_second: float | None = None
    """Video payload, by RTP timestamps."""

    bytes_per_second: float | None = None
    """The same in bytes."""

    keyframe_interval_seconds: float | None = None
    """Time between the last keyframes."""

    stream_clock_offset_seconds: float | None = None
    """The clock of RTCP sender reports minus the monitor's."""

    keyframe_requested: float | None = None
    """1 if the camera was asked for the keyframe."""

    keyframe_wait_seconds: float | None = None
    """Time from the first packet to a complete keyframe."""

    oddities: str | None = None
    """What the camera did against its standards, with counts, such as other_cseq 3; `wire.oddities` has the kinds."""

    skipped_bytes: float | None = None
    """Bytes that belong to no RTSP message and no frame."""

    transport: str | None = None
    """tcp or udp."""

    resolution: str | None = None
    """Width and height in pixels, such as 1920x1080."""

    clock_offset_seconds: float | None = None
    """The camera's clock over ONVIF minus the monitor's."""

    manufacturer: str | None = None
    """Manufacturer as ONVIF reports it."""

    model: str | None = None
    """Model as ONVIF reports it."""

    firmware: str | None = None
    """Firmware version as ONVIF reports it."""

    serial: str | None = None
    """Serial number as ONVIF reports it."""

    hostname: str | None = None
    """The host name that the camera is set to."""

    last_start_timestamp_seconds: float | None = None
    """When the camera last started, in seconds since the epoch by the monitor's clock."""

    time_source: str | None = None
    """Where the camera takes its time from over ONVIF: ntp, manual or unknown."""

    time_zone: str | None = None
    """The time zone that the camera is set to, as it writes it."""

    ntp_server: str | None = None
    """The first NTP server that the camera is set to."""

    withdrawn: frozenset[str] = NO_NAMES
    """Names of readings that the camera was asked for and did not tell; earlier values are no longer true."""

    measures: Mapping[str, float] = field(default_factory=lambda: _NO_MEASURES)
    """The measures of the picture, by their exported names."""

    def items(self) -> Iterator[tuple[str, float | str]]:
        """Yield every known reading with its name, then the picture's measures."""
        for name, value in zip(_READING_NAMES, _VALUES(self), strict=True):
            if value is not None:
                yield name, value
        yield from self.measures.items()

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield every known reading that is a text, with its name."""
        for name, value in zip(_TEXT_NAMES, _TEXTS(self), strict=True):
            if value is not None:
                yield name, value

    def updated(self, later: Readings) -> Readings:
        """Return the same with every reading that is known from a later visit, and without those it withdrew."""
        if later is NO_READINGS:
            return self
        if not (self.withdrawn or later.withdrawn):  # by far the most frequent case
            if self is NO_READINGS:
                return later
            measures = {**self.measures, **later.measures} if later.measures else self.measures
            pairs = zip(_VALUES(self), _VALUES(later), strict=True)
            return _OF_VALUES(*[before if after is None else after for before, after in pairs], NO_NAMES, measures)
        known = {name: value for name in _READING_NAMES if (value := getattr(later, name)) is not None}
        if not known and not later.measures and not later.withdrawn:
            return self
        withdrawn = (self.withdrawn | later.withdrawn) - known.keys()
        gone = dict.fromkeys(withdrawn)
        measures = {**self.measures, **later.measures}
        return replace(self, **gone, **known, measures=measures, withdrawn=withdrawn)


_READING_NAMES = tuple(item.name for item in fields(Readings) if item.name not in ("measures", "withdrawn"))
_TEXT_NAMES = tuple(item.name for item in fields(Readings) if item.type == "str | None")
_VALUES: Callable[[Readings], tuple[Any, ...]] = attrgetter(*_READING_NAMES)
_TEXTS: Callable[[Readings], tuple[Any, ...]] = attrgetter(*_TEXT_NAMES)
_OF_VALUES: Callable[..., Readings] = Readings
"""Takes the readings in their order, then the names of those withdrawn, and the measures."""


NO_READINGS = Readings()
