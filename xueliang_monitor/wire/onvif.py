"""Parses ONVIF responses into values (ONVIF Core 8, Media 5, Events 9). Elements are found by local name."""

from __future__ import annotations

import datetime
import re

from xueliang_monitor.model import Identity
from xueliang_monitor.wire.device_address import HTTP, MAX_PATH_CHARACTERS, RTSP, parse_address
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.service_address import ServiceAddress
from xueliang_monitor.wire.soap import Element, address, child, children, local, serialize, text

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
USED = frozenset({DEVICE, MEDIA, MEDIA2, EVENTS, PTZ})
MAX_SERVICES = 200

LAST_REBOOT = ("Monitoring", "OperatingTime", "LastReboot")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})[T ]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]{1,12})?\s*"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?$",
    re.ASCII | re.IGNORECASE,
)
_FIRST_START = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC).timestamp()
_IN_CAPABILITIES = {"Device": DEVICE, "Media": MEDIA, "Events": EVENTS, "PTZ": PTZ}


def read_identity(response: Element) -> Identity:
    """Parse GetDeviceInformationResponse (ONVIF Core, 8.2.2).

    Raises:
        MalformedResponseError: all of it is empty.

    """
    names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
    manufacturer, model, firmware, serial, hardware = (text(response, name, limit=120) for name in names)
    if not (manufacturer or model or serial or firmware or hardware):
        raise MalformedResponseError("the camera reports neither manufacturer, model nor serial number")
    return Identity(manufacturer, model, firmware=firmware, serial=serial, hardware=hardware)


def read_hostname(response: Element) -> str:
    """Parse GetHostnameResponse (ONVIF Core, 8.2.4); an empty string if no name is set.

    What stands before an @ is a login and no part of a name.
    """
    return text(response, "HostnameInformation", "Name", limit=120).rpartition("@")[2]


def read_services(response: Element) -> dict[str, ServiceAddress]:
    """Parse GetServicesResponse (ONVIF Core, 8.1.2) into the addresses of the services in use, by namespace."""
    found: dict[str, ServiceAddress] = {}
    for service in children(response, "Service")[:MAX_SERVICES]:
        namespace = text(service, "Namespace").rstrip("/")
        where = _service_address(address(service, "XAddr")) if namespace in USED and namespace not in found else None
        if where is not None:
            found[namespace] = where
    return found


def _service_address(raw: str) -> ServiceAddress | None:
    found = parse_address(raw, HTTP)
    if found is None or len(found.path) > MAX_PATH_CHARACTERS:
        return None
    if not found.complete:
        return ServiceAddress(found.path)
    return ServiceAddress(found.path, found.port or (443 if found.secure else 80), found.secure)


def read_capabilities(response: Element) -> dict[str, ServiceAddress]:
    """Parse GetCapabilitiesResponse (ONVIF Core, 8.1.1) into the addresses of the services by namespace."""
    element = child(response, "Capabilities")
    found = {ns: _service_address(address(element, name, "XAddr")) for name, ns in _IN_CAPABILITIES.items()}
    return {namespace: where for namespace, where in found.items() if where is not None}


def read_uri(response: Element) -> str:
    """Parse GetStreamUriResponse or GetSnapshotUriResponse (ONVIF Media, 5.15, 5.17; Media2, 5.6, 5.8).

    Raises:
        MalformedResponseError: there is no valid URI.

    """
    uri = address(response, "MediaUri", "Uri") or address(response, "Uri")
    if parse_address(uri, HTTP | RTSP) is None:
        raise MalformedResponseError("the camera reports no URI that can be used")
    return uri


def offers_last_reboot(response: Element) -> bool:
    """Return whether GetEventPropertiesResponse (ONVIF Events, 9.8) has tns1:Monitoring/OperatingTime/LastReboot.

    TRENDnet TV-IP320PI repeats the parent of a topic for each of its children, so all parents are searched.
    """
    level = children(response, "TopicSet")
    for name in LAST_REBOOT:
        level = [item for parent in level for item in children(parent, name)]
    return bool(level)


def read_subscription(response: Element) -> tuple[ServiceAddress | None, tuple[bytes, ...]]:
    """Parse CreatePullPointSubscriptionResponse (ONVIF Events, 9.2): the address, and the reference parameters to send.

    The address is None if it is no HTTP address, such as `uuid:...`. The parameters are serialized elements.

    Raises:
        MalformedResponseError: there is no reference, or the parameters are too large.

    """
    reference = child(response, "SubscriptionReference")
    if reference is None:
        raise MalformedResponseError("the camera reports no subscription")
    parameters = child(reference, "ReferenceParameters")
    where = _service_address(address(reference, "Address"))
    return where, serialize(parameters.iterchildren("*")) if parameters is not None else ()


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
    """Return a moment in seconds since the epoch, or None if it is no date, or before any camera was made."""
    match = _MOMENT.match(value.strip())
    if match is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        zone = _zone(match[7] or "")
        seconds = datetime.datetime(year, month, day, hour, minute=minute, second=second, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds >= _FIRST_START else None


def _zone(written: str) -> datetime.tzinfo:
    if len(written) < 2:
        return datetime.UTC
    hours, minutes = int(written[1:3]), int(written[-2:])
    return datetime.timezone((1 if written[0] == "+" else -1) * datetime.timedelta(hours=hours, minutes=minutes))


def name(response: Element) -> str:
    """Return the local name of a response, such as GetProfilesResponse."""
    return local(response)
