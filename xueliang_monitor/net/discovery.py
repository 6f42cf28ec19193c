"""Finds devices by WS-Discovery: by multicast on given interfaces, or by unicast to given addresses."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import uuid
from collections.abc import Callable, Iterable

import psutil

from xueliang_monitor.net.discovered_devices import DiscoveredDevice, FoundDevices, device_of
from xueliang_monitor.wire import discovery
from xueliang_monitor.wire.device_text import Gate

MAX_SWEEP = 4096
"""The largest number of addresses in a sweep: a /20 network."""

PROBES_A_SECOND = 250.0
MAX_DATAGRAMS_OF_HOST = 512
"""From how many datagrams on those of one host are not read. Some hosts answer for many devices, each twice."""


def interfaces(name: str | None = None) -> tuple[str, ...]:
    """Return the IPv4 addresses of an interface, given by its name or one of its addresses, or of all interfaces.

    Raises:
        ValueError: there is no such interface, or it has no IPv4 address.

    """
    found = {
        each: [item.address for item in addresses if item.family is socket.AF_INET]
        for each, addresses in psutil.net_if_addrs().items()
    }
    if name is None:
        return tuple(address for addresses in found.values() for address in addresses)
    chosen = found.get(name) or [address for addresses in found.values() for address in addresses if address == name]
    if not chosen:
        usable = ", ".join(each for each, addresses in found.items() if addresses)
        raise ValueError(f"no interface {name} with an IPv4 address; interfaces: {usable}")
    return tuple(chosen)


def addresses_of(subnet: str) -> tuple[str, ...]:
    """Return the host addresses of a network such as 192.0.2.0/24.

    Raises:
        ValueError: it is not a network, or has more than `MAX_SWEEP` addresses.

    """
    network = ipaddress.IPv4Network(subnet, strict=False)
    if network.num_addresses > MAX_SWEEP:
        raise ValueError(f"{subnet} has {network.num_addresses} addresses; a sweep covers at most {MAX_SWEEP}")
    return tuple(str(address) for address in network.hosts())


class _Listener(asyncio.DatagramProtocol):
    """Collects the devices that respond, each once, in `found`, which several listeners may share."""

    def __init__(self, found: FoundDevices, on_device: Callable[[DiscoveredDevice], None], gate: Gate) -> None:
        self._found, self._on_device, self._gate = found, on_device, gate
        self._datagrams: dict[str, int] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        count = self._datagrams[addr[0]] = self._datagrams.get(addr[0], 0) + 1
        if count > MAX_DATAGRAMS_OF_HOST:
            return  # one host is not worth more work
        for match in discovery.read_matches(data, self._gate):
            device = device_of(addr[0], match)
            if self._found.add(device):
                self._on_device(device)

    def error_received(self, exc: Exception) -> None:
        """Ignore ICMP errors of addresses without a device."""


def _nothing(_device: DiscoveredDevice) -> None:
    return None


async def probe_multicast(
    interface_addresses: Iterable[str],
    seconds: float,
    on_device: Callable[[DiscoveredDevice], None] = _nothing,
    *,
    gate: Gate,
) -> tuple[DiscoveredDevice, ...]:
    """Send a Probe by multicast on each interface and collect responses for `seconds`; `on_device` is called for each.

    Raises:
        OSError: no interface can be used.

    """
    loop, found, transports = asyncio.get_running_loop(), FoundDevices(), []
    failed: OSError | None = None
    try:
        for interface in interface_addresses:
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                sender.setblocking(False)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
                sender.bind((interface, 0))
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Listener(found, on_device, gate), sock=sender
                )
            except OSError as error:
                sender.close()
                failed = error
                continue
            transports.append(transport)
        if failed is not None and not transports:
            raise failed
        for moment in (0.0, min(0.5, seconds / 3)):  # twice, because datagrams get lost
            await asyncio.sleep(moment)
            for transport in transports:
                with contextlib.suppress(OSError):
                    transport.sendto(discovery.probe(str(uuid.uuid4())), (discovery.GROUP, discovery.PORT))
        await asyncio.sleep(seconds)
    finally:
        for transport in transports:
            transport.close()
    return found.all


async def probe_addresses(
    hosts: Iterable[str],
    seconds: float,
    on_device: Callable[[DiscoveredDevice], None] = _nothing,
    on_probe: Callable[[], None] = lambda: None,
    *,
    gate: Gate,
) -> tuple[DiscoveredDevice, ...]:
    """Send a Probe to each host, `PROBES_A_SECOND` at most, and collect responses for `seconds` after the last one.

    `on_device` is called for each device, `on_probe` after each Probe.

    Raises:
        OSError: no socket can be opened.

    """
    loop = asyncio.get_running_loop()
    any_port = ("0.0.0.0", 0)  # noqa: S104 - the port of a sender  # nosec B104
    found = FoundDevices()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(found, on_device, gate), local_addr=any_port)
    try:
        started = loop.time()
        for number, host in enumerate(hosts):
            await asyncio.sleep(max(0.0, started + number / PROBES_A_SECOND - loop.time()))
            with contextlib.suppress(OSError):
                transport.sendto(discovery.probe(str(uuid.uuid4())), (host, discovery.PORT))
            on_probe()
        await asyncio.sleep(seconds)
    finally:
        transport.close()
    return found.all
