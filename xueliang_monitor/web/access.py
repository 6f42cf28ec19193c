"""Access control: the Host, the Origin and the login of a request.

Requests on the Unix socket need none of them; the permissions of its folder protect it.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import logging
import math
import socket
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from xueliang_monitor.web.clients import OWN, Network, client_of, group_of
from xueliang_monitor.web.connections import Connection
from xueliang_monitor.web.headers import SECURITY_HEADERS
from xueliang_monitor.web.keys import CLIENT, HEADERS, LINKED, SOCKET_CLIENT, USER
from xueliang_monitor.web.log_throttle import LogThrottle
from xueliang_monitor.web.login_log import LoginLog
from xueliang_monitor.web.logins import Logins, Verdict
from xueliang_monitor.web.origins import host_of, is_foreign_fetch, is_own_host, is_own_origin
from xueliang_monitor.web.turns import Turns
from xueliang_monitor.web.web_config import Protection

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/healthz"})
"""Paths that need no login. They reveal nothing about the cameras."""

STREAMS = "/live"
"""Paths of live streams end with this. They last, so they wait for no turn and take none."""


def basic_login(header: str) -> tuple[str, str] | None:
    """Return name and password of an Authorization header (Basic, RFC 7617); None for any other header."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon else None


class Access:
    """The gate before every handler. `protection` may be replaced while the server runs."""

    def __init__(self, protection: Protection, names: frozenset[str], proxies: Sequence[Network] = ()) -> None:
        self._protection = protection
        self._logins = Logins(protection.users)
        self._proxies = proxies
        self._turns = Turns()
        self._throttle = LogThrottle()
        self._failures = LoginLog()
        self._names = names | {socket.gethostname().lower()}  # no DNS lookup, which takes long while DNS is down

    @property
    def protection(self) -> Protection:
        """The protection in force."""
        return self._protection

    @protection.setter
    def protection(self, protection: Protection) -> None:
        self._protection = protection
        self._logins.users = protection.users

    def shuns(self, client: str) -> bool:
        """Return whether the connections of a client are refused for now, as it only guesses logins."""
        return bool(self._protection.users) and self._logins.shuns(client)

    def close(self) -> None:
        """Stop checking logins."""
        self._logins.close()

    def _headers(self, request: web.Request) -> dict[str, str]:
        strict = {"Strict-Transport-Security": "max-age=31536000"} if request.secure else {}
        return {**SECURITY_HEADERS, **strict, **self._protection.headers}

    def _client(self, request: web.Request) -> str:
        if _by_socket(request):
            return SOCKET_CLIENT
        return client_of(request.remote or "", request.headers.getall("X-Forwarded-For", ()), self._proxies)

    async def gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a request to its handler or deny it. Every answer carries the security headers."""
        request[CLIENT] = client = self._client(request)
        connection = request.protocol
        if isinstance(connection, Connection):
            connection.busy, connection.lasting = True, request.path.endswith(STREAMS)
        try:
            denial = None if client == SOCKET_CLIENT else await self._denial(request)
            request[HEADERS] = headers = self._headers(request)
            if denial is not None:
                denial.headers.update(headers)
                return denial
            return await self._handled(request, handler, headers)
        finally:
            if isinstance(connection, Connection):
                connection.busy = False

    async def _handled(self, request: web.Request, handler: Handler, headers: dict[str, str]) -> web.StreamResponse:
        client = group_of(request[CLIENT])
        free = client in OWN or client == SOCKET_CLIENT or request.path.endswith(STREAMS)
        async with contextlib.nullcontext() if free else self._turns.turn(client):
            try:
                response = await handler(request)
            except web.HTTPException as error:
                error.headers.update(headers)
                raise
        if not response.prepared:
            response.headers.update(headers)
        return response

    async def _denial(self, request: web.Request) -> web.Response | None:
        host = host_of(request.headers.get("Host", ""))
        if not is_own_host(host, self._names):
            if (more := self._throttle.due("host")) is not None:
                text = "denied a request for the unknown host %.100r; if it names this server, add it to hosts%s"
                log.warning(text, host, more)
            return web.Response(status=421, text="Host name not allowed; add it to `hosts`.\n")
        if not request.raw_path.isascii():
            return web.Response(status=400, text="Non-ASCII characters in an address must be percent-encoded.\n")
        origin = request.headers.get("Origin")
        foreign = origin is not None and not is_own_origin(origin, request.headers.get("Host", ""))
        if foreign or is_foreign_fetch(request.method, request.headers, to_page=_asks_for_page(request)):
            return web.Response(status=403, text="Request from another site denied.\n")
        if not self._protection.users or request.path in OPEN_PATHS:
            return None
        return await self._login_denial(request)

    async def _login_denial(self, request: web.Request) -> web.Response | None:
        """Check the login of a request; return the denial unless it is valid."""
        given = basic_login(request.headers.get("Authorization", ""))
        verdict = Verdict(False)
        if given is not None:
            name, password = given
            verdict = await self._logins.check(name, password, group_of(request[CLIENT]))
            if verdict.valid:
                request[USER] = name
                return None
            self._log_failure(name, request[CLIENT])
        if verdict.retry_seconds > 0:
            seconds = str(math.ceil(verdict.retry_seconds))
            text = f"Too many failed logins from your address, or for this user; try again in {seconds} s.\n"
            return web.Response(status=429, text=text, headers={"Retry-After": seconds})
        challenge = {"WWW-Authenticate": 'Basic realm="xueliang_monitor", charset="UTF-8"'}
        return web.Response(status=401, text="Login required.\n", headers=challenge)

    def _log_failure(self, name: str, client: str) -> None:
        """Log a failed login, unless others fill the log."""
        if (more := self._failures.due(group_of(client))) is not None:
            # Unknown names are not logged: the name may be a password that was typed into the wrong field.
            shown = repr(name) if name in self._logins.users else "an unknown user"
            log.warning("failed login as %s from %s%s", shown, client, more)


def _asks_for_page(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical in request.app[LINKED]


def _by_socket(request: web.Request) -> bool:
    transport = request.transport
    own = transport.get_extra_info("socket") if transport is not None else None
    return own is not None and own.family == socket.AF_UNIX


def is_open_to_all(host: str, protection: Protection) -> bool:
    """Return whether the address is reachable from other machines without both a login and TLS."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return not loopback and not (protection.users and protection.tls is not None)
