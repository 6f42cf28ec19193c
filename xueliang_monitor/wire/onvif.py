"""Parses ONVIF responses into values (ONVIF Core 8, Media 5, Events 9). Elements are found by local name."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from xueliang_monitor.model import Identity, StreamParameters
from xueliang_monitor.wire import timezone
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.soap import Element, address, child, children, local, serialize, text

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
MAX_PROFILES = 64
MAX_SERVICES = 200
MAX_TOKEN_CHARACTERS = 120
"""ONVIF allows 64 (ReferenceToken)."""

MAX_PATH_CHARACTERS = 256
"""The path of a service. Those of cameras have 40 characters."""

LAST_REBOOT = ("Monitoring", "OperatingTime", "LastReboot")
_ENCODINGS = {"H264": "h264", "H265": "h265", "HEVC": "h265", "JPEG": "mjpeg", "MJPEG": "mjpeg", "MPEG4": "mpeg4"}
_CONTROL = re.compile(r"[\x00-\x1f]")
_IN_CAPABILITIES = {"Device": DEVICE, "Media": MEDIA, "Events": EVENTS}


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """The time of a camera: UTC in whole seconds since the epoch, its time zone as sent, and whether it uses NTP."""

    utc: float
    zone: str = ""
    by_ntp: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """A media profile: its token, its name, and the settings of its video encoder.

    An unknown codec stays as the camera wrote it, because its name has to pass the gate.
    """

    token: str
    name: str
    stream: StreamParameters


def _number(element: Element | None, *names: str) -> float | None:
    raw = text(element, *names)
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None


def _moment(element: Element | None) -> datetime.datetime | None:
    """Parse a tt:DateTime into a datetime without time zone."""
    parts = [_number(element, "Date", name) for name in ("Year", "Month", "Day")]
    parts += [_number(element, "Time", name) for name in ("Hour", "Minute", "Second")]
    numbers = [int(part) for part in parts if part is not None]
    if len(numbers) != 6:
        return None
    leap = 1 if numbers[5] == 60 else 0
    try:
        year, month, day, hour, minute, second = numbers
        moment = datetime.datetime(year, month, day, hour, minute=minute, second=second - leap)  # noqa: DTZ001
        return moment + datetime.timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


def _as_utc(moment: datetime.datetime) -> float:
    return moment.replace(tzinfo=datetime.UTC).timestamp()


def read_time(response: Element, now: float) -> DeviceTime:
    """Parse GetSystemDateAndTimeResponse (ONVIF Core, 8.3.5).

    Where the response has only a local time, UTC is computed from the time zone. Some cameras write `CST+8` for eight
    hours east of UTC, against POSIX; the sign whose result is nearer to `now` (seconds since the epoch) is used.

    Raises:
        MalformedResponseError: the response has no time.

    """
    element = child(response, "SystemDateAndTime")
    zone_text = text(element, "TimeZone", "TZ", limit=120)
    by_ntp = text(element, "DateTimeType").upper() == "NTP"
    utc = _moment(child(element, "UTCDateTime"))
    if utc is not None:
        return DeviceTime(_as_utc(utc), zone_text, by_ntp)
    here = _moment(child(element, "LocalDateTime"))
    zone = timezone.parse(zone_text)
    if here is None or zone is None:
        raise MalformedResponseError("the camera reports no valid time")
    try:
        offset = zone.offset(here, daylight=text(element, "DaylightSavings").lower() in {"true", "1"}).total_seconds()
    except OverflowError as error:  # the rule's day is after the end of the year 9999
        raise MalformedResponseError("the camera reports no valid time") from error
    return DeviceTime(min((_as_utc(here) - offset, _as_utc(here) + offset), key=lambda at: abs(at - now)), zone_text)


def read_identity(response: Element) -> Identity:
    """Parse GetDeviceInformationResponse (ONVIF Core, 8.2.2).

    Raises:
        MalformedResponseError: there is neither a manufacturer, a model nor a serial number.

    """
    names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
    manufacturer, model, firmware, serial, hardware = (text(response, name, limit=120) for name in names)
    if not (manufacturer or model or serial):
        raise MalformedResponseError("the camera reports neither manufacturer, model nor serial number")
    return Identity(manufacturer, model, firmware=firmware, serial=serial, hardware=hardware)


def read_hostname(response: Element) -> str:
    """Parse GetHostnameResponse (ONVIF Core, 8.2.4); an empty string if no name is set."""
    return text(response, "HostnameInformation", "Name", limit=120)


def read_services(response: Element) -> dict[str, str]:
    """Parse GetServicesResponse (ONVIF Core, 8.1.2) into the paths of the services that are used, by namespace."""
    paths: dict[str, str] = {}
    for service in children(response, "Service")[:MAX_SERVICES]:
        namespace = text(service, "Namespace")
        if namespace in _IN_CAPABILITIES.values() and namespace not in paths:
            paths[namespace] = path_of(address(service, "XAddr"))
    return _usable(paths)


def _usable(paths: dict[str, str]) -> dict[str, str]:
    return {namespace: path for namespace, path in paths.items() if path and len(path) <= MAX_PATH_CHARACTERS}


def read_capabilities(response: Element) -> dict[str, str]:
    """Parse GetCapabilitiesResponse (ONVIF Core, 8.1.1) into the paths of the services by namespace."""
    element = child(response, "Capabilities")
    paths = {ns: path_of(address(element, name, "XAddr")) for name, ns in _IN_CAPABILITIES.items()}
    return _usable(paths)


_LOGIN_BEFORE_ADDRESS = re.compile(
    r"^([a-z]+://).*@(?=(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])(?::\d+)?(?:[/?]|$))", re.IGNORECASE
)


def without_login(address: str) -> str:
    """Return a URL without the login before its IP address, whatever characters the login has."""
    return _LOGIN_BEFORE_ADDRESS.sub(r"\1", address)


def path_of(url: str) -> str:
    """Return the path and query of a URL, or an empty string; its host and port are wrong behind NAT.

    Some cameras put several URLs into one element, one for each network; the first one is used. Braces, which no URL
    may have (RFC 3986, 2), are percent-encoded: in a path of ours they are placeholders for the login.
    """
    first, *others = url.split() or [""]
    if _CONTROL.search(first) or not all(other.startswith(("http://", "https://")) for other in others):
        return ""
    url = first
    try:
        parts = urlsplit(without_login(url))
    except ValueError:
        return ""
    if parts.scheme and not parts.netloc:
        return ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "") if url else ""
    return path.replace("{", "%7B").replace("}", "%7D")


def read_profiles(response: Element) -> tuple[Profile, ...]:
    """Parse GetProfilesResponse (ONVIF Media, 5.2.2); profiles without a video source or a token are skipped."""
    profiles = []
    for item in children(response, "Profiles")[:MAX_PROFILES]:
        token = (item.get("token") or "").strip()
        encoder = child(item, "VideoEncoderConfiguration")
        # A token is sent back as it is, so one that cannot be shown is not used.
        if (
            not 0 < len(token) <= MAX_TOKEN_CHARACTERS
            or not token.isprintable()
            or (encoder is None and child(item, "VideoSourceConfiguration") is None)
        ):
            continue
        profiles.append(Profile(token, text(item, "Name", limit=120), _stream(encoder)))
    return tuple(profiles)


def _stream(encoder: Element | None) -> StreamParameters:
    encoding = text(encoder, "Encoding")
    codec = encoding.upper().replace(".", "")
    width, height = _number(encoder, "Resolution", "Width"), _number(encoder, "Resolution", "Height")
    rate = _number(encoder, "RateControl", "FrameRateLimit")
    thinned = _number(encoder, "RateControl", "EncodingInterval")
    rate = rate / thinned if rate and thinned and thinned > 1 else rate
    kilobits = _number(encoder, "RateControl", "BitrateLimit")
    groups = [_number(encoder, name, "GovLength") for name in ("H264", "H265", "MPEG4")]
    pictures = next((value for value in groups if value), None)
    return StreamParameters(
        codec=_ENCODINGS.get(codec, encoding.replace(".", "")),
        width=int(width or 0),
        height=int(height or 0),
        frame_rate_hertz=rate or None,
        # AXIS writes 2147483647 for "no limit".
        bits_per_second=kilobits * 1000 if kilobits and kilobits < 2_000_000 else None,
        keyframe_interval_seconds=pictures / rate if pictures and rate and codec != "JPEG" else None,
    )


def read_uri(response: Element) -> str:
    """Parse GetStreamUriResponse or GetSnapshotUriResponse (ONVIF Media, 5.15, 5.17).

    Raises:
        MalformedResponseError: there is no valid URI.

    """
    uri = address(response, "MediaUri", "Uri") or address(response, "Uri")
    if not uri or not path_of(uri):
        raise MalformedResponseError("the camera reports no URI for the stream")
    return uri


def offers_last_reboot(response: Element) -> bool:
    """Return whether GetEventPropertiesResponse (ONVIF Events, 9.8) has tns1:Monitoring/OperatingTime/LastReboot.

    TRENDnet TV-IP320PI repeats the parent of a topic for each of its children, so all parents are searched.
    """
    level = children(response, "TopicSet")
    for name in LAST_REBOOT:
        level = [item for parent in level for item in children(parent, name)]
    return bool(level)


def read_subscription(response: Element) -> tuple[str, tuple[bytes, ...]]:
    """Parse CreatePullPointSubscriptionResponse (ONVIF Events, 9.2): the path, and the reference parameters to send.

    The parameters are serialized elements.

    Raises:
        MalformedResponseError: there is no address, or the parameters are too large.

    """
    reference = child(response, "SubscriptionReference")
    path = path_of(address(reference, "Address"))
    if not path:
        raise MalformedResponseError("the camera reports no address for the subscription")
    parameters = child(reference, "ReferenceParameters")
    return path, serialize(parameters.iterchildren("*")) if parameters is not None else ()


def read_last_reboot(response: Element) -> float | None:
    """Parse the time of the last start from PullMessagesResponse, in seconds since the epoch by the camera's clock."""
    for item in children(response, "NotificationMessage"):
        topic = text(item, "Topic", limit=500)
        if not topic.rstrip("/").endswith("LastReboot"):
            continue
        data = child(item, "Message", "Message", "Data")
        for simple in children(data, "SimpleItem"):
            moment = _parse_moment(simple.get("Value") or "")
            if moment is not None:
                return moment
    return None


def _parse_moment(value: str) -> float | None:
    try:
        moment = datetime.datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def name(response: Element) -> str:
    """Return the local name of a response, such as GetProfilesResponse."""
    return local(response)
