"""A camera that does not answer a login over RTSP may count it: at most three fall into half an hour."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.conftest import LOGIN
from tests.waiting import PATIENT
from xueliang_monitor.model import Rung, Target
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.login import MAX_REFUSALS
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit


@pytest.mark.parametrize("then", ["close", "hang"])
async def test_logins_without_an_answer_count(then: str) -> None:
    logins: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"Authorization:" in head:
                    logins.append(head)
                    if then == "hang":
                        await reader.read()
                    break
                number = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"cseq"))
                challenge = b'WWW-Authenticate: Digest realm="cam", nonce="n"'
                writer.write(b"\r\n".join((b"RTSP/1.0 401 Unauthorized", number, challenge, b"", b"")))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        target = Target("cam", "127.0.0.1", server.sockets[0].getsockname()[1], "/live", LOGIN)
        memory, workers, timeouts = Memory(), Workers(1), PATIENT.but(rtsp=0.5)
        for second in range(0, 120, 15):
            _, memory = await visit(
                target, Rung.RTSP, memory, timeouts=timeouts, workers=workers, now=1_800_000_000.0 + second
            )
    assert 1 <= len(logins) <= MAX_REFUSALS + 1  # the last visit allowed may send two
