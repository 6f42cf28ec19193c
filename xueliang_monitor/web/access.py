"""Access control: the Host, the Origin and the login of a request.

Requests on the Unix socket need none of them; the permissions of its folder protect it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import logging
import secrets
import socket
from collections import OrderedDict
from collections.abc import Mapping

import bcrypt
from aiohttp import web
from aiohttp.typedefs import Handler

from xueliang_monitor.web.headers import SECURITY_HEADERS
from xueliang_monitor.web.keys import CLIENT, HEADERS, LINKED, USER
from xueliang_monitor.web.origins import host_of, is_foreign_fetch, is_own_host, is_own_origin
from xueliang_monitor.web.web_config import Protection

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/healthz"})
"""Paths that need no login. They reveal nothing about the cameras."""

KNOWN_LOGINS = 256
"""How many checked logins are remembered. A check takes a tenth of a second."""


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


class Logins:
    """Checks passwords against bcrypt hashes, one at a time and off the event loop."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self.users = users
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self._one_at_a_time = asyncio.Semaphore(1)

    async def is_valid(self, name: str, password: str) -> bool:
        """Return whether a login is valid. An unknown name takes as long as a known one."""
        hashed = self.users.get(name) or next(iter(self.users.values()))
        mark = hmac.digest(self._key, f"{name}\0{hashed}\0{password}".encode(), hashlib.sha256)
        if mark not in self._known:
            async with self._one_at_a_time:
                checked = await asyncio.to_thread(bcrypt.checkpw, password.encode()[:72], hashed.encode())
            self._known[mark] = checked and name in self.users
            if len(self._known) > KNOWN_LOGINS:
                self._known.popitem(last=False)
        return self._known[mark]


class Access:
    """The gate before every handler. `protection` may be replaced while the server runs."""

    def __init__(self, protection: Protection, names: frozenset[str]) -> None:
        self._protection = protection
        self._logins = Logins(protection.users)
        self._names = names | {socket.gethostname().lower()}  # no DNS lookup, which takes long while DNS is down

    @property
    def protection(self) -> Protection:
        """The protection in force."""
        return self._protection

    @protection.setter
    def protection(self, protection: Protection) -> None:
        self._protection = protection
        self._logins = Logins(protection.users)

    def _headers(self, request: web.Request) -> dict[str, str]:
        strict = {"Strict-Transport-Security": "max-age=31536000"} if request.secure else {}
        return {**SECURITY_HEADERS, **strict, **self._protection.headers}

    async def gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a request to its handler or deny it. Every answer carries the security headers."""
        denial = None if _by_socket(request) else await self._denial(request)
        request[CLIENT] = request.remote or "(socket)"
        request[HEADERS] = headers = self._headers(request)
        if denial is not None:
            response: web.StreamResponse = denial
        else:
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
            log.warning("denied a request for the unknown host %.100r; if it names this server, add it to hosts", host)
            return web.Response(status=421, text="Host name not allowed; add it to `hosts`.\n")
        if not request.raw_path.isascii():
            return web.Response(status=400, text="Non-ASCII characters in an address must be percent-encoded.\n")
        origin = request.headers.get("Origin")
        foreign = origin is not None and not is_own_origin(origin, request.headers.get("Host", ""))
        if foreign or is_foreign_fetch(request.method, request.headers, to_page=_asks_for_page(request)):
            return web.Response(status=403, text="Request from another site denied.\n")
        if not self._protection.users or request.path in OPEN_PATHS:
            return None
        name = await self._user(request)
        if name is None:
            challenge = {"WWW-Authenticate": 'Basic realm="xueliang_monitor", charset="UTF-8"'}
            return web.Response(status=401, text="Login required.\n", headers=challenge)
        request[USER] = name
        return None

    async def _user(self, request: web.Request) -> str | None:
        given = basic_login(request.headers.get("Authorization", ""))
        if given is None:
            return None
        name, password = given
        if await self._logins.is_valid(name, password):
            return name
        # Unknown names are not logged: the name may be a password that was typed into the wrong field.
        shown = repr(name) if name in self._logins.users else "an unknown user"
        log.warning("failed login as %s from %s", shown, request.remote)
        return None


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
