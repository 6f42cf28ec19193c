"""Server-sent events: their form on the wire, and how many streams are open."""

from __future__ import annotations

import re

_LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line of an event stream (HTML, 9.2.5); other separators are text."""

MAX_LIVE_STREAMS = 200
"""Each open stream holds a connection and costs a little processor time at every change."""


class LiveStreams:
    """Counts the streams that are open."""

    def __init__(self) -> None:
        self._open = 0

    def enter(self) -> bool:
        """Count one more stream; return False if there are too many."""
        if self._open >= MAX_LIVE_STREAMS:
            return False
        self._open += 1
        return True

    def leave(self) -> None:
        """Count one stream less."""
        self._open -= 1


def data_line(event: str, text: str, identity: str = "") -> bytes:
    """Return one server-sent event."""
    lines = "\n".join(f"data: {line}" for line in _LINE_END.split(text))
    head = f"id: {identity}\n" if identity else ""
    return f"{head}event: {event}\n{lines}\n\n".encode()
