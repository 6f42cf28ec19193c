"""Finds where the ONVIF service of a device may be: by WS-Discovery, and at the default ports."""

from __future__ import annotations

import asyncio

from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.discovered_devices import USUAL_PATH, DiscoveredDevice, in_order
from xueliang_monitor.net.discovery import probe_addresses
from xueliang_monitor.net.errors import NetError
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.process.shortage import ShortageError, shortage_of
from xueliang_monitor.wire.device_address import shown_path
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate

DEFAULT_PORTS = (80, 8000, 8080, 8899, 2020, 10080, 5000)
"""Default ONVIF ports, the most frequent first: Reolink 8000, XiongMai 8899, TP-Link 2020, most others 80."""

SECURE_PORT = 443
_SECURE_PORTS = frozenset({443, 8443})
USUAL_PATHS = (
    USUAL_PATH,
    "/onvif/device",
    "/onvif/services",
    "/onvif/service",
    "/onvif/Device",
    "/device_service",
    "/onvif/devices",
)
"""Paths of device services, the standard's own first. ONVIF requires it (Core, 5.1.1); firmware does not."""

DISCOVERY_SECONDS = 0.6
CONNECT_SECONDS = 1.5


async def _open_ports(address: str, ports: tuple[int, ...]) -> tuple[int, ...]:
    """Return the ports that accept a TCP connection."""

    async def is_open(port: int) -> bool:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError) as error:
            if short := shortage_of(error):
                raise RegistrationError(str(short)) from error
            return False
        writer.close()
        return True

    opened = await asyncio.gather(*(is_open(port) for port in ports))
    return tuple(port for port, good in zip(ports, opened, strict=True) if good)


async def addresses_of_host(host: str, installation: Installation) -> tuple[str, ...]:
    """Return the addresses of a host name.

    Raises:
        RegistrationError: there are none, or the monitor cannot look them up.

    """
    try:
        async with NameResolver(installation.settings.name_servers) as names:
            return await names.addresses(host)
    except (NetError, ShortageError) as error:
        raise RegistrationError(str(error)) from error


async def candidate_services(request: RegistrationRequest, address: str, gate: Gate) -> tuple[OnvifTarget, ...]:
    """Return where the ONVIF service may be: as requested, as announced by WS-Discovery, or at the usual places.

    A place with another path at a port comes after all ports; it is worth a request only if that port answers in HTTP
    without knowing the path before. `gate` hides secrets in the names of devices.

    Raises:
        SeveralDevicesError: several devices answer at the address, and the request does not say which one is meant.

    """
    if request.onvif_port is not None and request.onvif_path is not None:
        return (OnvifTarget(request.onvif_port, request.onvif_path, request.onvif == "https"),)
    try:
        devices = await probe_addresses([address], DISCOVERY_SECONDS, gate=gate)
    except OSError as error:
        raise RegistrationError(f"WS-Discovery cannot be sent: {shortage_of(error) or error}") from error
    chosen = meant_devices(request, devices)
    if request.onvif_port is not None:
        ports: tuple[int, ...] = (request.onvif_port,)
    elif request.onvif == "https":
        ports = (SECURE_PORT,)
    else:
        ports = await _open_ports(address, DEFAULT_PORTS)
    return places(request, chosen, ports)


class SeveralDevicesError(RegistrationError):
    """Several devices answer at one address; `devices` are those that may be meant."""

    def __init__(self, address: str, devices: tuple[DiscoveredDevice, ...]) -> None:
        places = ((item.port, shown_path(item.path, NO_SECRETS), _name(item)) for item in devices)
        shown = ", ".join(f"port {port}, path {path} ({name})" for port, path, name in places)
        by_port = len({item.port for item in devices}) == len(devices)
        options = "--onvif-port" if by_port else "--onvif-port and --onvif-path"
        super().__init__(
            f"{len(devices)} devices answer at {address}: {shown}",
            f"Say which one is meant with {options}.",
            f"该地址有 {len(devices)} 台设备应答，请用 {options.replace(' and ', ' 和 ')} 指定其中一台。",
        )
        self.devices = devices


def _name(device: DiscoveredDevice) -> str:
    return f"{device.name} {device.hardware}".strip() or "no name"


def meant_devices(request: RegistrationRequest, devices: tuple[DiscoveredDevice, ...]) -> tuple[DiscoveredDevice, ...]:
    """Return the discovered device that a request means, or all if it means a place that no device announced.

    Raises:
        SeveralDevicesError: it may mean several.

    """
    port, path = request.onvif_port, request.onvif_path
    meant = [
        device
        for device in in_order(devices)
        if any(port in (None, each) and path in (None, at) for each, at in device.places)
    ]
    if len(meant) > 1:
        raise SeveralDevicesError(request.address, tuple(meant))
    return tuple(meant) or devices


def places(
    request: RegistrationRequest, devices: tuple[DiscoveredDevice, ...], ports: tuple[int, ...]
) -> tuple[OnvifTarget, ...]:
    """Return where the service may be, the likeliest place first: announced ones, then `ports` with usual paths."""
    wanted = request.onvif_path
    announced = [
        OnvifTarget(port, path if wanted is None else wanted, bool(secure))
        for device in devices
        for port, path, secure in (
            (device.port, device.path, device.secure),
            *((other.port or 80, other.path, other.secure) for other in device.others),
        )
        if request.onvif_port in (None, port) and not (request.onvif == "https" and not secure)
    ]
    told = (item.path for item in devices) if request.onvif_port is not None else ()
    paths = tuple(dict.fromkeys((*told, *USUAL_PATHS))) if wanted is None else (wanted,)
    schemes = {
        port: (True,) if request.onvif == "https" else (True, False) if port in _SECURE_PORTS else (False,)
        for port in dict.fromkeys((*(item.port for item in announced), *ports))
    }
    schemes |= {item.port: (item.secure,) for item in announced}
    usual = [
        OnvifTarget(port, path, secure) for path in paths for port, possible in schemes.items() for secure in possible
    ]
    return tuple(dict.fromkeys((*announced, *usual)))
