"""A connection that is opened anew is the same camera's, with TLS and the login as before."""

from __future__ import annotations

import pytest

from tests.conftest import LOGIN, Tls
from tests.net.scripted_camera import ScriptedCamera, regular, reply, scripted
from xueliang_monitor.model import Transport
from xueliang_monitor.net.rtsp import RtspConnection
from xueliang_monitor.net.setup import Tracks, playing
from xueliang_monitor.wire.messages import Request
from xueliang_monitor.wire.oddities import Oddity


def _with_login(_camera: ScriptedCamera, request: Request) -> bytes:
    if "digest" in request.headers.get("authorization").lower():
        return regular(request)
    return reply(request, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'), status="401 Unauthorized")


@pytest.mark.parametrize("secure", [False, True])
async def test_the_login_and_tls_are_kept_and_the_session_is_not(secure: bool, tls: Tls) -> None:
    async with scripted(_with_login, tls.context if secure else None) as camera:
        url = f"rtsp://127.0.0.1:{camera.port}/x"
        async with await RtspConnection.open("127.0.0.1", camera.port, ("127.0.0.1",)) as connection:
            if secure:
                await connection.secure(str(tls.authority))
            description = await connection.describe(url, LOGIN)
            connection.oddities.count(Oddity.OTHER_CSEQ)
            async with playing(connection, description, Tracks(description.session.videos[0]), Transport.TCP):
                pass
            await connection.reopen()
            assert connection.session_headers == ()
            await connection.describe(url, LOGIN)
    assert camera.connections == 2
    assert camera.methods() == ["DESCRIBE", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN", "DESCRIBE", "DESCRIBE"]
    assert connection.login.accepted
    assert connection.oddities.of(Oddity.OTHER_CSEQ) == 1
