"""What the API answers of one camera, as types; mypy holds the views to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import WithJsonSchema
from typing_extensions import TypedDict  # pydantic reads those of `typing` from Python 3.12 on

from xueliang_monitor.model import Severity, State

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601 in UTC."""

SeverityWord = Annotated[str, WithJsonSchema({"type": "string", "enum": [each.value for each in Severity]})]
StateWord = Annotated[str, WithJsonSchema({"type": "string", "enum": [each.value for each in State]})]


class Words(TypedDict):
    """A text for people in both languages."""

    en: str
    zh: str


class OpenFault(TypedDict):
    """A confirmed fault of a camera. `reason` tells the cause where it is not the usual one."""

    code: str
    severity: SeverityWord
    name: Words
    since: Moment | None
    detail: str
    reason: str | None
    cause: Words
    advice: Words


class OutageAnswer(TypedDict):
    """A time in which a camera was offline, with the faults that were seen; it is not over while `ended` is null."""

    began: Moment | None
    ended: Moment | None
    duration_seconds: float | None
    faults: list[str]


class Diagnosis(TypedDict):
    """What all faults of a camera mean together."""

    name: str
    en: str
    zh: str


class CameraAnswer(TypedDict):
    """A camera as lists show it.

    `online` and `healthy` are null if they are not known. `path` are the nodes that it hangs on, from its own up;
    `behind` is the dead one that hides it. `status` is the lifecycle of its file.
    """

    id: str
    name: str
    site: str
    programme: str
    uplink: str
    address: str
    state: StateWord
    since: Moment | None
    online: bool | None
    healthy: bool | None
    cause: str
    behind: str | None
    path: Sequence[str]
    faults: list[OpenFault]
    outage: OutageAnswer | None
    diagnosis: Diagnosis | None
    status: str
    file_outdated: bool


class IdentityAnswer(TypedDict):
    """What a device reports of itself."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    hardware: str


class StreamAnswer(TypedDict):
    """The settings of a video encoder; null, 0 or empty if unknown. The size is in pixels."""

    codec: str
    width: int
    height: int
    frame_rate_hertz: float | None
    bits_per_second: float | None
    keyframe_interval_seconds: float | None


class ProfileAnswer(StreamAnswer):
    """A media profile of a device."""

    token: str
    name: str


class AcceptedAnswer(TypedDict):
    """What was accepted on the page instead of what the file expects."""

    at: Moment | None
    identity: IdentityAnswer | None
    stream: StreamAnswer | None


class TimeServers(TypedDict):
    """The NTP servers of a device."""

    by_dhcp: bool
    servers: list[str]


class DomePosition(TypedDict):
    """Where a dome looks, in its own units; null for what it does not report."""

    pan: float | None
    tilt: float | None
    zoom: float | None


class PresetAnswer(TypedDict):
    """A position that is stored in a dome."""

    token: str
    name: str


class DomeAnswer(TypedDict):
    """Where a dome looks, and whether that is one of its presets or usual positions."""

    position: DomePosition | None
    moving: bool
    preset: str | None
    known: bool | None
    away_since: Moment | None
    presets: list[PresetAnswer]
    places: int


class Told(TypedDict):
    """What a device tells over ONVIF. What it does not tell is null and listed in `not_told`."""

    identity: IdentityAnswer | None
    hostname: str | None
    stream_path: str | None
    login: str
    clock_offset_seconds: float | None
    last_start: Moment | None
    time_source: str | None
    time_zone: str | None
    utc_offset_seconds: float | None
    time_zone_differs: bool | None
    ntp: TimeServers | None
    profiles: list[ProfileAnswer] | None
    dome: DomeAnswer | None
    not_told: list[str]


class MapPosition(TypedDict):
    """Where a camera hangs, in degrees of WGS 84."""

    latitude: float
    longitude: float


class RungAnswer(TypedDict):
    """The last result of one rung, with the time of the visit that climbed it."""

    rung: str
    ok: bool
    seconds: float
    fault: str | None
    detail: str
    at: Moment | None


class CameraInFull(CameraAnswer):
    """A camera with its device, its last visit and its readings."""

    url: str
    onvif: str | None
    gb_code: str | None
    position: MapPosition | None
    contractor: str | None
    installed: str | None
    told: Told
    accepted: AcceptedAnswer | None
    last_visit: Moment | None
    last_seen: Moment | None
    last_keyframe: Moment | None
    rungs: list[RungAnswer]
    readings: dict[str, float | str]
    reference_pictures: int
