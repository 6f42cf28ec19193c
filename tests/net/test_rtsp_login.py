"""Logins that are asked for again: what is no refusal is answered once more, and what is one is told."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.conftest import LOGIN, Tls
from tests.net.scripted_camera import CLOSE, RESET, ScriptedCamera, regular, reply, scripted
from tests.waiting import PATIENT
from xueliang_monitor.model import AuthPolicy, Credentials, Rung, Target, Timeouts, Transport
from xueliang_monitor.net.errors import ClosedError, LoginError
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.setup import Tracks, playing
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.messages import Request
from xueliang_monitor.wire.oddities import Oddity

WRONG = replace(LOGIN, password="wrong")


def offer(nonce: str, more: str = "") -> tuple[str, str]:
    return ("WWW-Authenticate", f'Digest realm="Camera", nonce="{nonce}"{more}')


def nonce_of(request: Request) -> str:
    found = re.search(r'nonce="([^"]*)"', request.headers.get("authorization"))
    return found[1] if found else ""


class Nonces:
    """Accepts a good login with a nonce of its own, each for `uses` requests; then answers as `again` says."""

    def __init__(self, uses: int = 1, again: Callable[[Request, str], bytes] | None = None, more: str = "") -> None:
        self.uses, self.again, self.more = uses, again, more
        self.left: dict[str, int] = {}
        self.refused = 0

    def challenge(self, request: Request) -> bytes:
        nonce = f"n{len(self.left)}"
        self.left[nonce] = self.uses
        return reply(request, offer(nonce, self.more), status="401 Unauthorized")

    def __call__(self, _camera: ScriptedCamera, request: Request) -> bytes:
        given, nonce = request.headers.get("authorization"), nonce_of(request)
        if not given:
            return self.challenge(request)
        if not auth.verify(given, LOGIN, method=request.method, realm="Camera", nonce=nonce) or nonce not in self.left:
            self.refused += 1
            return self.challenge(request)
        self.left[nonce] -= 1
        if self.left[nonce] < 0:
            return self.again(request, nonce) if self.again else self.challenge(request)
        return regular(request)


async def session(camera: ScriptedCamera, credentials: Credentials = LOGIN) -> RtspConnection:
    """Play and tear down a session."""
    async with await RtspConnection.open("127.0.0.1", camera.port, ("127.0.0.1",)) as connection:
        description = await connection.describe(f"rtsp://127.0.0.1:{camera.port}/x", credentials)
        async with playing(connection, description, Tracks(description.session.videos[0]), Transport.TCP):
            pass
    return connection


@pytest.mark.parametrize("more", ["", ", stale=FALSE", ', stale="TRUE"', ", stale=true"])
@pytest.mark.parametrize("uses", [1, 2])
async def test_a_fresh_nonce_after_an_accepted_login_is_answered_once_more(uses: int, more: str) -> None:
    async with scripted(Nonces(uses, more=more)) as camera:
        connection = await session(camera)
    assert camera.methods()[-1] == "TEARDOWN"
    assert connection.login.accepted
    stale = "true" in more.lower()
    assert bool(connection.oddities.of(Oddity.NEW_NONCE)) != stale


async def test_a_403_for_a_spent_nonce_is_met_with_a_new_login() -> None:
    answer = Nonces(2, lambda request, _nonce: reply(request, status="403 Forbidden"))
    async with scripted(answer) as camera:
        connection = await session(camera)
    assert connection.oddities.of(Oddity.NEW_NONCE) == 1
    assert answer.refused == 0


async def test_a_403_that_stays_is_told_after_one_more_try() -> None:
    def answer(camera: ScriptedCamera, request: Request) -> bytes:
        return reply(request, status="403 Forbidden") if request.method == "PLAY" else nonces(camera, request)

    nonces = Nonces(9)
    async with scripted(answer) as camera:
        with pytest.raises(Exception, match="PLAY was answered with 403"):
            await session(camera)
    assert camera.methods().count("PLAY") == 2


async def test_a_wrong_password_is_tried_once_although_each_challenge_has_a_new_nonce() -> None:
    answer = Nonces(9)
    async with scripted(answer) as camera:
        with pytest.raises(LoginError, match="refused the user name or the password"):
            await session(camera, WRONG)
    assert (answer.refused, camera.methods()) == (1, ["DESCRIBE", "DESCRIBE"])


async def test_a_login_that_is_refused_twice_for_one_request_is_revoked() -> None:
    def answer(camera: ScriptedCamera, request: Request) -> bytes:
        return nonces.challenge(request) if request.method == "SETUP" else nonces(camera, request)

    nonces = Nonces(9)
    async with scripted(answer) as camera:
        with pytest.raises(LoginError, match="accepted the login before, and refuses it now") as raised:
            await session(camera)
    assert raised.value.reason == "revoked"
    assert camera.methods().count("SETUP") == 2


@pytest.mark.parametrize("ending", [CLOSE, RESET])
@pytest.mark.parametrize("secure", [False, True])
async def test_a_camera_that_closes_the_connection_with_its_challenge_is_asked_over_another(
    ending: bytes, secure: bool, tls: Tls
) -> None:
    def answer(_camera: ScriptedCamera, request: Request) -> bytes:
        if request.headers.get("authorization"):
            return regular(request)
        return reply(request, offer("n"), ("Connection", "Close"), status="401 Unauthorized") + ending

    async with (
        scripted(answer, tls.context if secure else None) as camera,
        await RtspConnection.open("127.0.0.1", camera.port, ("127.0.0.1",)) as connection,
    ):
        if secure:
            await connection.secure(str(tls.authority))
        await connection.describe(f"rtsp://127.0.0.1:{camera.port}/x", LOGIN)
    assert camera.connections == 2
    assert connection.oddities.of(Oddity.CLOSED_AFTER_CHALLENGE) == 1


async def test_a_camera_that_closes_each_connection_after_a_login_is_left() -> None:
    def answer(_camera: ScriptedCamera, request: Request) -> bytes:
        if request.headers.get("authorization"):
            return CLOSE
        return reply(request, offer("n"), status="401 Unauthorized")

    async with scripted(answer) as camera:
        with pytest.raises(ClosedError):
            await session(camera)
    assert camera.connections == 2


@pytest.mark.parametrize(
    "more",
    [
        "",
        ', qop="auth"',
        ', qop="auth,auth-int"',
        ', qop="auth-int"',
        ", qop=auth,auth-int, opaque=x",
        ", qop=auth-int",
        ', algorithm="md5"',
        ", algorithm=MD5",
        ", algorithm=",
        ', opaque=""',
        ", opaque=",
        '; opaque="x"; stale="false"',
        ', algorithm="SHA-256"',
        ", opaque=\"cut",
    ],
)  # fmt: skip
async def test_challenges_of_all_kinds_are_answered(more: str) -> None:
    async with scripted(Nonces(9, more=more)) as camera:
        connection = await session(camera)
    assert connection.login.accepted


@pytest.mark.parametrize(
    "offers",
    [
        ['Basic realm="Camera"', 'Digest realm="Camera", nonce="n0"'],
        ['Digest realm="Camera", nonce="n0"', 'Basic realm="Camera"'],
        ['Basic realm="Camera", Digest realm="Camera", nonce="n0"'],
        ['Digest realm="Camera", nonce="n0", algorithm=SHA-512', 'Digest realm="Camera", nonce="n0", algorithm=MD5'],
        ['digest realm="Camera", nonce="n0"'],
    ],
)
async def test_digest_is_chosen_of_several_offers(offers: list[str]) -> None:
    def answer(camera: ScriptedCamera, request: Request) -> bytes:
        if request.headers.get("authorization"):
            return nonces(camera, request)
        return reply(request, *(("WWW-Authenticate", each) for each in offers), status="401 Unauthorized")

    nonces = Nonces(9)
    nonces.left["n0"] = 9
    async with scripted(answer) as camera:
        connection = await session(camera)
    assert connection.login.accepted
    assert not any(request.headers.get("authorization").startswith("Basic") for request in camera.requests)


async def test_basic_after_a_403_gets_no_password() -> None:
    """The device accepted Digest. Its credentials allow Basic for cameras that never offered Digest."""

    def answer(camera: ScriptedCamera, request: Request) -> bytes:
        if request.method != "PLAY":
            return nonces(camera, request)
        if request.headers.get("authorization"):
            return reply(request, status="403 Forbidden")
        return reply(request, ("WWW-Authenticate", 'Basic realm="Camera"'), status="401 Unauthorized")

    nonces = Nonces(9)
    async with scripted(answer) as camera:
        with pytest.raises(LoginError):
            await session(camera, replace(LOGIN, auth=AuthPolicy.BASIC))
    assert not any("Basic" in request.headers.get("authorization") for request in camera.requests)


@pytest.mark.parametrize("uses", [1, 2])
async def test_no_login_pause_comes_of_fresh_nonces(uses: int) -> None:
    async with scripted(Nonces(uses)) as camera:
        target = Target("cam", "127.0.0.1", camera.port, "/x", LOGIN)
        limits: Timeouts = PATIENT.but(stream=0.5)
        visited, memory = await visit(
            target, Rung.STREAM, Memory(), timeouts=limits, workers=Workers(1), now=time.time()
        )
    assert [finding.code for finding in visited.seen] == ["no_media"]
    assert memory.login.rtsp.was_accepted
    assert (memory.login.refusals, memory.login.rtsp.held_until) == ((), 0.0)
