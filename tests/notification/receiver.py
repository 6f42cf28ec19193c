"""A receiver of webhooks that checks signatures, and fails in the ways in which receivers fail."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.real.gstreamer import free_port

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def verified(request_headers: Any, body: bytes) -> bool:
    """Verify an event as docs/operating.md says."""
    sent = f"{request_headers['webhook-id']}.{request_headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, sent, hashlib.sha256)).decode()
    recent = abs(time.time() - int(request_headers["webhook-timestamp"])) < 300
    return recent and hmac.compare_digest(f"v1,{expected}", request_headers["webhook-signature"])


@dataclass
class Receiver:
    """What arrived; `mode` is how it answers: `ok`, a status, `slow`, `hang` or `flood`."""

    port: int = field(default_factory=free_port)
    mode: str = "ok"
    refused: str = ""
    calls: int = 0
    elsewhere: int = 0
    accepted: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/cameras?token=of-the-receiver"

    @property
    def told(self) -> list[tuple[str, str]]:
        """The kind of each event, and its problem."""
        return [(each["type"].removeprefix("problem."), each["data"]["problem"]) for each in self.accepted]

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.calls += 1
        assert verified(request.headers, body)
        event = json.loads(body)
        if self.mode == "hang":
            await asyncio.sleep(3600)
        if self.mode == "slow":
            await asyncio.sleep(0.2)
        if self.mode == "flood":
            return await self._flood(request)
        if self.mode.isdecimal():
            return web.Response(status=int(self.mode), headers={"Location": "/elsewhere"})
        if event["data"]["problem"] == self.refused:
            return web.Response(status=422)
        if request.headers["webhook-id"] not in self.ids:
            self.accepted.append(event)
            self.ids.append(request.headers["webhook-id"])
        return web.Response()

    async def _flood(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(65_536))
        return response

    async def _elsewhere(self, _request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()

    @contextlib.asynccontextmanager
    async def up(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Listen while the context lasts."""
        app = web.Application()
        app.router.add_post("/hooks/cameras", self._take)
        app.router.add_route("*", "/elsewhere", self._elsewhere)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=tls).start()
            yield
        finally:
            await runner.cleanup()
