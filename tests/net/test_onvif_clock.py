"""Clocks that a camera tells wrongly, after a login, or not at all: the login must not fail for it."""

from __future__ import annotations

import time

import pytest

from tests.conftest import LOGIN
from tests.net.onvif_device import RESET, SILENCE, Answer, OnvifDevice, clock, fault
from xueliang_monitor.model import Credentials, OnvifTarget
from xueliang_monitor.net.errors import LoginError
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.net.onvif_hints import ClockKind, LoginKind, OnvifHints

HOUR = 3600.0


def client(
    port: int, login: Credentials = LOGIN, hints: OnvifHints | None = None, *, spare_logins: int = 2
) -> OnvifClient:
    target = OnvifTarget(port, credentials=login)
    return OnvifClient("127.0.0.1", target, time.time, hints, optional_seconds=1.5, spare_logins=spare_logins)


@pytest.mark.parametrize(("login", "status"), [("digest", 401), ("token", 401), ("token", 400), ("token", 500)])
async def test_a_clock_that_is_told_after_a_login_only(login: str, status: int) -> None:
    device = OnvifDevice(login=login, open_operations=frozenset(), refused_status=status)
    async with device.serving() as port:
        async with client(port) as talk:
            assert await talk.ask_clock() is ClockKind.REFUSED
            assert await talk.ask_clock() is ClockKind.REFUSED  # not asked again before a login
            assert (await talk.identity()).serial == "42"
            assert await talk.ask_clock() is ClockKind.TOLD
            assert talk.hints.clock_offset_seconds == pytest.approx(0, abs=2)
        asked = len(device.calls)
        async with client(port, hints=talk.hints) as later:
            assert await later.ask_clock() is ClockKind.TOLD
        if login == "token":
            assert device.calls[asked:] == ["GetSystemDateAndTime"]
    assert device.refused_logins == 0


UNTOLD: dict[str, Answer] = {
    "not implemented": fault("ActionNotSupported", 400),
    "fault-500": fault("ActionNotSupported", 500),
    "silence": SILENCE,
    "reset": RESET,
    "no year": "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime/></tds:GetSystemDateAndTimeResponse>",
    "local time without a zone": clock(None, time.time(), ""),
    "empty": (200, b""),
    "page": (404, b"<html><body>not found</body></html>"),
}


@pytest.mark.parametrize("kind", UNTOLD)
async def test_a_clock_that_is_not_told_does_not_matter(kind: str) -> None:
    device = OnvifDevice({"GetSystemDateAndTime": UNTOLD[kind]}, login="token")
    async with device.serving() as port, client(port) as talk:
        assert await talk.ask_clock() is ClockKind.UNTOLD
        assert talk.hints.clock_offset_seconds is None
        assert (await talk.identity()).serial == "42"
    assert device.refused_logins == 0


async def test_a_clock_that_is_refused_to_every_login() -> None:
    device = OnvifDevice({"GetSystemDateAndTime": fault("NotAuthorized", 400)}, login="token")
    async with device.serving() as port, client(port) as talk:
        assert await talk.ask_clock() is ClockKind.REFUSED
        assert (await talk.identity()).serial == "42"
        assert await talk.ask_clock() is ClockKind.REFUSED
        assert (await talk.identity()).serial == "42"


@pytest.mark.parametrize("spare_logins", [2, 0])
async def test_local_time_as_utc_is_no_refused_password(spare_logins: int) -> None:
    here = time.time() + 8 * HOUR
    device = OnvifDevice({"GetSystemDateAndTime": clock(here, here)}, login="token")
    async with device.serving() as port, client(port, spare_logins=spare_logins) as talk:
        assert await talk.ask_clock() is ClockKind.LOCAL_AS_UTC
        assert talk.hints.clock_offset_seconds == pytest.approx(0, abs=2)
        assert talk.hints.told_offset_seconds == pytest.approx(8 * HOUR, abs=2)
        assert (await talk.identity()).serial == "42"
        assert talk.hints.login is LoginKind.TOKEN
    assert device.refused_logins == 0


@pytest.mark.parametrize(
    ("told", "judged", "refused"),
    [
        (0.0, 0.0, 0),
        (8 * HOUR, 8 * HOUR, 1),  # whole hours are likely a mistake of the time zone
        (8 * HOUR, 0.0, 0),
        (-5.5 * HOUR, 0.0, 0),
        (-9.3 * HOUR, -9.3 * HOUR, 0),
        (-9.3 * HOUR, 0.0, 1),
        (283_996_800.0 - time.time(), 283_996_800.0 - time.time(), 0),
        (283_996_800.0 - time.time(), 0.0, 1),
    ],
    ids=["right", "zone", "zone told", "half zone told", "far", "far told", "never set", "never set told"],
)
async def test_a_token_is_signed_by_one_clock_and_then_by_the_other(told: float, judged: float, refused: int) -> None:
    device = OnvifDevice(
        {"GetSystemDateAndTime": clock(time.time() + told, None)},
        login="token",
        token_clock=lambda: time.time() + judged,
    )
    async with device.serving() as port:
        async with client(port) as talk:
            assert await talk.ask_clock() is ClockKind.TOLD
            assert talk.hints.clock_offset_seconds == pytest.approx(told, abs=2)
            assert (await talk.identity()).serial == "42"
        assert device.refused_logins == refused
        async with client(port, hints=talk.hints) as later:  # the clock that was accepted is remembered
            await later.ask_clock()
            assert (await later.identity()).serial == "42"
    assert device.refused_logins == refused


@pytest.mark.parametrize(("spare_logins", "refused"), [(2, 2), (1, 2), (0, 1)])
async def test_a_wrong_password_is_sent_twice_at_most(spare_logins: int, refused: int) -> None:
    wrong = Credentials("viewer", "wr0ng-pass")
    device = OnvifDevice({"GetSystemDateAndTime": clock(time.time() - 9.3 * HOUR, None)}, login="token")
    async with device.serving() as port, client(port, wrong, spare_logins=spare_logins) as talk:
        await talk.ask_clock()
        for _ in range(2):
            with pytest.raises(LoginError, match="refused"):
                await talk.identity()
        assert talk.refused_logins == device.refused_logins == refused


async def test_what_tells_that_a_service_is_onvif() -> None:
    for answers in (
        {"GetSystemDateAndTime": fault()},
        {"GetSystemDateAndTime": SILENCE, "GetCapabilities": fault()},
        {"GetSystemDateAndTime": RESET, "GetCapabilities": (404, b"")},
    ):
        async with OnvifDevice({**answers}).serving() as port, client(port) as talk:
            assert await talk.speaks_onvif()
    device = OnvifDevice(login="digest", open_operations=frozenset())
    async with device.serving() as port, client(port) as talk:
        assert not await talk.speaks_onvif()
        assert talk.wants_login
    assert device.refused_logins == 0
