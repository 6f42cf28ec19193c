"""Serves the recorded responses of a camera over HTTP, unchanged."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from xueliang_monitor.simulator.soap_messages import fault, parse


@contextlib.asynccontextmanager
async def replay(folder: Path) -> AsyncIterator[tuple[int, list[tuple[str, str]]]]:
    """Serve on loopback; yield the port and the list of calls as path and operation."""
    answers: dict[str, list[tuple[int, bytes]]] = {}
    for exchange in json.loads((folder / "index.json").read_text())["exchanges"]:
        answers.setdefault(exchange["op"], []).append((exchange["status"], (folder / exchange["file"]).read_bytes()))
    calls: list[tuple[str, str]] = []

    async def serve(request: web.BaseRequest) -> web.Response:
        operation = parse(await request.read()).operation
        calls.append((request.path, operation))
        status, body = answers.get(operation, [(500, fault("Receiver", "ActionNotSupported", "not recorded"))])[0]
        return web.Response(status=status, body=body, content_type="text/html")  # the wrong content type

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1], calls
    finally:
        await runner.cleanup()
