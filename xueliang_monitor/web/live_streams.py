"""Server-sent events: their form on the wire, how many streams are open, and what is sent to many of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable

from xueliang_monitor.web.clients import OWN, group_of
from xueliang_monitor.web.fair_share import FairShare

_LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line of an event stream (HTML, 9.2.5); other separators are text."""

MAX_LIVE_STREAMS = 200
"""Each open stream holds a connection and costs a little processor time at every change."""

EACH = 64
"""Live streams of one client; each tab of a browser has one."""

BEAT_SECONDS = 5.0
"""A stream without updates sends a sign of life this often."""

QUEUED = 64
"""Updates that may wait for one browser."""


class LiveStreams:
    """The streams that are open. If there are too many, the client with most of them loses one."""

    def __init__(self) -> None:
        self._open: FairShare[asyncio.Transport] = FairShare(MAX_LIVE_STREAMS, EACH, apart=OWN.__contains__)

    def enter(self, client: str, transport: asyncio.Transport) -> bool:
        """Count one more stream, on a connection; return False if its client has too many."""
        entry = self._open.enter(group_of(client), transport)
        if entry.displaced is not None:
            entry.displaced.abort()
        return entry.admitted

    def leave(self, client: str, transport: asyncio.Transport) -> None:
        """Count one stream less."""
        self._open.leave(group_of(client), transport)


def data_line(event: str, text: str, identity: str = "") -> bytes:
    """Return one server-sent event."""
    lines = "\n".join(f"data: {line}" for line in _LINE_END.split(text))
    head = f"id: {identity}\n" if identity else ""
    return f"{head}event: {event}\n{lines}\n\n".encode()


class Broadcast:
    """The streams of one page in many browsers, each in its reader's language.

    A browser that reads too slowly is asked to load the page again.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._streams: dict[asyncio.Queue[bytes | None], str] = {}

    @property
    def languages(self) -> frozenset[str]:
        """The languages of the browsers that follow."""
        return frozenset(self._streams.values())

    def send(self, language: str, payload: bytes) -> None:
        """Send an update to the browsers of a language."""
        for queue in [queue for queue, spoken in self._streams.items() if spoken == language]:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(data_line("reload", ""))
            else:
                queue.put_nowait(payload)

    async def follow(self, language: str, first: Callable[[], bytes]) -> AsyncIterator[bytes]:
        """Yield the first update, then all that are sent from now on, and signs of life, until the streams end."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED)
        self._streams[queue] = language
        try:
            yield first()
            while True:
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        payload = await queue.get()
                except TimeoutError:
                    yield data_line("beat", str(int(self._now())))
                    continue
                if payload is None:
                    return
                yield payload
        finally:
            self._streams.pop(queue, None)

    def close(self) -> None:
        """End all streams."""
        for queue in self._streams:
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
