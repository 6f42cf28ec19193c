"""Cameras that count logins without saying so: each request with a login counts until its outcome is known."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest
from aiohttp import web

from tests.conftest import LOGIN
from tests.net.onvif_device import OnvifDevice, fault
from xueliang_monitor.model import Credentials, OnvifTarget
from xueliang_monitor.net.errors import NetError
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.net.permissions import ASKED_AGAIN_SECONDS, MAX_NEW, NEW_SECONDS, Permissions
from xueliang_monitor.simulator import soap_messages
from xueliang_monitor.wire.errors import OnvifResponseError

ALLOWED = frozenset({"GetSystemDateAndTime", "GetDeviceInformation", "GetServices"})


class Counting(OnvifDevice):
    """Counts each request with a login, and then does what `then` says; logs in nobody."""

    def __init__(self, login: str, then: Callable[[web.BaseRequest], None]) -> None:
        super().__init__(login=login)
        self.then = then
        self.logins = 0

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        call = soap_messages.parse(await request.read())
        if call.token or request.headers.get("Authorization"):
            self.logins += 1
            self.then(request)
        return await super()._serve(request)


class FewRights(OnvifDevice):
    """Accepts the login, and refuses the user all but a few requests."""

    def _refusal(self, request: web.BaseRequest, call: soap_messages.SoapRequest) -> web.Response | None:
        refusal = super()._refusal(request, call)
        if refusal is not None or call.operation in ALLOWED:
            return refusal
        self.refused_logins += 1
        status, body = fault("NotAuthorized", 400)
        return web.Response(status=status, body=body)


def close(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.close()


async def ask_everything(port: int, login: Credentials = LOGIN, *, spare_logins: int = 2) -> OnvifClient:
    client = OnvifClient(
        "127.0.0.1", OnvifTarget(port, credentials=login), time.time, optional_seconds=0.5, spare_logins=spare_logins
    )
    async with client:
        for request in (client.ask_clock, client.identity, client.services, client.hostname, client.profiles):
            with contextlib.suppress(NetError, OnvifResponseError):
                await request()
    return client


@pytest.mark.parametrize("login", ["digest", "token"])
@pytest.mark.parametrize(("spare_logins", "most"), [(2, 3), (1, 2), (0, 1)])
async def test_logins_that_end_in_a_closed_connection_are_few(login: str, spare_logins: int, most: int) -> None:
    device = Counting(login, close)
    async with device.serving() as port:
        client = await ask_everything(port, spare_logins=spare_logins)
    assert 1 <= device.logins <= most
    assert client.unanswered_logins + client.refused_logins == device.logins


async def test_a_user_with_few_rights_is_not_refused_again_and_again() -> None:
    device = FewRights(login="token")
    async with device.serving() as port:
        for _ in range(3):  # the channels of a recorder
            client = await ask_everything(port)
            assert client.login_accepted
    assert 0 < device.refused_logins <= MAX_NEW


def test_permissions() -> None:
    known, user = Permissions(), ("192.0.2.7:80", "viewer")
    assert known.why_not(user, "a", 0.0) == ""
    known.note(user, "z", 0.0, refused=False)
    known.note(user, "a", 0.0, refused=True)
    assert "lacks the permission" in known.why_not(user, "a", 1.0)
    assert known.why_not(user, "b", 1.0) == ""
    known.note(user, "b", 1.0, refused=True)
    assert "not asked yet" in known.why_not(user, "c", 2.0)
    assert known.why_not(user, "z", 2.0) == ""
    assert known.why_not(("192.0.2.7:80", "admin"), "c", 2.0) == ""
    assert known.why_not(user, "c", 2.0 + NEW_SECONDS) == ""
    assert known.why_not(user, "a", ASKED_AGAIN_SECONDS) == ""
    known.note(user, "a", ASKED_AGAIN_SECONDS, refused=False)
    assert known.why_not(user, "a", ASKED_AGAIN_SECONDS + 1) == ""
