"""The relay as a service: takes calls of Alertmanager, keeps what is to be sent, and sends it."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from xueliang_monitor import atomic_write
from xueliang_monitor.clock import Clock, SystemClock
from xueliang_monitor.relay.alerts import WebhookError, parse
from xueliang_monitor.relay.messages import message
from xueliang_monitor.relay.queue import Queue, Stored
from xueliang_monitor.relay.senders import NotSentError, form_of, send
from xueliang_monitor.relay.settings import Receiver, Relay

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 16 * 1024 * 1024
"""Largest body of a call."""

ILL_AFTER = 3
"""After so many failed attempts in a row, `/healthz` answers with 503."""

STATE_FILE = "relay.json"
_STORED: TypeAdapter[dict[str, Stored]] = TypeAdapter(dict[str, Stored])


class Service:
    """One running relay."""

    def __init__(self, relay: Relay, clock: Clock | None = None) -> None:
        """Take up what was left at the last end.

        Raises:
            OSError: the state folder cannot be used.

        """
        self._relay = relay
        self._clock = clock or SystemClock()
        relay.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = relay.state / STATE_FILE
        stored = _read(self._file)
        self._queues = {
            name: Queue(receiver.pace, self._clock, stored.get(name)) for name, receiver in relay.receivers.items()
        }
        self._news = {name: asyncio.Event() for name in relay.receivers}
        self._saving = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Listen and send while the context lasts; yield the address.

        Raises:
            OSError: the address cannot be used.

        """
        app = web.Application(client_max_size=MOST_BODY_BYTES)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_post("/{receiver}", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._relay.host, self._relay.port)
            await site.start()
            host, port = runner.addresses[0][:2]
            async with aiohttp.ClientSession(trust_env=True) as session, asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._keep_sending(each, session)) for each in self._relay.receivers.values()
                ]
                try:
                    yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            await runner.cleanup()

    async def _healthz(self, request: web.Request) -> web.Response:
        told = {name: {"waiting": each.waiting, "failures": each.failures} for name, each in self._queues.items()}
        ill = any(each.failures >= ILL_AFTER for each in self._queues.values())
        return web.json_response({"receivers": told} if self._may(request) else {}, status=503 if ill else 200)

    def _may(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        wanted = f"Bearer {self._relay.token}"
        return not self._relay.token or hmac.compare_digest(given.encode(errors="replace"), wanted.encode())

    async def _take(self, request: web.Request) -> web.Response:
        if not self._may(request):
            return web.Response(status=401, text="a token is needed\n", headers={"WWW-Authenticate": "Bearer"})
        name = request.match_info["receiver"]
        queue = self._queues.get(name)
        if queue is None:
            return web.Response(status=404, text="there is no such receiver in relay.yaml\n")
        try:
            alerts = await asyncio.to_thread(parse, await request.read())
        except WebhookError as error:
            log.warning("a call for %s was refused: %s", name, error)
            return web.Response(status=400, text=f"{error}\n")
        news = queue.accept(alerts)
        if news:
            try:
                await self._save()
            except OSError as error:
                # It is sent all the same. Alertmanager repeats the call, which then tells nothing new.
                log.error("%s cannot be written: %s", self._file, error.strerror)  # noqa: TRY400
                return web.Response(status=503, text="the state cannot be written\n")
            finally:
                self._news[name].set()
        return web.json_response({"new": news})

    async def _keep_sending(self, receiver: Receiver, session: aiohttp.ClientSession) -> None:
        queue, news = self._queues[receiver.name], self._news[receiver.name]
        while True:
            news.clear()
            due_in = queue.due_in()
            if due_in == 0.0:
                await self._send(receiver, queue, session)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due_in):
                    await news.wait()

    async def _send(self, receiver: Receiver, queue: Queue, session: aiohttp.ClientSession) -> None:
        alerts, lost = queue.take()
        if not alerts:
            queue.sent()
            return
        try:
            text = message(alerts, receiver.language, form_of(receiver), lost)
            await send(receiver, text, session, self._clock)
        except NotSentError as error:
            pause = queue.failed()
            log.warning("%s: not sent, next attempt in %g s: %s", receiver.name, pause, error)
        except Exception:
            queue.failed()
            log.exception("%s: not sent", receiver.name)
        else:
            queue.sent()
            log.info("%s: sent a message about %d alerts", receiver.name, len(alerts))
            try:
                await self._save()
            except OSError as error:
                log.error("%s cannot be written: %s", self._file, error.strerror)  # noqa: TRY400

    async def _save(self) -> None:
        async with self._saving:
            stored = {name: queue.stored() for name, queue in self._queues.items()}
            await asyncio.to_thread(_write, self._file, stored)


def _write(file: Path, stored: dict[str, Stored]) -> None:
    atomic_write.write(file, _STORED.dump_json(stored))


def _read(file: Path) -> dict[str, Stored]:
    try:
        return _STORED.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        log.warning("%s cannot be read; alerts may be told again", file)
        return {}
