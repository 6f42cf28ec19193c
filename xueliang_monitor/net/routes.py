"""The routes of this machine as the kernel lists them (proc_net(5)), and which interface leads to an address. Pure."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterable
from dataclasses import dataclass

_UP = 0x0001
_REJECT = 0x0200
"""Flags of a route: it is usable; it refuses what it matches (linux/route.h)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `interface` is empty if the route refuses what it matches. Of equal networks, least metric wins."""

    network: Network
    interface: str
    metric: int = 0


def ipv4_routes(text: str) -> tuple[Route, ...]:
    """Return the usable routes of /proc/net/route, whose addresses are in the byte order of the machine."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            interface, flags, metric = words[0], int(words[3], 16), int(words[6])
            network, mask = (int(words[column], 16).to_bytes(4, sys.byteorder) for column in (1, 7))
            prefix = int.from_bytes(mask, "big").bit_count()
            known = ipaddress.IPv4Network((network, prefix))
        except (ValueError, IndexError, OverflowError):
            continue  # a line in a form that is not known says nothing
        if flags & _UP:
            found.append(Route(known, "" if flags & _REJECT else interface, metric))
    return tuple(found)


def ipv6_routes(text: str) -> tuple[Route, ...]:
    """Return the usable routes of /proc/net/ipv6_route, except those for one source network."""
    found = []
    for line in text.splitlines():
        words = line.split()
        try:
            known = ipaddress.IPv6Network((bytes.fromhex(words[0]), int(words[1], 16)))
            source, metric, flags, interface = int(words[3], 16), int(words[5], 16), int(words[8], 16), words[9]
        except (ValueError, IndexError):
            continue
        if source == 0 and flags & (_UP | _REJECT):
            found.append(Route(known, "" if flags & _REJECT else interface, metric))
    return tuple(found)


def best_route(routes: Iterable[Route], address: Address) -> Route | None:
    """Return the route with the longest prefix that matches an address; None without one."""
    matching = [route for route in routes if route.network.version == address.version and address in route.network]
    return min(matching, key=lambda route: (-route.network.prefixlen, route.metric), default=None)
