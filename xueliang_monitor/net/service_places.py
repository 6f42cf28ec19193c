"""Where the services of a camera are found: at the port that was reached, or where the camera says or redirects to.

The path is the one that the camera names. Its host is never used, and its port and its scheme only if the service is
not at the port that was reached: that answers 404, refuses, or is no HTTP. A redirection is followed once, if it leads
to the same host. One connection is open at a time, as many cameras allow few.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar
from urllib.parse import urljoin, urlsplit

from xueliang_monitor.net.errors import ClosedError, ConnectRefusedError, NetError, ProtocolError, TlsError
from xueliang_monitor.net.http import HttpConnection, HttpResponse
from xueliang_monitor.wire.service_address import ServiceAddress

MAX_PLACES = 32
"""How many services are remembered that are elsewhere."""

MAX_PATH_CHARACTERS = 1000
_NOT_HERE = frozenset({404, 405, 410, 501})
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_ENVELOPE_END = b"Envelope>"
_OTHER_SERVICE = re.compile(rb"ActionNotSupported|method name or namespace not recognized|No such operation")
"""What a server says of a request that belongs to another of its services."""

Sent = TypeVar("Sent")


@dataclass(frozen=True, slots=True)
class Place:
    """A port of the camera, whether it uses TLS, and a path."""

    port: int
    secure: bool
    path: str

    @property
    def server(self) -> tuple[int, bool]:
        """The server of this place, which has challenges of its own."""
        return self.port, self.secure


@dataclass(frozen=True, slots=True)
class Asking(Generic[Sent]):
    """How a place is asked, and which response that brought."""

    ask: Callable[[Place], Awaitable[Sent]]
    response_of: Callable[[Sent], HttpResponse]


class ServicePlaces:
    """The places of one camera's services in one conversation; `found` is to be remembered for the next."""

    def __init__(self, http: HttpConnection, found: Mapping[ServiceAddress, ServiceAddress]) -> None:
        self._http = http
        self._open: HttpConnection = http
        self.found = found

    async def close(self) -> None:
        """Close the connection."""
        await self._open.close()

    async def connection(self, place: Place) -> HttpConnection:
        """Return the connection to a place; the one to another is closed."""
        if (self._open.port, self._open.secure) != place.server:
            await self._open.close()
            here = place.server == (self._http.port, self._http.secure)
            self._open = self._http if here else self._http.at(place.port, secure=place.secure)
        return self._open

    def of(self, address: ServiceAddress) -> Place:
        """Return the place that an address is asked at first."""
        known = self.found.get(address)
        return self._named(known) if known is not None else self._reached(address.path)

    def _reached(self, path: str) -> Place:
        return Place(self._http.port, self._http.secure, path)

    def _named(self, address: ServiceAddress) -> Place:
        secure = self._http.secure if address.secure is None else address.secure
        usual = self._http.port if secure == self._http.secure else 443 if secure else 80
        return Place(address.port or usual, secure, address.path)

    def _candidates(self, address: ServiceAddress) -> Iterator[Place]:
        yield from dict.fromkeys((self.of(address), self._reached(address.path), self._named(address)))

    async def find(self, address: ServiceAddress, asking: Asking[Sent]) -> Sent:
        """Ask at each place where a service may be until one has it; return the first answer if none has.

        Raises:
            NetError: none answers; it is the error of the first.

        """
        first: Sent | None = None
        failure: NetError | None = None
        for place in self._candidates(address):
            if failure is not None and self._http.secure and not place.secure:
                continue  # whoever disturbs a secure connection must not get a plain one
            try:
                sent = await asking.ask(place)
            except (ConnectRefusedError, ClosedError, ProtocolError, TlsError) as error:
                failure = failure or error
                continue
            if not _is_missing(asking.response_of(sent)):
                return await self._settle(address, place, sent, asking)
            first = sent if first is None else first
        self.found = _without(self.found, address)
        if first is not None:
            return first
        raise failure or AssertionError("there is always a place")

    async def _settle(self, address: ServiceAddress, place: Place, sent: Sent, asking: Asking[Sent]) -> Sent:
        """Return an answer, or the one at the place that it redirects to, and remember the place."""
        redirected = self._redirection(place, asking.response_of(sent))
        if redirected is not None:
            try:
                sent = await asking.ask(redirected)
            except TlsError as error:
                raise TlsError(f"the camera redirects to https; {error}") from error
            response = asking.response_of(sent)
            if response.status in _REDIRECTIONS or _is_missing(response):
                return sent
            place = redirected
        self._remember(address, place)
        return sent

    def _redirection(self, place: Place, response: HttpResponse) -> Place | None:
        """Return the place that a response redirects to, None if it redirects nowhere or to another host."""
        location = response.headers.get("Location", "").strip()
        if response.status not in _REDIRECTIONS or not location or len(location) > MAX_PATH_CHARACTERS:
            return None
        here = self._http.at(place.port, secure=place.secure).url(place.path)
        with contextlib.suppress(ValueError):
            there, own = urlsplit(urljoin(here, location)), urlsplit(here)
            secure = there.scheme == "https"
            if there.scheme not in ("http", "https") or there.hostname != own.hostname or "@" in there.netloc:
                return None
            path = (there.path or "/") + (f"?{there.query}" if there.query else "")
            if not path.isascii() or not path.isprintable() or " " in path:
                return None
            found = Place(there.port or (443 if secure else 80), secure, path)
            return found if found != place else None
        return None

    def _remember(self, address: ServiceAddress, place: Place) -> None:
        if place == self.of(address):
            return
        others = _without(self.found, address)
        if place != self._reached(address.path) and len(others) < MAX_PLACES:
            others = MappingProxyType({**others, address: ServiceAddress(place.path, place.port, place.secure)})
        self.found = others


def _is_missing(response: HttpResponse) -> bool:
    """Return whether a response says that nothing is at a path, or that another service is there (gSOAP)."""
    if _ENVELOPE_END in response.content:
        return response.status >= 400 and _OTHER_SERVICE.search(response.content) is not None
    return response.status in _NOT_HERE


def _without(
    found: Mapping[ServiceAddress, ServiceAddress], address: ServiceAddress
) -> Mapping[ServiceAddress, ServiceAddress]:
    if address not in found:
        return found
    return MappingProxyType({key: value for key, value in found.items() if key != address})
