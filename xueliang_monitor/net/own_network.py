"""Whether this machine can send anything to its cameras at all, found out without a packet."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import errno
import fcntl
import ipaddress
import math
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.net.routes import Address, Route, best_route, ipv4_routes, ipv6_routes

LOOK_SECONDS = 2.0
"""How often the network is looked at."""

LOOKS = 2
"""How many looks in a row must agree before a problem of routes and interfaces is told, or the end of any problem."""

UNANSWERED_SECONDS = 15.0
"""How long no name server may answer. It is less than the time after which a camera's own check counts as failed."""

SETTLED_SECONDS = 90.0
"""How long after a way is open again a problem of names alone counts as part of having been cut off."""

AT_ONCE = 32
"""How many addresses are looked at in one step of the event loop."""

_PORT = 9
"""The port that routes are looked up for. No packet is sent to it."""

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EAFNOSUPPORT})
_NO_PLACE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors that say nothing about the network: no socket or file can be opened."""

_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x0001
_IFF_RUNNING = 0x0040
"""Set if the interface has a carrier, or does not know whether it has one (netdevice(7), RFC 2863)."""


class Gap(enum.StrEnum):
    """Why nothing can be sent to an address."""

    NO_ROUTE = "no_route"
    DOWN = "is down"
    NO_CARRIER = "has no carrier"


@dataclass(frozen=True, slots=True, order=True)
class Blocked:
    """Nothing can be sent to an address; `interface` is the one that its route uses, if it has a route."""

    gap: Gap
    interface: str = ""


class Machine(Protocol):
    """What is asked about this machine. Replaced in tests."""

    def blocked(self, address: Address) -> Blocked | None:
        """Return why nothing can be sent to an address; None if it can, or if that cannot be told.

        Raises:
            OSError: the machine lacks sockets or memory, so nothing can be told.

        """

    def refresh(self) -> None:
        """Forget what was read before."""


@dataclass(slots=True)
class Kernel:
    """Asks the kernel, in the network namespace of this process.

    /sys/class/net is not used: it shows the namespace in which /sys was mounted. /proc/self is there with systemd's
    `ProcSubset=pid`.
    """

    folder: Path = Path("/proc/self/net")
    _routes: dict[int, tuple[Route, ...]] = field(default_factory=dict)
    _gaps: dict[str, Gap | None] = field(default_factory=dict)

    def refresh(self) -> None:
        """Forget routes and interfaces; they are read again when they are needed."""
        self._routes.clear()
        self._gaps.clear()

    def blocked(self, address: Address) -> Blocked | None:
        """Return why nothing can be sent to an address; None if it can, or if that cannot be told."""
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        try:
            with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.connect((str(address), _PORT))
                if channel.getsockname()[0] == str(address):
                    return None  # an address of this machine, whatever its interface
                route = best_route(self._routes_of(address.version), address)
                if route is None or not route.interface:
                    return None  # by a rule of policy routing: that interface is not known
                gap = self._gap(channel, route.interface)
        except OSError as error:
            if error.errno in _NO_PLACE:
                raise
            return Blocked(Gap.NO_ROUTE) if error.errno in _NO_ROUTE else None
        return None if gap is None else Blocked(gap, route.interface)

    def _routes_of(self, version: int) -> tuple[Route, ...]:
        if version not in self._routes:
            file, read = ("route", ipv4_routes) if version == 4 else ("ipv6_route", ipv6_routes)
            self._routes[version] = read((self.folder / file).read_text("ascii", "replace"))
        return self._routes[version]

    def _gap(self, channel: socket.socket, interface: str) -> Gap | None:
        """Return what an interface lacks; one without an idea of a carrier lacks nothing."""
        if interface not in self._gaps:
            asked = struct.pack("16s24x", interface.encode())
            flags = struct.unpack_from("H", fcntl.ioctl(channel, _SIOCGIFFLAGS, asked), 16)[0]
            down = None if flags & _IFF_RUNNING else Gap.NO_CARRIER
            self._gaps[interface] = down if flags & _IFF_UP else Gap.DOWN
        return self._gaps[interface]


def sentence_of(found: Iterable[Blocked]) -> str:
    """Return what is wrong if nothing can be sent to any camera, for the reasons found."""
    reasons = sorted(set(found), key=lambda each: each.interface)
    parts = [f"the monitor's interface {each.interface} {each.gap}" for each in reasons if each.interface]
    if any(each.gap is Gap.NO_ROUTE for each in reasons):
        parts.append("the monitor has no route to " + ("its other cameras" if parts else "any of its cameras"))
    return " and ".join(parts)


@dataclass(slots=True)
class Confirmation:
    """What is told of the looks: a problem seen `looks` times in a row, until it is gone for `LOOKS`. Pure.

    A camera that is reached during a problem refutes it. The problem is then not told again before it was gone once,
    for example while one of two lines of a route with several next hops is dead.
    """

    looks: int = LOOKS
    told: str | None = None
    _last: str | None = None
    _count: int = 0
    _since: float = 0.0
    _refuted: bool = False

    def take(self, problem: str | None, now: float) -> str | None:
        """Take what a look found at `now`, in any monotonic seconds; return what is told from now on."""
        if (problem is None) != (self._last is None):
            self._count, self._since = 0, now
        self._refuted = self._refuted and problem is not None
        self._last, self._count = problem, self._count + 1
        if self._count >= (LOOKS if problem is None else self.looks) and not self._refuted:
            self.told = problem
        return self.told

    def reached(self, began: float) -> None:
        """Take that a camera was reached by a visit that began at `began`."""
        if self._last is not None and began > self._since:
            self._refuted, self.told = True, None


class Tell(Protocol):
    """Is told what keeps this machine from all of its cameras, in one sentence; None while nothing does."""

    def __call__(self, problem: str | None, *, nameless: bool) -> None:
        """Take it; `nameless` says that only names cannot be looked up, so that addresses may be reached."""


class OwnNetwork:
    """Looks at the network of this machine, and tells what is wrong with it whenever that changes.

    `hosts` returns the addresses and names of the cameras, each once. `clock` returns monotonic seconds.
    """

    def __init__(
        self,
        hosts: Callable[[], Sequence[str]],
        names: NameResolver,
        tell: Tell,
        *,
        clock: Callable[[], float],
        machine: Machine | None = None,
    ) -> None:
        self._hosts = hosts
        self._names = names
        self._tell = tell
        self._clock = clock
        self._machine = machine or Kernel()
        self._ways = Confirmation()
        self._lookups = Confirmation(looks=1)
        self._cut_off_at = -math.inf
        self._told: tuple[str | None, bool] = (None, False)
        self._open = ""

    async def watch(self) -> None:
        """Look at the network for as long as it runs."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look at the network once, and tell if that is news. If the machine cannot be asked, what was told stays."""
        hosts = self._hosts()
        with contextlib.suppress(OSError):
            ways, now = await self._unreachable(hosts), self._clock()
            self._ways.take(ways, now)
            self._lookups.take(await self._nameless(hosts), now)
            self._tell_news(now)

    def reached(self, began: float) -> None:
        """Take that a camera was reached by a visit that began at `began`, in seconds of the clock."""
        self._ways.reached(began)
        self._tell_news(self._clock())

    def _tell_news(self, now: float) -> None:
        if self._ways.told is not None:
            self._cut_off_at = now
        problem = self._ways.told or self._lookups.told
        nameless = problem is not None and now - self._cut_off_at >= SETTLED_SECONDS
        if (problem, nameless) != self._told:
            self._told = (problem, nameless)
            self._tell(problem, nameless=nameless)

    async def _unreachable(self, hosts: Sequence[str]) -> str | None:
        """Return why nothing can be sent to any camera; None as soon as one camera's address is not blocked."""
        self._machine.refresh()
        reasons: set[Blocked] = set()
        if self._open in hosts and self._lets_through(self._open, reasons):
            return None
        for number, host in enumerate(hosts):
            if self._lets_through(host, reasons):
                self._open = host
                return None
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        return sentence_of(reasons) or None

    def _lets_through(self, host: str, reasons: set[Blocked]) -> bool:
        """Return whether an address of a host may be reached, and add why not; a name without one says nothing."""
        for each in self._names.last_addresses(host):
            address = ipaddress.ip_address(canonical_host(each))
            why = None if address.is_loopback else self._machine.blocked(address)
            if why is None:
                return True
            reasons.add(why)
        return False

    async def _nameless(self, hosts: Sequence[str]) -> str | None:
        """Return why no camera's name can be looked up; None if one can, or if no camera has a name."""
        if self._names.unanswered_seconds < UNANSWERED_SECONDS:
            return None
        named = False
        for number, host in enumerate(hosts):
            if not self._names.is_address(host):
                if self._names.usable(host):
                    return None
                named = True
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        return self._names.silence if named else None
