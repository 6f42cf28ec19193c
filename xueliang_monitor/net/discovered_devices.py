"""Tells devices apart that answer WS-Discovery: by endpoint and service, not by the address that they answer from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from xueliang_monitor.wire.device_address import MAX_PATH_CHARACTERS, path_of
from xueliang_monitor.wire.discovery import ProbeMatch
from xueliang_monitor.wire.service_address import ServiceAddress

USUAL_PATH = "/onvif/device_service"
MAX_DEVICES = 10_000
MAX_DEVICES_OF_HOST = 256


@dataclass(frozen=True, slots=True)
class DiscoveredDevice:
    """A device that responded.

    `host` is the source address of the response, which is right behind NAT too. `port`, `path` and `secure` (HTTPS)
    are those of its ONVIF service; `others` are further addresses of that service at the same host. `announced` holds
    the hosts that it names for itself.
    """

    host: str
    port: int
    path: str
    secure: bool
    endpoint: str
    name: str
    hardware: str
    location: str
    others: tuple[ServiceAddress, ...] = ()
    announced: frozenset[str] = frozenset()

    @property
    def place(self) -> tuple[str, int, str]:
        """Where its service is: host, port and path."""
        return self.host, self.port, self.path

    @property
    def places(self) -> frozenset[tuple[int, str]]:
        """Every port and path of its service."""
        return frozenset(((self.port, self.path), *((other.port or 0, other.path) for other in self.others)))


def device_of(host: str, match: ProbeMatch) -> DiscoveredDevice:
    """Return the device that answered from `host` with `match`.

    Of several addresses, the one with the host that responded is used, then one with an IPv4 address in use, then any.
    """
    parts = [urlsplit(address) for address in match.addresses]
    services = tuple(dict.fromkeys(_service(item) for item in sorted(parts, key=lambda item: _rank(item, host))))
    here = tuple(dict.fromkeys(_service(item) for item in parts if item.hostname == host)) or services
    chosen = here[0] if here else ServiceAddress(USUAL_PATH, 80, False)
    return DiscoveredDevice(
        host=host,
        port=chosen.port or 80,
        path=chosen.path,
        secure=bool(chosen.secure),
        endpoint=match.endpoint,
        name=match.name,
        hardware=match.hardware,
        location=match.location,
        others=here[1:],
        announced=frozenset(item.hostname for item in parts if item.hostname),
    )


def _service(address: SplitResult) -> ServiceAddress:
    secure = address.scheme == "https"
    path = path_of(address.geturl()) if address.path else ""
    usable = path if len(path) <= MAX_PATH_CHARACTERS else ""
    return ServiceAddress(usable or USUAL_PATH, address.port or (443 if secure else 80), secure)


def _rank(address: SplitResult, host: str) -> int:
    """Return how likely an address is the one that can be reached; the lowest is the likeliest."""
    if address.hostname == host:
        return 0
    try:
        known = ipaddress.ip_address(address.hostname or "")
    except ValueError:
        return 2
    return 1 if known.version == 4 and not (known.is_link_local or known.is_unspecified) else 3


class FoundDevices:
    """The devices found so far, each once, whichever interface or datagram they answered by."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, int, str], DiscoveredDevice] = {}
        self._by_endpoint: dict[str, list[DiscoveredDevice]] = {}
        self._of_host: dict[str, int] = {}

    def add(self, device: DiscoveredDevice) -> bool:
        """Add a device; return False if it is known already, or there are too many."""
        count = self._of_host.get(device.host, 0)
        if device.place in self._by_place or len(self._by_place) >= MAX_DEVICES or count >= MAX_DEVICES_OF_HOST:
            return False
        named = self._by_endpoint.setdefault(device.endpoint, []) if device.endpoint else []
        if any(_is_same(known, device) for known in named[:MAX_DEVICES_OF_HOST]):
            return False
        named.append(device)
        self._by_place[device.place] = device
        self._of_host[device.host] = count + 1
        return True

    @property
    def all(self) -> tuple[DiscoveredDevice, ...]:
        """Every device, in the order of their answers."""
        return tuple(self._by_place.values())


def _is_same(known: DiscoveredDevice, other: DiscoveredDevice) -> bool:
    """Return whether two answers with one endpoint are of one device.

    An endpoint alone does not tell: some makes give all their units the same one (and all the same serial number). At
    one host, both answers name a common address. Seen at two hosts, one answer names the host of the other.
    """
    if known.host == other.host:
        return bool(known.places & other.places)
    return known.host in other.announced or other.host in known.announced


def in_order(devices: Iterable[DiscoveredDevice]) -> tuple[DiscoveredDevice, ...]:
    """Return devices by address, port and path."""
    return tuple(sorted(devices, key=lambda item: (tuple(map(int, item.host.split("."))), item.port, item.path)))


def registered_as(
    device: DiscoveredDevice, devices: Iterable[DiscoveredDevice], cameras: Iterable[tuple[str, int, str]]
) -> tuple[str, ...]:
    """Return the ids of the cameras that a device serves, of `cameras` at its host: id, ONVIF port and path.

    The only one of `devices` at its host serves all of them. Otherwise its port tells, or its port and path if another
    device has that port too.
    """
    beside = [other for other in devices if other.host == device.host and other is not device]
    if not beside:
        return tuple(name for name, _, _ in cameras)
    ports = {port for port, _ in device.places}
    shared = any(port in ports for other in beside for port, _ in other.places)
    return tuple(name for name, port, path in cameras if ((port, path) in device.places if shared else port in ports))
