"""Server-sent events: their form on the wire, and how many streams are open."""

from __future__ import annotations

import asyncio
import re

from xueliang_monitor.web.clients import OWN, group_of
from xueliang_monitor.web.fair_share import FairShare

_LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line of an event stream (HTML, 9.2.5); other separators are text."""

MAX_LIVE_STREAMS = 200
"""Each open stream holds a connection and costs a little processor time at every change."""


EACH = 64
"""Live streams of one client; each tab of a browser has one."""


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
